import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketOf, valueAt } from "../../core/cells.ts";
import { counterOf, differs, drained, idOf, NOW, release, signalOf } from "./counter-world.fixture.ts";

const sentiment = signalOf("mood", { kind: "mean", part: "sentiment", of: "", range: [-1, 1] });
const latency = signalOf("latency", { kind: "time", part: "took", of: "", unit: "milliseconds", better: "down" });
const seconds = signalOf("wait", { kind: "time", part: "waited", of: "", unit: "seconds", better: "down" });

test("a mean counts each value at the two cells around it, a time in its bucket of seconds", () => {
  const counter = counterOf([sentiment, latency, seconds]);
  counter.report(idOf(), {}, { values: { sentiment: -1, took: 250, waited: 0.25 } });
  counter.report(idOf(), {}, { values: { sentiment: -0.4 } });
  counter.report(idOf(), {}, { values: { sentiment: 1 } });
  const share = Math.round(0.8 * 2 ** 20) / 2 ** 20;
  assert.deepEqual(drained(counter), {
    "1000 mood": {
      n: 3,
      k: 0,
      cells: [
        [0, 1],
        [4, 1 - share],
        [5, share],
        [16, 1],
      ],
    },
    "1000 latency": { n: 1, k: 0, cells: [[bucketOf(0.25), 1]] },
    "1000 wait": { n: 1, k: 0, cells: [[bucketOf(0.25), 1]] },
  });
});

test("a mean without ends takes values of any size, and none beyond a thousand million", () => {
  const revenue = signalOf("revenue", { kind: "mean", part: "spent", of: "", min: 1000 });
  const counter = counterOf([revenue]);
  counter.report(idOf(), {}, { values: { spent: 0 } });
  counter.report(idOf(), {}, { values: { spent: -12.5 } });
  const most = counter.report(idOf(), {}, { values: { spent: 2e9 } });
  assert.match(
    most.kind === "rejected" ? most.reason : "",
    /spent is 2000000000, outside of -1000000000 to 1000000000/,
  );
  const [row] = Object.values(drained(counter));
  assert.equal(row?.n, 2);
  const sum = row!.cells!.reduce((all, [cell, count]) => all + valueAt(cell) * count, 0);
  assert.ok(Math.abs(sum + 12.5) < 1e-5, `${sum}`);
});

test("a value counts once, beside counts of the same report and of later ones", () => {
  const counter = counterOf([sentiment, signalOf("approvals")]);
  const id = idOf();
  const terms = { values: { sentiment: 0.5 } };
  assert.equal(counter.report(id, { decisions: 1, approved: 1 }, terms).kind, "counted");
  assert.equal(counter.report(id, { decisions: 1, approved: 1 }, terms).kind, "duplicate");
  assert.equal(counter.report(id, {}, { values: { sentiment: -0.9 } }).kind, "duplicate");
  assert.deepEqual(drained(counter), {
    "1000 mood": { n: 1, k: 0, cells: [[12, 1]] },
    "1000 approvals": { n: 1, k: 1 },
  });
});

test("values that cannot be are refused with the reason, and take the whole report with them", () => {
  const counter = counterOf([sentiment, latency, signalOf("approvals")]);
  const cases: [Record<string, number | number[]>, RegExp][] = [
    [{ sentiment: 1.01 }, /sentiment is 1\.01, outside of -1 to 1, the range of mood/],
    [{ sentiment: -7 }, /outside of -1 to 1/],
    [{ sentiment: Number.NaN }, /sentiment is not a number/],
    [{ took: -1 }, /took is a time and -1 milliseconds is none/],
    [{ took: Number.POSITIVE_INFINITY }, /took is not a number/],
    [{ took: new Array(1001).fill(1) }, /more than 1000 values/],
    [Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`v${i}`, 1])), /more than 64 names/],
  ];
  for (const [values, reason] of cases) {
    const answer = counter.report(idOf(), { decisions: 1 }, { values });
    assert.match(answer.kind === "rejected" ? answer.reason : "counted", reason);
  }
  assert.equal(counter.report(idOf(), {}, { values: { unheard: 1 } }).kind, "rejected");
  assert.deepEqual(drained(counter), {});
});

test("an arm tells the values of all its requests in a list, once for its key", () => {
  const counter = counterOf([sentiment]);
  const arm = { release, second: NOW, key: "client:1", counts: {}, values: { sentiment: [0, 0.25, 0] } };
  assert.deepEqual(counter.reportArm(arm), { kind: "counted" });
  assert.deepEqual(counter.reportArm(arm), { kind: "duplicate" });
  const empty = counter.reportArm({ ...arm, key: "client:2", values: { sentiment: [] } });
  assert.equal(empty.kind, "counted");
  assert.deepEqual(drained(counter), {
    "1000 mood": {
      n: 3,
      k: 0,
      cells: [
        [8, 2],
        [10, 1],
      ],
    },
  });
});

test("the gateway's time is its own and takes no reports; a mean beside it is reported", () => {
  const own = signalOf("latency", { kind: "time", part: "took", of: "", from: "gateway", better: "down" });
  const inMs = { ...own, name: "in-ms", unit: "milliseconds" as const };
  const score = signalOf("score", { kind: "mean", part: "score", of: "", from: "gateway", range: [0, 10] });
  const counter = counterOf([own, inMs, score]);
  counter.count(NOW, release, { failed: false, cancelled: false, seconds: 1.5 }, "key");
  counter.count(NOW, release, { failed: true, cancelled: false }, "key");
  assert.equal(counter.report(idOf(), {}, { values: { took: 3 } }).kind, "rejected");
  assert.equal(counter.report(idOf(), {}, { values: { score: 5 } }).kind, "counted");
  assert.deepEqual(drained(counter), {
    "1000 latency": { n: 1, k: 0, cells: [[bucketOf(1.5), 1]] },
    "1000 in-ms": { n: 1, k: 0, cells: [[bucketOf(1.5), 1]] },
    "1000 score": { n: 1, k: 0, cells: [[8, 1]] },
  });
});

test("a group that a trigger compares has a row of its own beside the whole", () => {
  const signals = [signalOf("approvals"), sentiment, signalOf("complaints", { part: "complained" })];
  const triggers = [differs("approvals", "age"), differs("approvals", "region"), differs("mood", "age")];
  const counter = counterOf(signals, { triggers });
  const groups = { age: "18-25", region: "north", mood: "good" };
  counter.report(idOf(), { decisions: 1, approved: 1 }, { groups, values: { sentiment: 1 } });
  counter.report(idOf(), { decisions: 2, approved: 1 }, { groups: { age: "65+" } });
  counter.report(idOf(), { decisions: 1 }, {});
  assert.deepEqual(drained(counter), {
    "1000 approvals": { n: 4, k: 2 },
    "1000 approvals age=18-25": { n: 1, k: 1 },
    "1000 approvals region=north": { n: 1, k: 1 },
    "1000 approvals age=65+": { n: 2, k: 1 },
    "1000 mood": { n: 1, k: 0, cells: [[16, 1]] },
    "1000 mood age=18-25": { n: 1, k: 0, cells: [[16, 1]] },
    "1000 complaints": { n: 4, k: 0 },
  });
});

test("the first sixteen values of a label are told apart; the rest, and strange ones, are others and are told", () => {
  const counter = counterOf([signalOf("approvals")], { triggers: [differs("approvals", "age")] });
  const say = (age: string) => counter.report(idOf(), { decisions: 1 }, { groups: { age } });
  for (const strange of ["", "a b", "x=y", "<script>", "ä", "x".repeat(65)])
    assert.deepEqual(say(strange), { kind: "counted", otherGroups: 1 });
  for (let value = 0; value < 16; value++) assert.deepEqual(say(`g${value}`), { kind: "counted" });
  for (const more of ["g16", "g17"]) assert.deepEqual(say(more), { kind: "counted", otherGroups: 1 });
  assert.deepEqual(say("g3"), { kind: "counted" });
  assert.deepEqual(say("other"), { kind: "counted" });
  assert.equal(counter.answers.otherGroups, 8);
  const rows = drained(counter);
  assert.equal(Object.keys(rows).length, 1 + 16 + 1);
  assert.deepEqual([rows["1000 approvals age=other"]?.n, rows["1000 approvals age=g3"]?.n], [9, 2]);
});
