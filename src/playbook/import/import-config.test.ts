import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { runs } from "../../testing/runs.fixture.ts";
import { parsePlaybook } from "../parse-playbook.ts";
import { type Imported, importConfig } from "./import-config.ts";

// Configs in the forms of the projects' own documentation, written anew: test/outside/README.md.
const folder = new URL("../../../test/outside/", import.meta.url);

function text(file: string): string {
  return readFileSync(new URL(file, folder), "utf8");
}

function imported(file: string): Imported {
  const result = importConfig(text(file), file);
  assert.equal(result.kind, "imported", JSON.stringify(result));
  return result as Imported;
}

/** Line and reason of what got lost, where the reason has these words. */
function lost({ lost }: Imported, words: RegExp): readonly number[] {
  return lost.filter(({ message, path }) => words.test(`${path}: ${message}`)).map(({ line }) => line);
}

interface Expected {
  readonly system: string;
  /** Trigger: claim. */
  readonly claims: readonly string[];
  /** How many parts got lost. */
  readonly lost: number;
}

const files: Readonly<Record<string, Expected>> = {
  "argo/background-analysis.yaml": {
    system: "quote-service",
    claims: ["low-success-rate: { success-rate: below, limit: 95% }"],
    lost: 4,
  },
  "argo/inline-step.yaml": { system: "triage", claims: ["high-error-rate: { error-rate: above, limit: 2% }"], lost: 6 },
  "argo/latency.yaml": {
    system: "quick-enough",
    claims: ["low-in-time-p95-latency: { p95-latency: below, limit: 95% }"],
    lost: 0,
  },
  "argo/no-data-tricks.yaml": {
    system: "tricks",
    claims: [
      "low-nan-is-fine: { nan-is-fine: below, limit: 95% }",
      "low-empty-is-fine: { empty-is-fine: below, limit: 90% }",
      "high-zero-by-default: { zero-by-default: above, limit: 5% }",
    ],
    lost: 5,
  },
  "argo/total-errors.yaml": { system: "totals", claims: [], lost: 5 },
  "argo/web-json.yaml": {
    system: "web-answers",
    claims: [
      "low-judged-good: { judged-good: below, limit: 90% }",
      "high-not-availability: { availability: above, limit: 0.5% }",
    ],
    lost: 4,
  },
  "flagger/podinfo-istio.yaml": {
    system: "loan-scorer",
    claims: [
      "low-request-success-rate: { request-success-rate: below, limit: 99% }",
      "low-in-time-request-duration: { request-duration: below, limit: 99% }",
    ],
    lost: 4,
  },
  "flagger/metric-template.yaml": {
    system: "search",
    claims: ["low-not-metric-404s-percentage: { metric-404s-percentage: below, limit: 95% }"],
    lost: 3,
  },
  "flagger/ab-test.yaml": {
    system: "greeter",
    claims: [
      "low-request-success-rate: { request-success-rate: below, limit: 99% }",
      "low-not-grpc-errors: { grpc-errors: below, limit: 99% }",
    ],
    lost: 3,
  },
  "flagger/datadog.yaml": {
    system: "checkout",
    claims: ["high-refused-orders: { refused-orders: above, limit: 10% }"],
    lost: 5,
  },
  "flagger/linkerd-fine-steps.yaml": {
    system: "ranker",
    claims: ["high-not-request-success-rate: { request-success-rate: above, limit: 0.1% }"],
    lost: 3,
  },
  "kayenta/config-golden-signals.json": {
    system: "loan-scorer",
    claims: [
      "more-http-errors: { http-errors: rises, by: 10% }",
      "slower-response-time-p95: { response-time-p95: slows, at: p95, by: 10% }",
      "fewer-success-rate: { success-rate: falls, by: 10% }",
    ],
    lost: 6,
  },
  "kayenta/config-machine-levels.json": { system: "machinelevels", claims: [], lost: 4 },
  "kayenta/config-muted-and-missing.json": {
    system: "muted-and-missing",
    claims: ["more-bad-answers-for-v1-chat: { bad-answers-for-v1-chat: rises, by: 10% }"],
    lost: 4,
  },
  "kayenta/config-newrelic.json": {
    system: "kitchen",
    claims: [
      "fewer-apdex: { apdex: falls, by: 10% }",
      "slower-transaction-time: { transaction-time: slows, at: p95, by: 10% }",
      "more-error-rate: { error-rate: rises, by: 10% }",
    ],
    lost: 4,
  },
  "kayenta/config-cles.json": {
    system: "chance-of-larger",
    claims: ["more-errors: { errors: rises, by: 10% }", "more-errors-2: { errors-2: rises, by: 10% }"],
    lost: 2,
  },
};

for (const [file, expected] of Object.entries(files)) {
  test(`${file} becomes a playbook that lints, with all that it does not say`, () => {
    const result = imported(file);
    assert.equal(result.system, expected.system);
    for (const claim of expected.claims)
      assert.ok(result.playbook.includes(`\n  ${claim}\n`), `${claim}\n${result.playbook}`);
    assert.equal(result.rules.length, expected.claims.length);
    assert.equal(result.lost.length, expected.lost, JSON.stringify(result.lost, undefined, 1));
    for (const { line, column, path } of result.lost)
      assert.ok(result.playbook.includes(`# - ${line}:${column} ${path}: `));
    const parsed = parsePlaybook(result.playbook, "imported.yaml");
    if (expected.claims.length === 0) {
      // Nothing could be counted: an empty playbook is not made to look whole.
      assert.equal(parsed.kind, "invalid");
      assert.ok(result.toFill.some((what) => what.startsWith("signals, when, fixed")));
      return;
    }
    assert.equal(parsed.kind, "parsed", JSON.stringify(parsed));
    assert.equal(parsed.playbook.authority, "observe");
    assert.deepEqual(
      parsed.findings.filter(({ level }) => level === "error"),
      [],
    );
    assert.deepEqual(
      parsed.playbook.triggers.map(({ name }) => name),
      result.rules.map(({ trigger }) => trigger),
    );
  });
}

test("every example has been looked at", () => {
  const here = ["argo", "flagger", "kayenta"].flatMap((kind) =>
    readdirSync(new URL(`${kind}/`, folder)).map((file) => `${kind}/${file}`),
  );
  const vectors = ["kayenta/classifier.json", "kayenta/mann-whitney.json"];
  assert.deepEqual(here.filter((file) => !vectors.includes(file)).toSorted(), Object.keys(files).toSorted());
});

test("the incumbent's rule is told: threshold, interval, window, tolerated failures", () => {
  assert.deepEqual(imported("argo/background-analysis.yaml").rules, [
    {
      product: "argo",
      trigger: "low-success-rate",
      signal: "success-rate",
      threshold: { side: "below", limit: 0.95 },
      every: 300_000,
      window: 300_000,
      failureLimit: 3,
    },
  ]);
  const [, slow] = imported("flagger/podinfo-istio.yaml").rules;
  // Flagger gives up at its fifth failed check, so four are tolerated.
  assert.deepEqual([slow?.failureLimit, slow?.every, slow?.window], [4, 60_000, 30_000]);
  const [errors] = imported("kayenta/config-golden-signals.json").rules;
  assert.deepEqual(errors?.ranks, { direction: "increase", measure: "meanRatio", size: 1.1 });
  assert.deepEqual(imported("kayenta/config-cles.json").rules[0]?.ranks, {
    direction: "increase",
    measure: "cles",
    size: 0.7,
  });
});

test("counters of both arms come from the queries, and the label that tells them apart", () => {
  const argo = imported("argo/background-analysis.yaml").connections ?? "";
  assert.match(argo, /release: destination_service\n/);
  assert.match(argo, /"quote-service-canary\.insurance\.svc\.cluster\.local": candidate/);
  const flagger = imported("flagger/podinfo-istio.yaml").connections ?? "";
  assert.match(flagger, /values: \{ "loan-scorer": candidate, "loan-scorer-primary": stable \}/);
  assert.match(flagger, /part: 'istio_request_duration_milliseconds_bucket\{.*le="500"\}'/);
  assert.match(imported("argo/inline-step.yaml").connections ?? "", /release: rollouts_pod_template_hash\n/);
  assert.match(
    imported("flagger/linkerd-fine-steps.yaml").connections ?? "",
    /classification="failure"\}'\n[^\n]*\n\s+missing: zero/,
  );
  assert.equal(imported("kayenta/config-cles.json").connections, undefined);
});

test("secrets are never copied", () => {
  const result = imported("argo/web-json.yaml");
  assert.ok(!JSON.stringify(result).includes("secret@"));
});

test("steps: weights, the longest pause, at most twenty, and what was chosen says so", () => {
  const release = (file: string) => /release: .*/.exec(imported(file).playbook)?.[0];
  assert.equal(
    release("argo/background-analysis.yaml")?.slice(0, 65),
    "release: { canary: [10, 30, 60], each: 30m, holdback: 5% }  # spe",
  );
  assert.match(release("flagger/linkerd-fine-steps.yaml") ?? "", /\[3, 6, 9, .*, 57, 60\], each: 2m/);
  assert.match(release("flagger/metric-template.yaml") ?? "", /\[1, 2, 10, 80\], each: 30s/);
  assert.match(release("flagger/ab-test.yaml") ?? "", /# chosen; /);
  assert.match(release("kayenta/config-cles.json") ?? "", /FILL IN: chosen/);
  assert.match(release("argo/web-json.yaml") ?? "", /warm-up: 2m,/);
});

test("what only people know is taken from options, else marked", () => {
  const options = { system: "loans", owner: "credit-risk", risk: "high", traffic: "600 applications/s" };
  const result = importConfig(text("argo/latency.yaml"), "latency.yaml", options) as Imported;
  const parsed = parsePlaybook(result.playbook, "loans.yaml");
  assert.equal(parsed.kind, "parsed");
  const { system, owner, risk, trafficPerSecond } = parsed.playbook;
  assert.deepEqual([system, owner, risk, trafficPerSecond], ["loans", "credit-risk", "high", 600]);
  assert.ok(!result.toFill.some((what) => /^(?:owner|risk|traffic)/.test(what)));
  assert.ok(imported("argo/latency.yaml").toFill.some((what) => what.startsWith("owner")));
});

test("arguments take their place in limits and numbers; one without a value is told, and stays", () => {
  const template = (limit: string) => `kind: AnalysisTemplate
metadata: { name: judged }
spec:
  args: [{ name: least, ${limit} }, { name: tolerated, value: "4" }, { name: runs }]
  metrics:
    - name: success-rate
      interval: 1m
      count: "{{args.runs}}"
      failureLimit: "{{args.tolerated}}"
      successCondition: result >= {{ args.least }}
      provider: { newRelic: { query: "FROM Answers SELECT percentage" } }
`;
  const known = importConfig(template('value: "0.9"'), "judged.yaml") as Imported;
  assert.match(known.playbook, /low-success-rate: \{ success-rate: below, limit: 90% \}/);
  assert.equal(known.rules[0]?.failureLimit, 4);
  assert.deepEqual(lost(known, /count: \{\{args.runs\}\} has no value/), [8]);
  const open = importConfig(template("valueFrom: { fieldRef: { fieldPath: status.x } }"), "judged.yaml") as Imported;
  assert.deepEqual(lost(open, /the condition cannot be read/), [10]);
  assert.ok(open.toFill.some((what) => what.includes("{{args.least}}")));
});

test("dry runs are found by pattern, and programs and judges of others say what they are", () => {
  const config = `kind: AnalysisTemplate
metadata: { name: mixed }
spec:
  dryRun: [{ metricName: ".*-trial" }, { metricName: a.*b.*c }, { metricName: exact }]
  metrics:
    - { name: one-trial, provider: { web: { url: "http://x" } } }
    - { name: a-x-b-c, provider: { web: { url: "http://x" } } }
    - { name: exact, provider: { web: { url: "http://x" } } }
    - { name: a-c, provider: { job: {} } }
    - { name: ranks, provider: { kayenta: {} } }
    - { name: none }
`;
  const result = importConfig(config, "mixed.yaml") as Imported;
  assert.deepEqual(lost(result, /dry run/), [6, 7, 8]);
  assert.deepEqual(lost(result, /exit code/), [9]);
  assert.deepEqual(lost(result, /asks Kayenta/), [10]);
  assert.deepEqual(lost(result, /none \(none\) has no condition/), [11]);
});

test("an unknown key anywhere is told, and one that is switched off is not", () => {
  const changed = text("flagger/podinfo-istio.yaml").replace(
    "    stepWeight: 10\n",
    "    stepWeight: 10\n    brandNew: 3\n    suspend: false\n",
  );
  const result = importConfig(changed, "canary.yaml") as Imported;
  assert.deepEqual(lost(result, /brandNew: a playbook has nothing for it/), [21]);
  assert.deepEqual(lost(result, /suspend/), []);
});

test("a file of several kinds is read as what is wanted, and the rest is told", () => {
  const both = `${text("argo/latency.yaml")}---\n${text("flagger/datadog.yaml")}`;
  const first = importConfig(both, "both.yaml") as Imported;
  assert.equal(first.from, "argo");
  assert.equal(lost(first, /another kind of object/).length, 2);
  const second = importConfig(both, "both.yaml", {}, "flagger") as Imported;
  assert.equal(second.from, "flagger");
});

test("a workload whose name no cluster allows is told, and what is left is a playbook", () => {
  const odd = "([loan-scorer";
  for (const file of ["flagger/podinfo-istio.yaml", "argo/inline-step.yaml"]) {
    const whole = text(file);
    const name = /(?:targetRef:\n(?: {4}.*\n)* {4}name|metadata:\n {2}name): (\S+)/.exec(whole)![1]!;
    const result = importConfig(whole.replaceAll(`name: ${name}`, `name: ${odd}`), "odd.yaml") as Imported;
    assert.equal(lost(result, /is no name that Kubernetes allows/).length, 1, file);
    assert.doesNotMatch(result.playbook, /at: k8s/);
    assert.equal(parsePlaybook(result.playbook, "odd.yaml").kind, "parsed", result.playbook);
  }
});

test("no file throws, whatever is done to it, and what is imported is never broken YAML", () => {
  const sources = Object.keys(files).map(text);
  const cut = fc.record({
    source: fc.constantFrom(...sources),
    at: fc.nat(),
    length: fc.nat({ max: 40 }),
    put: fc.string({ maxLength: 12 }),
  });
  fc.assert(
    fc.property(cut, ({ source, at, length, put }) => {
      const place = at % source.length;
      const result = importConfig(source.slice(0, place) + put + source.slice(place + length), "fuzz.yaml");
      if (result.kind === "invalid") return;
      const parsed = parsePlaybook(result.playbook, "fuzz.yaml");
      if (parsed.kind === "parsed") return;
      assert.ok(
        result.rules.length === 0 || !parsed.issues.some(({ code }) => /^YAML|^HIDDEN/.test(code)),
        result.playbook,
      );
    }),
    { numRuns: runs(150) },
  );
});
