import assert from "node:assert/strict";
import { createSecretKey } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { digestOf, shortDigest } from "../../core/digest.ts";
import { counterOf, differs, drained, idOf, NOW, release, signalOf, summed } from "./counter-world.fixture.ts";
import { createUnits } from "./units.ts";

const approvals = signalOf("approvals", { per: "applicant" });
const complaints = signalOf("complaints", { part: "complained", per: "applicant", better: "down" });
const leaks = signalOf("leaks", { kind: "count", part: "leaked", per: "applicant", better: "down" });

test("a unit counts once, in the second of its first outcome, however many requests it makes", () => {
  const counter = counterOf([approvals, complaints, leaks]);
  for (let request = 0; request < 5; request++)
    counter.report(idOf(900 + request), { decisions: 3, approved: 3 }, { unit: "ann" });
  counter.report(idOf(910), { decisions: 1, approved: 0, complained: 1, leaked: 9 }, { unit: "bob" });
  assert.deepEqual(drained(counter), {
    "900 approvals": { n: 1, k: 1 },
    "900 complaints": { n: 1, k: 0 },
    "900 leaks": { n: 1, k: 0 },
    "910 approvals": { n: 1, k: 0 },
    "910 complaints": { n: 1, k: 1 },
    "910 leaks": { n: 1, k: 1 },
  });
});

test("a unit that turns bad later is bad in the second where it counted, in a later sample, and once", () => {
  const counter = counterOf([approvals, complaints]);
  const say = (second: number, approved: number, complained: number) =>
    counter.report(idOf(second), { decisions: 1, approved, complained }, { unit: "ann" });
  say(900, 1, 0);
  const first = drained(counter);
  for (const second of [950, 960, 970]) say(second, 0, 1);
  const later = drained(counter);
  assert.deepEqual(first, { "900 approvals": { n: 1, k: 1 }, "900 complaints": { n: 1, k: 0 } });
  assert.deepEqual(later, { "900 approvals": { n: 0, k: -1 }, "900 complaints": { n: 0, k: 1 } });
  say(980, 1, 0);
  assert.deepEqual(drained(counter), {}, "good outcomes make nothing good again");
});

const outcome = fc.record({
  unit: fc.constantFrom("ann", "bob", "cem"),
  second: fc.integer({ min: 900, max: 903 }),
  decisions: fc.integer({ min: 0, max: 3 }),
  good: fc.nat(3),
  bad: fc.nat(3),
});

test("over any requests, repetitions, orders and drains: n is the units, k the good or the bad ones", () => {
  fc.assert(
    fc.property(fc.array(outcome, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (outcomes, chance) => {
      const counter = counterOf([approvals, complaints]);
      const requests = outcomes.map((one) => ({ ...one, id: idOf(one.second) }));
      const shuffled = [...requests, ...requests]
        .map((request) => ({ request, at: chance.next().value }))
        .sort((a, b) => a.at - b.at);
      const drains = [];
      for (const { request, at } of shuffled) {
        const { id, decisions, good, bad, unit } = request;
        const counts = { decisions, approved: Math.min(good, decisions), complained: Math.min(bad, decisions) };
        counter.report(id, counts, { unit });
        if (at % 3 === 0) drains.push(drained(counter));
      }
      drains.push(drained(counter));
      const heard = requests.filter(({ decisions }) => decisions > 0);
      const units = (of: typeof heard) => new Set(of.map(({ unit }) => unit)).size;
      const unhappy = units(heard.filter(({ good, decisions }) => good < decisions));
      const complaining = units(heard.filter(({ bad }) => bad > 0));
      const sums = summed(drains);
      const total = (signal: string) =>
        Object.entries(sums)
          .filter(([key]) => key.endsWith(signal))
          .reduce<[number, number]>(([n, k], [, [more, part]]) => [n + more, k + part], [0, 0]);
      assert.deepEqual(total("approvals"), [units(heard), units(heard) - unhappy]);
      assert.deepEqual(total("complaints"), [units(heard), complaining]);
      for (const [n, k] of Object.values(sums)) assert.ok(0 <= k && k <= n, "each second can be true by itself");
    }),
  );
});

test("a signal that counts by something needs to know which one it was", () => {
  const counter = counterOf([approvals, signalOf("errors", { part: "failed", of: "requests" })]);
  const reasons = [{}, { unit: { session: "s" } }, { unit: "" }, { unit: "x".repeat(201) }].map((terms) => {
    const answer = counter.report(idOf(), { decisions: 1 }, terms);
    return answer.kind === "rejected" ? answer.reason : "counted";
  });
  assert.match(
    reasons[0]!,
    /approvals counts by applicant: say which one it was, in unit: \{ "applicant": "\.\.\." \}/,
  );
  assert.match(reasons[1]!, /counts by applicant/);
  for (const reason of reasons.slice(2)) assert.match(reason, /unit has not 1 to 200 characters/);
  assert.equal(counter.report(idOf(), { requests: 1 }).kind, "counted", "others do without");
  assert.equal(counter.report(idOf(), { decisions: 1 }, { unit: { applicant: "ann" } }).kind, "counted");
  const arm = { release, second: NOW, key: "client:1", counts: { decisions: 4, approved: 1 } };
  assert.equal(counter.reportArm(arm).kind, "rejected");
  assert.equal(counter.reportArm({ ...arm, unit: "bob" }).kind, "counted");
  assert.deepEqual(drained(counter), { "1000 errors": { n: 1, k: 0 }, "1000 approvals": { n: 2, k: 0 } });
});

test("a unit of both arms counts in each, and its group is the one that it counted in first", () => {
  const counter = counterOf([approvals], { triggers: [differs("approvals", "age")] });
  const stable = digestOf("stable");
  counter.know(stable);
  counter.report(idOf(), { decisions: 1, approved: 1 }, { unit: "ann", groups: { age: "a" } });
  counter.report(idOf(), { decisions: 1, approved: 0 }, { unit: "ann", groups: { age: "b" } });
  const own = idOf(NOW, { variant: "stable", release: shortDigest(stable) });
  counter.report(own, { decisions: 1, approved: 1 }, { unit: "ann" });
  const rows = counter.drain().map((row) => [row.release === stable ? "stable" : "candidate", row.group, row.n, row.k]);
  assert.deepEqual(rows, [
    ["candidate", undefined, 1, 0],
    ["candidate", "age=a", 1, 0],
    ["stable", undefined, 1, 1],
  ]);
});

test("of values a unit counts its first", () => {
  const mood = signalOf("mood", { kind: "mean", part: "sentiment", of: "", per: "session", range: [0, 1] });
  const counter = counterOf([mood]);
  for (const sentiment of [0.25, 1, 0]) counter.report(idOf(), {}, { values: { sentiment }, unit: "s" });
  counter.reportArm({ release, second: NOW, key: "client:1", counts: {}, values: { sentiment: [1, 0] }, unit: "t" });
  assert.deepEqual(drained(counter), {
    "1000 mood": {
      n: 2,
      k: 0,
      cells: [
        [4, 1],
        [16, 1],
      ],
    },
  });
});

test("the gateway counts by what a request was assigned by", () => {
  const errors = signalOf("errors", { part: "failed", of: "requests", from: "gateway", per: "user", better: "down" });
  const counter = counterOf([errors]);
  for (const failed of [false, true, true]) counter.count(NOW, release, { failed, cancelled: false }, "ann");
  counter.count(NOW, release, { failed: false, cancelled: false }, "bob");
  assert.deepEqual(drained(counter), { "1000 errors": { n: 2, k: 1 } });
});

test("after a change of shares units count anew, and late outcomes of before stay with before", () => {
  const time = { now: 900_000 };
  const counter = counterOf([complaints], { time });
  const say = (second: number, complained: number) =>
    counter.report(idOf(second), { decisions: 1, complained }, { unit: "ann" });
  say(890, 0);
  counter.restartUnits();
  counter.restartUnits();
  time.now = 910_000;
  say(905, 0);
  say(895, 1);
  assert.deepEqual(drained(counter), { "890 complaints": { n: 1, k: 1 }, "905 complaints": { n: 1, k: 0 } });
  for (let change = 0; change < 100; change++) {
    time.now += 1000;
    counter.restartUnits();
  }
  say(1010, 1);
  assert.deepEqual(drained(counter), { "1010 complaints": { n: 1, k: 1 } });
});

test("memory of units is bounded in time and in number, and holds no name of a unit", () => {
  const units = createUnits(createSecretKey(new Uint8Array(32)), { span: 1000, most: 2 });
  const names = ["ann", "bob", "cem"].map((unit) => units.nameOf("user", unit, release));
  assert.ok(names.every((name) => /^[\w-]{22}$/.test(name)));
  assert.notEqual(units.nameOf("session", "ann", release), names[0]);
  assert.notEqual(units.nameOf("user", "ann", digestOf("other")), names[0]);
  const other = createUnits(createSecretKey(new Uint8Array(32).fill(1)));
  assert.notEqual(other.nameOf("user", "ann", release), names[0]);
  for (const name of names) units.keep(name, 0, { second: 5, groups: [], bad: false }, 100);
  assert.equal(units.size, 2);
  assert.deepEqual(
    names.map((name) => units.recall(name, 0, 5, 200) !== undefined),
    [false, true, true],
  );
  assert.equal(units.recall(names[1]!, 1, 5, 200), undefined, "another signal");
  assert.equal(units.recall(names[1]!, 0, 5, 1100), undefined);
  assert.equal(units.size, 0);
});
