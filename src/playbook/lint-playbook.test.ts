import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { HardLimit, Signal } from "../core/playbook.ts";
import { binomialTail } from "../statistics/index.ts";
import { informationBound } from "../statistics/information-bound.ts";
import { falseAlarmPrice } from "./lint-hard-limits.ts";
import { type LintRule, lintPlaybook } from "./lint-playbook.ts";
import { parsePlaybook } from "./parse-playbook.ts";
import { decidedAfter, evidenceAfter } from "./release-evidence.ts";

const loan = readFileSync(join(import.meta.dirname, "../../test/playbooks/good/loan-approval.yaml"), "utf8");

function lint(...changes: readonly (readonly [from: string, to: string])[]) {
  const text = changes.reduce((current, [from, to]) => {
    assert.ok(current.includes(from), from);
    return current.replace(from, to);
  }, loan);
  const parsed = parsePlaybook(text, "a.yaml");
  assert.equal(parsed.kind, "parsed", JSON.stringify(parsed));
  return parsed;
}

const named = (found: ReturnType<typeof lint>, name: LintRule) =>
  found.findings.filter((finding) => finding.name === name);

test("the loan playbook has no lint errors, and every finding about a line has its place", () => {
  const { findings } = lint();
  assert.deepEqual(
    findings.filter((finding) => finding.level === "error"),
    [],
  );
  assert.ok(findings.every((finding) => finding.about === undefined || (finding.line ?? 0) > 1));
  assert.deepEqual(findings.find((finding) => finding.about === "when.meltdown")?.line, 22);
});

test("only technical triggers are refused, and one on an outcome is enough", () => {
  const technical = [
    ["  rising-losses:  { losses: rises, by: 60% }\n", "  more-errors: { errors: rises, by: 60% }\n"],
    ["  lost-approvals: { approvals: falls, by: 15% }\n", ""],
  ] as const;
  assert.equal(named(lint(...technical), "only-technical")[0]?.level, "error");
  assert.equal(named(lint(technical[0]), "only-technical").length, 0);
});

test("an alias where a version belongs is refused", () => {
  const at = (address: string) => named(lint(["http://lending/components/model", address]), "unpinned-address");
  for (const wrong of [
    "dvc://features/loans",
    "dvc://features/loans@main",
    "hf://owner/model",
    "oci://registry/model:latest",
    "https://models/loan/latest",
  ]) {
    assert.equal(at(wrong)[0]?.level, "error", wrong);
    assert.equal(at(wrong)[0]?.line, 9);
  }
  const digest = "0".repeat(64);
  for (const right of [
    "mlflow://models/loan@champion",
    "git://serving/models/loan",
    "dvc://f@9f2c1e",
    `oci://r/m@sha256:${digest}`,
    "https://models/loan",
  ]) {
    assert.deepEqual(at(right), [], right);
  }
});

test("a route that is called otherwise than the system is a warning", () => {
  assert.equal(named(lint(["gateway://loan-approval", "gateway://loans"]), "route-name")[0]?.level, "warning");
});

test("traffic that can never decide a trigger is an error, and too little for twice the margin a warning", () => {
  assert.equal(named(lint(["600 applications/s", "1 applications/s"]), "undecidable")[0]?.level, "error");
  assert.equal(named(lint(["600 applications/s", "300 applications/s"]), "blind-spot")[0]?.level, "warning");
  assert.deepEqual(named(lint(["600 applications/s", "60000 applications/s"]), "blind-spot"), []);
});

test("a criterion that `for` cannot prove is a warning, and one that `within` cannot prove an error", () => {
  assert.deepEqual(named(lint(), "slow-criterion"), []);
  assert.equal(named(lint(["for: 5s", "for: 1s"]), "slow-criterion")[0]?.about, "fixed.errors");
  const never = named(lint(["for: 5s", "for: 1s"], ["within: 60s", "within: 1s"]), "undecidable");
  assert.match(never[0]?.hint ?? "", /`for: 5s`/);
});

test("each trigger gets its number of observations, its time and the assumption behind them", () => {
  const note = named(lint(), "decidable").find((finding) => finding.about === "when.lost-approvals");
  assert.match(
    note?.message ?? "",
    /needs 600 observations of the candidate at 10% in half .*\(no test fewer than 504 on average\), 10\.0 s of the stated/,
  );
  assert.match(note?.message ?? "", /assuming that normally 60 % of applications are approved/);
});

test("without traffic observations are still counted, and the silence is a warning", () => {
  const silent = lint(["traffic: 600 applications/s\n", ""]);
  assert.equal(named(silent, "no-traffic")[0]?.level, "warning");
  assert.match(named(silent, "decidable")[0]?.message ?? "", /observations of the candidate at 10%/);
});

test("a hard limit near the baseline costs more than the budget, and lint says how much", () => {
  const dear = named(
    lint(["errors > 5%, over: 10s, min: 200", "errors > 0.8%, over: 30s, min: 100"]),
    "false-alarm-price",
  );
  assert.equal(dear[0]?.level, "warning");
  assert.match(dear[0]?.message ?? "", /1 in \d+ windows|of 100 windows/);
  assert.equal(named(lint(), "false-alarm-price")[0]?.level, "note");
});

test("the published rule of 0.8 % over 150 requests false-alarms in 17 % of windows, either way round", () => {
  const errors: Signal = { name: "e", kind: "share", part: "failed", of: "requests", from: "gateway", better: "down" };
  const hard = (comparison: HardLimit["comparison"], limit: number): HardLimit => ({
    name: "h",
    signal: "e",
    comparison,
    limit,
    min: 1,
  });
  const price = falseAlarmPrice(hard(">", 0.008), errors, 0.005, 150);
  assert.ok(Math.abs(price - 0.173) < 0.005, String(price));
  const served: Signal = { ...errors, part: "served", better: "up" };
  assert.ok(Math.abs(falseAlarmPrice(hard("<", 0.992), served, 0.005, 150) - price) < 1e-12);
  assert.ok(
    falseAlarmPrice(hard("<=", 0.98), served, 0.005, 150) > falseAlarmPrice(hard("<", 0.98), served, 0.005, 150),
  );
  assert.ok(
    falseAlarmPrice(hard(">=", 0.02), errors, 0.005, 150) > falseAlarmPrice(hard(">", 0.02), errors, 0.005, 150),
  );
  assert.equal(falseAlarmPrice(hard("<", 0), served, 0.005, 150), 0);
});

test("the binomial tail is the sum of its terms", () => {
  const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n, k - 1) * (n - k + 1)) / k);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: -1, max: 42 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (n, k, p) => {
        let sum = 0;
        for (let i = Math.max(0, k); i <= n; i++) sum += choose(n, i) * p ** i * (1 - p) ** (n - i);
        assert.ok(Math.abs(binomialTail(n, p, k) - sum) < 1e-9);
      },
    ),
  );
});

test("evidence only grows during a release, and decides first where it reaches one", () => {
  const question = {
    how: { steps: [5, 50, 100], each: 10_000 },
    perSecond: 500,
  };
  const needs = (times: number, share: number) =>
    informationBound({ p1: 0.05 + times * 0.01, p0: 0.05, ratio: 1.2, points: 0, share, alpha: 0.001 });
  const at = (times: number) => ({ ...question, needs: (share: number) => needs(times, share) });
  assert.equal(evidenceAfter(0, at(15)), 0);
  fc.assert(
    fc.property(fc.nat({ max: 30_000 }), fc.nat({ max: 30_000 }), (a, b) => {
      const [early, late] = [Math.min(a, b), Math.max(a, b)].map((span) => evidenceAfter(span, at(15)));
      assert.ok(early! <= late! + 1e-12);
    }),
  );
  const moment = decidedAfter(at(15)) ?? assert.fail("nothing is decidable");
  assert.ok(Math.abs(evidenceAfter(moment, at(15)) - 1) < 1e-6);
  assert.equal(decidedAfter({ ...at(15), perSecond: 0.001 }), undefined);
});

test("signals without use and triggers without proof are noted", () => {
  assert.equal(named(lint(), "unproved-signal")[0]?.about, "when.lost-approvals");
  const spare = lint(["signals:\n", "signals:\n  spare: { share: a, of: b, from: events, better: up }\n"]);
  assert.equal(named(spare, "unused-signal")[0]?.about, "signals.spare");
});

test("a playbook made by hand without triggers and criteria is refused as well", () => {
  const { playbook } = lint();
  const empty = lintPlaybook({ ...playbook, triggers: [], hardLimits: [], fixed: { criteria: [], for: 1000 } });
  const errors = empty.filter((finding) => finding.level === "error").map((finding) => finding.name);
  assert.deepEqual(errors.sort(), ["no-criterion", "no-trigger"]);
});

test("with the connections known, every address that nothing serves is an error, under observe a warning", () => {
  const schemes = ["http"];
  const at = (text: string) => {
    const parsed = parsePlaybook(text, "loan.yaml");
    assert.equal(parsed.kind, "parsed");
    const { playbook } = parsed as Extract<typeof parsed, { kind: "parsed" }>;
    return lintPlaybook(playbook, { schemes }).filter(({ name }) => name === "unserved-address");
  };
  assert.deepEqual(at(loan), []);
  const foreign = loan
    .replace("http://lending/components/model", "mlflow://models/loan@champion")
    .replace("page://dashboard", "slack://credit")
    .replace("of: loans, from: events", "of: loans, from: prometheus");
  const found = at(foreign);
  assert.deepEqual(
    found.map(({ about, level }) => [about, level]),
    [
      ["what.model", "error"],
      ["who.now", "error"],
      ["signals.losses", "error"],
    ],
  );
  assert.match(found[0]?.message ?? "", /no connection called `mlflow`/);
  assert.equal(at(foreign.replace("authority: act", "authority: observe"))[0]?.level, "warning");
});

test("a gateway's signal under a release flag would never have data", () => {
  const flagged = lint(["route:  gateway://loan-approval", "route:  flags://loan-release"]);
  assert.deepEqual(
    named(flagged, "no-gateway").map(({ about, level }) => [about, level]),
    [["signals.errors", "error"]],
  );
});

test("high risk without an environment is a warning, and a holdback without an end a note", () => {
  const bare = lint(["environment: { name: demo, is: local }\n", ""]);
  assert.equal(named(bare, "no-environment")[0]?.level, "warning");
  assert.equal(named(bare, "holdback-without-end")[0]?.level, "note");
});

const watched = readFileSync(join(import.meta.dirname, "../../docs/examples/loan-approval.yaml"), "utf8");

function lintWatched(from: string, to: string) {
  assert.ok(watched.includes(from), from);
  const parsed = parsePlaybook(watched.replace(from, to), "a.yaml");
  assert.equal(parsed.kind, "parsed", JSON.stringify(parsed));
  return parsed;
}

test("labels slower than the release and its holdback, than a trigger's window or than `for` are refused", () => {
  const slow = (from: string, to: string) => named(lintWatched(from, to), "slow-labels");
  assert.deepEqual(slow("labels: 2d", "labels: 13d"), []);
  assert.equal(slow("labels: 2d", "labels: 30d")[0]?.about, "when.missed-fraud");
  assert.equal(slow("holdback: 5% for 14d", "holdback: 5%")[0]?.level, "error");
  const within = slow("limit: 1.5% }", "limit: 1.5%, within: 10m }");
  assert.match(within[0]?.message ?? "", /known only after 2 d 0 h/);
  for (const [span, refused] of [
    ["2d", true],
    ["49h", false],
  ] as const)
    assert.equal(slow("limit: 1.5% }", `limit: 1.5%, within: ${span} }`).length > 0, refused, span);
  const proved = slow("  errors:    { below: 0.8% }", "  errors:    { below: 0.8% }\n  missed:    { below: 1% }");
  assert.deepEqual(
    proved.map(({ about }) => about),
    ["fixed.missed"],
  );
});

test("triggers that watch only what the gateway sees are a warning, though their words are not technical", () => {
  const only = lint(
    ["of: loans, from: events", "of: loans, labels: 30s, from: gateway"],
    ["of: applications, from: events", "of: applications, labels: 30s, from: gateway"],
  );
  assert.deepEqual(
    named(only, "only-technical").map(({ level, about }) => [level, about]),
    [["warning", "when"]],
  );
  assert.deepEqual(
    named(lint(["of: loans, from: events", "of: loans, labels: 30s, from: gateway"]), "only-technical"),
    [],
  );
});

test("a fallback that others move, or that is what is being rolled back, is no fallback", () => {
  const moved = lintWatched("mlflow://models/loan-scorecard/1", "mlflow://models/loan-scorecard@champion");
  assert.deepEqual(
    named(moved, "unpinned-address").map(({ level, about }) => [level, about]),
    [["error", "how.else"]],
  );
  const same = lintWatched("mlflow://models/loan-scorecard/1", "dvc://features/loans@9f2c1e");
  assert.equal(named(same, "sick-fallback")[0]?.about, "how.else");
  assert.equal(named(same, "sick-fallback")[0]?.level, "warning");
  assert.deepEqual(named(lintWatched("risk: high", "risk: high"), "sick-fallback"), []);
});
