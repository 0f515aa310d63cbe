import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { digestOf } from "../core/digest.ts";
import { runs } from "../testing/runs.fixture.ts";
import { renderFindings, renderIssues } from "./issue-frame.ts";
import { parsePlaybook } from "./parse-playbook.ts";

const corpus = join(import.meta.dirname, "../../test/playbooks");
const read = (path: string) => readFileSync(join(corpus, path), "utf8");
const loan = read("good/loan-approval.yaml");
const expected: Record<string, string[]> = JSON.parse(read("broken/expected.json"));

/** The issues of a text as `CODE line:column`. */
function issuesOf(text: string): string[] {
  const parsed = parsePlaybook(text, "a.yaml");
  return parsed.kind === "parsed" ? [] : parsed.issues.map((issue) => `${issue.code} ${issue.line}:${issue.column}`);
}

/** The only issue of the loan playbook with one place changed. */
function issueOf(from: string, to: string) {
  assert.ok(loan.includes(from), from);
  const parsed = parsePlaybook(loan.replace(from, to), "a.yaml");
  assert.equal(parsed.kind, "invalid", `${to} was accepted`);
  assert.equal(parsed.issues.length, 1, JSON.stringify(parsed.issues));
  return parsed.issues[0]!;
}

function parsed(text: string) {
  const result = parsePlaybook(text, "a.yaml");
  if (result.kind === "invalid") assert.fail(renderIssues(result.issues, text, { colour: false }));
  return result.playbook;
}

test("the loan playbook is read to the last word", () => {
  const playbook = parsed(loan);
  assert.equal(playbook.digest, digestOf(loan));
  assert.equal(playbook.trafficPerSecond, 600);
  assert.equal(playbook.falseAlarms, 0.001);
  assert.deepEqual(playbook.components[3], {
    name: "schema",
    at: "http://lending/components/schema",
    undo: "compensatable",
  });
  assert.deepEqual(playbook.triggers[1], {
    kind: "compare",
    name: "lost-approvals",
    signal: "approvals",
    move: "falls",
    by: { kind: "relative", value: 0.15 },
  });
  assert.deepEqual(playbook.hardLimits, [
    { name: "meltdown", signal: "errors", comparison: ">", limit: 0.05, over: 10_000, min: 200 },
  ]);
  assert.deepEqual(playbook.how, {
    steps: [10, 25, 50, 95],
    each: 3000,
    holdback: 5,
    contain: "stable",
    within: 60_000,
  });
  assert.deepEqual(playbook.fixed.criteria[1], { kind: "below", signal: "errors", limit: 0.008 });
  assert.deepEqual(playbook.who, { now: ["page://dashboard"] });
});

test("a parsed playbook is frozen to its leaves", () => {
  const playbook = parsed(loan);
  assert.ok(Object.isFrozen(playbook.how.steps) && Object.isFrozen(playbook.triggers[0]));
});

for (const file of readdirSync(join(corpus, "good"))) {
  test(`the good playbook ${file} is accepted`, () => {
    parsed(read(`good/${file}`));
  });
}

test("silence means the documented defaults", () => {
  const playbook = parsed(read("good/smallest.yaml"));
  assert.equal(playbook.falseAlarms, 0.001);
  assert.equal(playbook.how.holdback, 5);
  assert.equal(playbook.how.within, 60_000);
  assert.equal(playbook.trafficPerSecond, undefined);
  assert.deepEqual(playbook.who.now, []);
});

test("a schema that does not say its way back is refused, however it is written", () => {
  const said = "schema: { at: http://lending/components/schema, undo: view-switch }";
  for (const silent of ["schema: http://lending/components/schema", "schema: { at: http://lending/components/schema }"])
    assert.equal(issueOf(said, silent).code, "MISSING_KEY");
  assert.equal(issueOf(said, "tables: flyway://loans-db").code, "MISSING_KEY");
});

test("traffic by the minute, percentages in the canary and points are understood", () => {
  const playbook = parsed(read("good/every-form.yaml"));
  assert.equal(playbook.trafficPerSecond, 2000);
  assert.deepEqual(playbook.how.steps, [0.5, 5, 100]);
  assert.deepEqual(
    playbook.components.map((component) => component.undo),
    [undefined, "compensatable", "retriable", "irreversible", "pivot", "compensatable", undefined],
  );
});

test("the broken playbooks and the table of what is wrong with them name the same files", () => {
  const files = readdirSync(join(corpus, "broken")).filter((name) => name.endsWith(".yaml"));
  assert.deepEqual(Object.keys(expected).sort(), files.sort());
  assert.ok(files.length >= 70);
});

for (const [file, issues] of Object.entries(expected)) {
  test(`the broken playbook ${file} gets exactly its errors, with line and column`, () => {
    assert.deepEqual(issuesOf(read(`broken/${file}`)), issues);
  });
}

test("a file above 256 KiB is refused unread", () => {
  assert.deepEqual(issuesOf(`${loan}#${"x".repeat(256 * 1024)}`), ["TOO_LARGE 1:1"]);
});

test("a byte order mark and Windows line ends change neither the meaning nor the columns", () => {
  const windows = `\ufeff${loan.replaceAll("\n", "\r\n")}`;
  assert.deepEqual({ ...parsed(windows), digest: "" }, { ...parsed(loan), digest: "" });
  assert.deepEqual(issuesOf(`\ufeff${loan.replace("rollbook: v1", "rollbook: v2")}`), ["WRONG_VERSION 1:11"]);
});

test("the nearest right word is named", () => {
  assert.match(issueOf("risk: high", "risk: hihg").hint, /`high`/);
  assert.match(issueOf("authority: act", "autority: act").hint, /`authority`/);
  assert.match(issueOf("{ losses: rises", "{ loses: rises").hint, /`losses`/);
  assert.match(issueOf("losses: rises, by: 60%", "losses: rises, by: 60%, overr: 3s").hint, /`over`/);
  assert.match(issueOf("losses: rises,", "losses: drifts,").hint, /`rises` or `falls`/);
  assert.match(issueOf("from: gateway", "from: gatewey").hint, /`gateway`/);
});

test("a quantity in another unit gets the way to write it", () => {
  assert.match(issueOf("each: 3s", "each: 3 minutes").hint, /`3m`/);
  assert.match(issueOf("each: 3s", "each: 250 ms").hint, /`250ms`/);
  assert.match(issueOf("each: 3s", "each: 3 fortnights").message, /not a span/);
  assert.match(issueOf("by: 60%", "by: 60").hint, /60%.*60pp/);
  assert.match(issueOf("by: 60%", "by: 0.6").hint, /`by: 60%`/);
  assert.match(issueOf("by: 60%", "by: 60 percent").hint, /`by: 60%`/);
  assert.match(issueOf("by: 60%", "by: a lot").message, /not a number/);
  assert.match(issueOf("by: 60%", "by: 0%").message, /no usable margin/);
  assert.match(issueOf("holdback: 5%", "holdback: 5").hint, /`holdback: 5%`/);
  assert.match(issueOf("holdback: 5%", "holdback: some").message, /not a percentage/);
  assert.match(issueOf("600 applications/s", "2k/s").hint, /2000/);
  assert.match(issueOf("600 applications/s", "plenty").message, /not a rate/);
  assert.match(issueOf("600 applications/s", "0/s").message, /no usable traffic/);
  assert.match(issueOf("min: 200", "min: some").message, /whole number/);
  assert.match(issueOf("min: 200", "min: 0").message, /outside 1/);
  assert.match(issueOf("errors > 5%", "errors").message, /not a condition/);
  assert.match(issueOf("errors > 5%", "errors ≤ 5%").hint, /<=/);
});

test("counts take whole hard limits from above, and nothing else", () => {
  const count = (limit: string) =>
    loan
      .replace("when:\n", `when:\n  leak: { hard: leaks ${limit} }\n`)
      .replace(
        "signals:\n",
        "signals:\n  leaks: { count: leaked, from: gateway, better: down }\n  uses: { count: used, from: gateway, better: up }\n",
      );
  assert.deepEqual(issuesOf(count(">= 1")), []);
  assert.deepEqual(issuesOf(count(">= 1.5")), ["BAD_VALUE 22:17"]);
  assert.deepEqual(issuesOf(count("< 5")), ["WRONG_DIRECTION 22:17"]);
  assert.deepEqual(issuesOf(count(">= 1, over: 3s, min: 2")), ["CONFLICTING_KEYS 22:29", "CONFLICTING_KEYS 22:39"]);
  assert.deepEqual(issuesOf(count(">= 1").replace("leaks >= 1", "uses < 3")), ["WRONG_DIRECTION 22:17"]);
});

test("blocks that are empty, too long or of the wrong kind are named", () => {
  assert.equal(issueOf("canary: [10, 25, 50, 95]", "canary: []").code, "MISSING_VALUE");
  assert.equal(
    issueOf("canary: [10, 25, 50, 95]", `canary: [${Array.from({ length: 21 }, (_, i) => i + 1)}]`).code,
    "TOO_MANY",
  );
  assert.equal(issueOf("losses: { within: 50% }", "losses: {}").code, "MISSING_KEY");
  assert.equal(issueOf("losses: rises, by: 60%", "by: 60%").code, "MISSING_KEY");
  assert.equal(issueOf("losses: rises, by: 60%", "byy: 60%").code, "UNKNOWN_KEY");
  assert.equal(issueOf("share: failed, of", "of").code, "MISSING_KEY");
  assert.equal(issueOf("by: 60%", "limit: 60%").code, "CONFLICTING_KEYS");
  const bare = loan.replace(/signals:\n( .*\n)+/, "signals: {}\n");
  assert.deepEqual(issuesOf(bare), ["MISSING_VALUE 15:1"]);
  assert.equal(issueOf("who:\n  now: [ page://dashboard ]", "who: everybody").code, "WRONG_KIND");
  assert.equal(issueOf("rollbook: v1", "rollbook: [v1]").code, "WRONG_KIND");
});

test("nesting that would exhaust the stack is refused before anything recursive sees it", () => {
  const deep = [
    "[".repeat(200_000),
    `a: ${"{a: ".repeat(50_000)}`,
    "- ".repeat(120_000),
    "? ".repeat(120_000),
    Array.from({ length: 700 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"),
  ];
  for (const text of deep) assert.match(issuesOf(text)[0] ?? "", /^TOO_DEEP /);
});

test("a file of nothing but keys, quotes, anchors or brackets is refused without a fuss", () => {
  for (const text of [
    Array.from({ length: 5000 }, (_, i) => `a${i}:`).join("\n"),
    "a: &a [*a, *a]\n".repeat(3000),
    "'".repeat(100_000),
    "a: '\n".repeat(3000),
    "]".repeat(100_000),
  ]) {
    const { length } = issuesOf(text);
    assert.ok(length > 0 && length <= 1000);
  }
});

test("whatever happens to the bytes of a good playbook, the answer is a playbook or issues with a place", () => {
  const good = Buffer.from(read("good/every-form.yaml"));
  const edit = fc.record({
    at: fc.nat({ max: good.length - 1 }),
    drop: fc.nat({ max: 12 }),
    put: fc.oneof(
      fc.constantFrom(
        ..."{}[]:,-?&*!|>'\"%@`#\t\n\r\u0000",
        ": ",
        "- ",
        "\n---\n",
        "<<",
        "~",
        "no",
        "__proto__",
        "5",
        "1_0",
        "\ufeff",
        "é",
      ),
      fc.string({ unit: "binary", maxLength: 6 }),
      fc.uint8Array({ maxLength: 4 }),
    ),
  });
  const mutate = (edits: readonly { at: number; drop: number; put: string | Uint8Array }[]) =>
    edits.reduce(
      (bytes, { at, drop, put }) =>
        Buffer.concat([bytes.subarray(0, at), Buffer.from(put as string), bytes.subarray(at + drop)]),
      good,
    );
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 5 }), (edits) => {
      const text = mutate(edits).toString("utf8");
      const result = parsePlaybook(text, "a.yaml");
      if (result.kind === "parsed") {
        renderFindings(result.findings, "a.yaml", { colour: true });
        return;
      }
      assert.ok(result.issues.length > 0);
      const lines = text.split("\n").length;
      for (const { line, column, message, hint } of result.issues) {
        assert.ok(line >= 1 && line <= lines && column >= 1);
        assert.ok(/[.?]$/.test(message) && /^[A-Z].{7,}[.?]$/s.test(hint), `${message} / ${hint}`);
      }
      renderIssues(result.issues, text, { colour: false });
    }),
    { numRuns: runs(120) },
  );
});
