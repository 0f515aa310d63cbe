import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parsePlaybook } from "./parse-playbook.ts";

const corpus = join(import.meta.dirname, "../../test/playbooks");
const read = (path: string) => readFileSync(join(corpus, path), "utf8");

function parsed(text: string) {
  const result = parsePlaybook(text, "a.yaml");
  assert.equal(result.kind, "parsed", JSON.stringify(result));
  return result.playbook;
}

const every = parsed(read("good/every-form.yaml"));
const signal = (name: string) => every.signals.find((one) => one.name === name);
const trigger = (name: string) => {
  const { name: _, ...rest } = every.triggers.find((one) => one.name === name) ?? assert.fail(name);
  return rest;
};

test("a mean has its scale, a time its unit, and what is observed is requests where nothing is said", () => {
  const mean = { kind: "mean", part: "sentiment", of: "requests", from: "events", better: "up", range: [-1, 1] };
  assert.deepEqual(signal("mood"), { name: "mood", ...mean });
  assert.deepEqual(signal("effort")?.range, [1, 5.5]);
  const time = { kind: "time", of: "requests", better: "down", unit: "seconds" };
  assert.deepEqual(signal("latency"), { name: "latency", part: "latency", from: "gateway", ...time });
});

test("what is reported of the gateway's requests needs to say when it is known", () => {
  const failed = "failed: { share: failed, of: requests, from: gateway, better: down }";
  const thumbs = (more: string) =>
    read("good/every-form.yaml").replace(
      failed,
      `${failed}\n  thumbs: { share: thumbs-down, of: requests, ${more}from: gateway, better: down }`,
    );
  const result = parsePlaybook(thumbs(""), "a.yaml");
  assert.equal(result.kind, "invalid");
  assert.deepEqual(
    result.issues.map(({ code }) => code),
    ["VALUE_NOT_SUPPORTED"],
  );
  const { signals } = parsed(thumbs("labels: 10m, "));
  assert.equal(signals.find(({ name }) => name === "thumbs")?.labels, 600_000);
});

test("a time that is reported is called like its signal", () => {
  const { part, of, unit } = signal("handling") ?? assert.fail();
  assert.deepEqual([part, of, unit], ["handling", "answers", "milliseconds"]);
});

test("what is one observation, and how late it is known, belong to the signal", () => {
  assert.deepEqual([signal("rude")?.per, signal("rude")?.labels], ["session", 600_000]);
});

test("claims about groups, times, means and counts are triggers like any other", () => {
  assert.deepEqual(trigger("unfair"), {
    kind: "differ",
    signal: "caught",
    across: "applicant-group",
    by: { kind: "points", value: 0.08 },
  });
  assert.deepEqual(trigger("slower"), { kind: "slows", signal: "handling", quantile: 0.999, by: 1 });
  assert.deepEqual(trigger("slower-anyhow"), { kind: "slows", signal: "latency", by: 0.3 });
  assert.deepEqual(trigger("moody"), {
    kind: "compare",
    signal: "mood",
    move: "falls",
    by: { kind: "points", value: 0.2 },
  });
  assert.deepEqual(trigger("sour"), { kind: "limit", signal: "mood", side: "below", limit: -0.3, within: 600_000 });
  assert.deepEqual(trigger("repeats-much"), { kind: "limit", signal: "repeats", side: "above", limit: 1.5 });
  assert.deepEqual(trigger("more-repeats").kind, "compare");
});

test("a claim may say what is recent and what an outcome costs", () => {
  const { within, costs } = every.triggers.find(({ name }) => name === "ruder") ?? assert.fail();
  assert.deepEqual([within, costs], [1_200_000, { amount: 12.5, currency: "EUR" }]);
});

test("a claim about segments says their label, and is made of a time too", () => {
  const labels = every.triggers.flatMap(({ name, inAny }) => (inAny === undefined ? [] : [[name, inAny]]));
  assert.deepEqual(labels, [
    ["ruder-somewhere", "language"],
    ["slower-somewhere", "region"],
    ["much-dearer", "region"],
  ]);
});

test("a mean without ends says its least number, and its margin in percent or in its unit", () => {
  const spent = every.signals.find(({ name }) => name === "spent");
  assert.deepEqual([spent?.kind, spent?.range, spent?.min], ["mean", undefined, 2000]);
  const margins = every.triggers.filter(({ signal }) => signal === "spent").map((one) => "by" in one && one.by);
  assert.deepEqual(margins, [
    { kind: "relative", value: 0.1 },
    { kind: "points", value: 12.5 },
  ]);
});

test("so many in a row is a hard limit of its own", () => {
  assert.deepEqual(
    every.hardLimits.find(({ name }) => name === "rude-run"),
    { name: "rude-run", signal: "rude", comparison: ">=", limit: 1, min: 100, inARow: 100 },
  );
});

test("the warm-up and the criteria of means and counts are read in their units", () => {
  assert.equal(every.how.warmUp, 30_000);
  assert.deepEqual(every.fixed.criteria.slice(3), [
    { kind: "below", signal: "repeats", limit: 1 },
    { kind: "within", signal: "leaks", margin: { kind: "relative", value: 0.5 } },
    { kind: "above", signal: "mood", limit: -0.1 },
    { kind: "within", signal: "effort", margin: { kind: "points", value: 0.5 } },
  ]);
});

const designed = read("broken/not-yet-everything.yaml").replace("authority: act", "authority: observe");

test("of the whole language only what nobody does yet is idle under observe", () => {
  const playbook = parsed(designed);
  assert.deepEqual(playbook.idle?.map(({ about }) => about).sort(), [
    "drills",
    "signals.approvals.per",
    "what.route",
    "when.unfair.across",
    "when.unfair.then",
    "when.unfair.unanswered",
    "who.clocks",
    "who.forward",
  ]);
});

test("from reported outcomes the units and the groups of the same playbook have effect", () => {
  const playbook = parsed(designed.replace("from: prometheus", "from: events"));
  assert.equal(playbook.signals[0]?.per, "application");
  assert.ok(playbook.triggers.some(({ kind }) => kind === "differ"));
  assert.ok(!playbook.idle?.some(({ about }) => about.endsWith("per") || about.endsWith("across")));
});

test("what has no effect is not judged: no unit and no group from where they are not known", () => {
  const playbook = parsed(designed);
  assert.equal(playbook.signals[0]?.per, undefined);
  assert.deepEqual(
    playbook.triggers.map(({ name }) => name),
    ["lost-approvals", "missed-fraud", "slow"],
  );
});
