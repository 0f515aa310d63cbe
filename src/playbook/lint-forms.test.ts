import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { Playbook } from "../core/playbook.ts";
import { describePlaybook } from "./describe-playbook.ts";
import { expectedRuns } from "./lint-hard-limits.ts";
import { type LintFinding, lintPlaybook } from "./lint-playbook.ts";
import { parsePlaybook } from "./parse-playbook.ts";
import { testOf } from "./physics/trigger-test.ts";
import { decidedAfter, evidenceAfter } from "./release-evidence.ts";

const bot = readFileSync(join(import.meta.dirname, "../../docs/examples/article-service-bot.yaml"), "utf8");

function read(...changes: readonly (readonly [from: string, to: string])[]): Playbook {
  const text = changes.reduce((current, [from, to]) => {
    assert.ok(current.includes(from), from);
    return current.replace(from, to);
  }, bot);
  const parsed = parsePlaybook(text, "a.yaml");
  assert.equal(parsed.kind, "parsed", JSON.stringify(parsed));
  return parsed.playbook;
}

const about = (findings: readonly LintFinding[], path: string) =>
  findings.find((finding) => finding.about === path) ?? assert.fail(path);

const withTrigger = (trigger: string, signal = "") =>
  read(["  angrier: { sentiment: falls, by: 0.2 }\n", `  tried: { ${trigger} }\n`], ["when:\n", `${signal}when:\n`]);

/** What any test of the trigger called `tried` needs, of twice its margin, at one false alarm in 1,000. */
function needsOf(playbook: Playbook, share: number): number {
  const trigger = playbook.triggers.find(({ name }) => name === "tried") ?? assert.fail();
  const signal = playbook.signals.find(({ name }) => name === trigger.signal) ?? assert.fail();
  const { length } = playbook.triggers;
  return testOf({ ...playbook, falseAlarms: length / 1000 }, trigger, signal, 2).bound(share);
}

test("a mean is reckoned with the Gaussian bound, spread as a uniform value", () => {
  // The playbook's own limit is at badness 0.65, so it is normally 0.325; twice the margin of 0.1 makes it 0.525.
  const by = (variance: number) => (2 * Math.log(1000) * variance) / 0.1 ** 2;
  const share = 0.05;
  const found = needsOf(withTrigger("sentiment: falls, by: 0.2"), share);
  assert.ok(Math.abs(found - by((1 / 12) * (1 + share / (1 - share)))) < 1e-6);
  assert.equal(needsOf(withTrigger("sentiment: falls, by: 0.2"), 1), Number.POSITIVE_INFINITY);
  assert.match(
    about(lintPlaybook(read()), "when.angrier").message,
    /normally sentiment is 0\.35 \(of -1 to 1\) .*, spread as over the whole scale, .*sentiment at -0\.05/,
  );
});

test("a mean near the end of its scale cannot spread over the whole", () => {
  const near = needsOf(withTrigger("sentiment: below, limit: 0.9"), 0);
  // Half of badness 0.05 is the assumption, and 0.1 the harm: at most 0.1 * 0.9 of variance.
  const most = (2 * Math.log(1000) * Math.min(1 / 12, 0.1 * 0.9)) / 0.05 ** 2;
  assert.ok(Math.abs(near - most) < 1e-6);
});

test("a rare count needs what a rare share does, and a frequent one is no error", () => {
  const share = needsOf(
    withTrigger("slips: rises, by: 60%", "  slips: { share: s, of: a, from: events, better: down }\n"),
    0.1,
  );
  const leaks = "  slips: { count: s, of: a, from: events, better: down }\n";
  const count = needsOf(withTrigger("slips: rises, by: 60%", leaks), 0.1);
  assert.ok(count > share && count < share * 1.12, `${count} ${share}`);
  // Poisson(30) against 15: ln(1000) / (30 ln 2 - 15).
  const often = needsOf(withTrigger("slips: above, limit: 15", leaks), 0);
  assert.ok(Math.abs(often - Math.log(1000) / (30 * Math.log(2) - 15)) < 1e-3, String(often));
});

test("a margin beyond all that can be is undecidable, and says so instead of breaking", () => {
  const slips = "  slips: { share: s, of: a, from: events, better: down }\n";
  for (const [claim, signal] of [
    ["slips: rises, by: 2000%", slips],
    ["slips: differ, across: plan, by: 2000%", slips],
    ["stars: falls, by: 79%", "  stars: { mean: stars, between: [1, 5], from: events, better: up }\n"],
  ] as const) {
    const found = about(lintPlaybook(withTrigger(claim, signal)), "when.tried");
    assert.deepEqual([found.level, found.name], ["error", "undecidable"]);
    assert.match(found.message, /needs infinitely many observations/);
  }
});

test("groups are reckoned with the smaller at a tenth of the traffic, whatever part of it the candidate has", () => {
  const spoken = "  spoken: { share: solved, of: chats, from: events, better: up }\n";
  const playbook = withTrigger("spoken: differ, across: language, by: 8pp", spoken);
  assert.equal(needsOf(playbook, 0.05), needsOf(playbook, 0.95));
  const { message } = about(lintPlaybook(playbook), "when.tried");
  assert.match(message, /two groups of language, the smaller with 10 % of the traffic/);
  assert.match(message, /44 % solved in one group/);
});

test("a time is reckoned as lognormal, and says so", () => {
  const latency = "  latency: { time: seconds, from: gateway, better: down }\n";
  const playbook = withTrigger("latency: slows, at: p95, by: 20%", latency);
  // P(Z > 1.6449 - ln(1.4 / 1.2) / 0.6) against 0.05, and with ln(3 / 2), by an independent erfc.
  assert.ok(Math.abs(needsOf(playbook, 0) - 733.439) < 0.01);
  assert.ok(Math.abs(needsOf(withTrigger("latency: slows, at: p95, by: 100%", latency), 0) - 75.976) < 0.001);
  assert.match(about(lintPlaybook(playbook), "when.tried").message, /lognormal with p95 at 2\.7 times the median/);
  assert.ok(
    !lintPlaybook(playbook).some(({ name, about: path }) => name === "unproved-signal" && path === "when.tried"),
  );
});

test("a recent change has only its span, and shares the false alarms with the others", () => {
  const whole = about(lintPlaybook(read()), "when.angrier");
  const recent = about(lintPlaybook(read(["falls, by: 0.2", "falls, by: 0.2, within: 10m"])), "when.angrier");
  const observations = (message: string) => Number(/needs ([\d,]+)/.exec(message)?.[1]?.replace(",", ""));
  assert.ok(observations(recent.message) > observations(whole.message));
  const short = about(lintPlaybook(read(["falls, by: 0.2", "falls, by: 0.1, within: 2m"])), "when.angrier");
  assert.deepEqual([short.level, short.name], ["warning", "blind-spot"]);
  assert.match(short.hint, /`within: \d+[ms]`/);
});

test("evidence of the warm-up and from before the span does not count", () => {
  const question = { how: { steps: [10, 50], each: 60_000 }, perSecond: 10, needs: () => 30 };
  assert.equal(decidedAfter(question), decidedAfter({ ...question, within: 30_000 }));
  assert.ok(Math.abs((decidedAfter(question) ?? 0) - 30_000) < 1);
  const warm = { ...question, how: { ...question.how, warmUp: 20_000 } };
  assert.ok(Math.abs((decidedAfter(warm) ?? 0) - 50_000) < 1);
  assert.equal(evidenceAfter(20_000, warm), 0);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 120_000 }), fc.integer({ min: 1000, max: 120_000 }), (span, within) => {
      assert.ok(evidenceAfter(span, { ...question, within }) <= evidenceAfter(span, question) + 1e-12);
    }),
  );
});

test("outcomes that are known late delay what is decided, and units without a word wait a minute", () => {
  const labelled = read(["better: up }", "labels: 20m, better: up }"]);
  assert.match(about(lintPlaybook(labelled), "when.angrier").hint, /compared when they are 20 min 0 s old/);
  const units = lintPlaybook(
    read([
      "of: conversations, from: events, better: down",
      "of: conversations, per: customer, from: events, better: down",
    ]),
  );
  const note = about(units, "signals.angry");
  assert.deepEqual([note.level, note.name], ["note", "late-units"]);
  assert.match(note.message, /is one customer, and a second is compared when it is 1 min 0 s old/);
  const bare = read(["all-angry: { hard: angry 100 in a row }", "angry-ones: { angry: rises, by: 20% }"]);
  const signals = bare.signals.map((one) => (one.name === "angry" ? { ...one, kind: "count", from: "gateway" } : one));
  const parts = about(lintPlaybook({ ...bare, signals: signals as Playbook["signals"] }), "signals.angry");
  assert.deepEqual([parts.level, parts.name], ["note", "late-parts"]);
  assert.match(parts.message, /below-minus-0-3 is reported later: a second is compared when it is 1 min 0 s old/);
  const undeclared = lintPlaybook(read()).find(({ name }) => name === "undeclared-labels");
  assert.match(undeclared?.message ?? "", /looked at again \(5 s, 15 s, 2 min, 15 min\)\.$/);
  const hasty = read(["better: up }", "labels: 20m, better: up }"], ["falls, by: 0.2", "falls, by: 0.2, within: 10m"]);
  assert.equal(lintPlaybook(hasty).find(({ name }) => name === "slow-labels")?.about, "when.angrier");
});

test("a run is priced by the expected number of runs, which is exact", () => {
  // Every series of so many outcomes, with its probability and its runs.
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 2, max: 6 }),
      (n, bad, length) => {
        let expected = 0;
        for (let series = 0; series < 2 ** n; series++) {
          const outcomes = series.toString(2).padStart(n, "0");
          const ones = outcomes.replaceAll("0", "").length;
          const runs = outcomes.split("0").filter((run) => run.length >= length).length;
          expected += runs * bad ** ones * (1 - bad) ** (n - ones);
        }
        assert.ok(Math.abs(expectedRuns(n, bad, length) - expected) < 1e-9);
      },
    ),
  );
});

test("a run that comes up by chance is a warning, one that does not a note, with or without traffic", () => {
  const price = (playbook: Playbook) =>
    about(
      lintPlaybook(playbook).filter(({ name }) => name === "false-alarm-price"),
      "when.all-angry",
    );
  assert.equal(price(read()).level, "note");
  assert.match(price(read()).message, /"100 conversations in a row are all below-minus-0-3"/);
  const dear = price(read(["100 in a row", "4 in a row"]));
  assert.equal(dear.level, "warning");
  assert.match(dear.message, /about 1 a day of canary at 5% of the stated traffic/);
  const silent = price(read(["traffic: 40 conversations/s\n", ""], ["100 in a row", "2 in a row"]));
  assert.match(silent.message, /once in 400 observations/);
  const rare = price(read(["traffic: 40 conversations/s\n", ""]));
  assert.match(rare.message, /once in more than 1,000,000,000,000,000 observations/);
});

test("a criterion of a mean needs observations, and none of them proves what is never true", () => {
  const proof = about(lintPlaybook(read()), "fixed.sentiment");
  assert.match(proof.message, /sentiment is within 0\.1 \(of -1 to 1\) of stable takes at least 200 observations/);
  const counted = read(
    ["when:\n", "  slips: { count: slips, of: chats, from: events, better: down }\nwhen:\n"],
    ["  for: 30m", "  slips: { below: 2 }\n  for: 30m"],
  );
  assert.match(about(lintPlaybook(counted), "fixed.slips").message, /slips are below 200 per 100 chats/);
});

test("the description says what each claim is compared with", () => {
  const spoken = "  spoken: { share: solved, of: chats, from: events, better: up }\n";
  const latency = "  latency: { time: seconds, from: gateway, better: down }\n";
  const playbook = read(
    [
      "when:\n",
      `${spoken}${latency}when:\n  unequal: { spoken: differ, across: language, by: 8pp }\n  slow: { latency: slows, at: p95, by: 20% }\n  anywhere: { spoken: falls, by: 8pp, in-any: language }\n`,
    ],
    ["each: 1h,", "each: 1h, warm-up: 30s,"],
  );
  const said = describePlaybook(playbook).sections.flatMap(({ sentences }) => sentences);
  for (const sentence of [
    "angrier: when sentiment falls by more than 0.2 (of -1 to 1), compared with stable in the same seconds.",
    "unequal: when spoken of the groups of language differ by more than 8 points, among its own outcomes.",
    "slow: when p95 of latency grows by more than 20 %, compared with stable's own window from before the release.",
    "anywhere: when spoken falls by more than 8 points, in the whole or in any language, compared with stable in the same seconds. The whole has half of this claim's part of the false alarms, and the values of language, 17 at most, the rest.",
    "all-angry: at once, without statistics, when 100 conversations in a row are all below-minus-0-3.",
    "What it serves in the first 30.0 s is no evidence, because caches are cold; hard limits see it.",
  ]) {
    assert.ok(said.includes(sentence), `${sentence}\n${said.join("\n")}`);
  }
});
