import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bucketOf, LAST_BUCKET } from "../../core/cells.ts";
import { digestOf } from "../../core/digest.ts";
import { counterOf, differs, drained, NOW, release, signalOf } from "./counter-world.fixture.ts";
import { createEdgeMemory } from "./edge-memory.ts";
import { takeBlocks } from "./outcome-intake.ts";

const signals = [
  signalOf("approvals"),
  signalOf("leaks", { kind: "count", part: "leaked", better: "down" }),
  signalOf("latency", { kind: "time", part: "took", of: "", from: "gateway", better: "down" }),
  signalOf("mood", { kind: "mean", part: "sentiment", of: "", range: [-1, 1] }),
  signalOf("happy", { per: "user" }),
  signalOf("angry", { per: "user", better: "down" }),
  signalOf("scraped", { from: "prometheus" }),
];
const triggers = [differs("approvals", "age")];
const block = { node: "edge-1", sequence: 1, bucket: NOW * 1000, signal: "approvals", release, n: 10, k: 6 };

const worldOf = () => {
  const counter = counterOf(signals, { triggers });
  const take = (...blocks: unknown[]) => takeBlocks(new Map([["loans", counter]]), blocks);
  return { counter, take };
};

test("blocks of all nodes are added to what we count of the same second ourselves", () => {
  const { counter, take } = worldOf();
  counter.count(NOW, release, { failed: false, cancelled: false, seconds: 0.5 }, "key");
  const times = [
    [bucketOf(0.5), 2],
    [bucketOf(3), 1],
  ];
  const answer = take(
    block,
    { ...block, node: "edge-2", n: 5, k: 5 },
    { ...block, group: "age=a", n: 4, k: 1 },
    { ...block, signal: "latency", n: 3, k: 0, cells: times },
    {
      ...block,
      signal: "mood",
      n: 1,
      k: 0,
      cells: [
        [4, 0.25],
        [5, 0.75],
      ],
    },
  );
  assert.deepEqual(answer, { new: 5, duplicate: 0, rejected: 0, otherGroups: 0, flaws: [] });
  assert.deepEqual(drained(counter), {
    "1000 latency": {
      n: 4,
      k: 0,
      cells: [
        [bucketOf(0.5), 3],
        [bucketOf(3), 1],
      ],
    },
    "1000 approvals": { n: 15, k: 11 },
    "1000 approvals age=a": { n: 4, k: 1 },
    "1000 mood": {
      n: 1,
      k: 0,
      cells: [
        [4, 0.25],
        [5, 0.75],
      ],
    },
  });
});

test("a block counts once for its node, sequence, bucket, signal, release and group, whatever its numbers", () => {
  const { counter, take } = worldOf();
  const other = digestOf("other");
  counter.know(other);
  const differing = [
    block,
    { ...block, node: "edge-2" },
    { ...block, sequence: 2 },
    { ...block, bucket: block.bucket - 1000 },
    { ...block, signal: "leaks" },
    { ...block, release: other },
    { ...block, group: "age=a" },
  ];
  assert.equal(take(...differing).new, 7);
  assert.deepEqual(take(...differing, { ...block, n: 99, k: 1 }), {
    new: 0,
    duplicate: 8,
    rejected: 0,
    otherGroups: 0,
    flaws: [],
  });
  assert.equal(
    counter.drain().reduce((sum, { n }) => sum + n, 0),
    70,
  );
  assert.equal(take(block).duplicate, 1, "and after it was drained");
});

test("whatever cannot be is answered with its place and the reason, and the rest counts", () => {
  const { counter, take } = worldOf();
  const time = { ...block, signal: "latency", n: 1, k: 0 };
  const mean = { ...block, signal: "mood", n: 1, k: 0 };
  const cases: [unknown, RegExp][] = [
    [null, /a block is no object/],
    [[], /a block is no object/],
    [{ ...block, extra: 1 }, /a block has no extra/],
    [{ ...block, node: "" }, /node has not 1 to 100 plain characters/],
    [{ ...block, node: "a b" }, /node has not/],
    [{ ...block, sequence: -1 }, /sequence is not a whole number/],
    [{ ...block, bucket: 1500 }, /bucket is not the start of a second/],
    [{ ...block, bucket: (NOW + 6) * 1000 }, /bucket lies in the future; look at the node's clock/],
    [{ ...block, signal: 7 }, /signal is no name/],
    [{ ...block, signal: "nothing" }, /there is no signal nothing/],
    [{ ...block, signal: "scraped" }, /scraped is counted from prometheus alone/],
    [{ ...block, release: "12" }, /release is not sha256/],
    [{ ...block, release: digestOf("unknown") }, /release is not known/],
    [{ ...block, n: 0.5 }, /n is not a whole number/],
    [{ ...block, n: "10" }, /n is not a whole number/],
    [{ ...block, n: 1e13 }, /n is not a whole number/],
    [{ ...block, k: Number.NaN }, /k is not a whole number/],
    [{ ...block, k: 11 }, /k is 11 of n 10, which cannot be/],
    [{ ...block, k: -1 }, /k is -1 of n 10, which cannot be/],
    [{ ...block, signal: "leaks", k: -1 }, /which cannot be/],
    [{ ...block, signal: "happy", k: 11 }, /which cannot be/],
    [{ ...block, signal: "angry", k: -1 }, /which cannot be/],
    [{ ...block, cells: [[0, 10]] }, /approvals is a share and has no cells/],
    [{ ...block, cells: {} }, /cells is not a list/],
    [time, /its cells are missing/],
    [{ ...time, k: 1, cells: [[0, 1]] }, /its k is 0/],
    [{ ...time, cells: [[LAST_BUCKET + 1, 1]] }, new RegExp(`from 0 to ${LAST_BUCKET}`)],
    [{ ...time, cells: [7] }, /a cell of a time is a whole number/],
    [
      {
        ...time,
        cells: [
          [3, 0.5],
          [4, 0.5],
        ],
      },
      /cell 3 has no count/,
    ],
    [
      {
        ...time,
        n: 2,
        cells: [
          [4, 1],
          [4, 1],
        ],
      },
      /cells do not rise/,
    ],
    [{ ...mean, cells: [[17, 1]] }, /from 0 to 16/],
    [{ ...mean, cells: [[3, "1"]] }, /cell 3 has no count/],
    [{ ...mean, cells: [[3, 0.5]] }, /cells add up to 0\.5, and n is 1/],
    [{ ...block, group: 7 }, /group is not LABEL=VALUE/],
    [{ ...block, group: "region=north" }, /no trigger tells approvals apart by the label of region=north/],
    [{ ...block, group: "age" }, /no trigger tells approvals apart/],
    [{ ...mean, group: "age=a", cells: [[3, 1]] }, /no trigger tells mood apart/],
  ];
  for (const [bad, reason] of cases) {
    const { rejected, flaws } = take(bad);
    assert.deepEqual([rejected, flaws[0]?.index], [1, 0]);
    assert.match(flaws[0]!.reason, reason);
  }
  assert.deepEqual(drained(counter), {});
  const mixed = take(block, null, { ...block, sequence: 2 }, ...new Array(30).fill(7));
  assert.deepEqual([mixed.new, mixed.rejected, mixed.flaws.length, mixed.flaws[0]?.index], [2, 31, 20, 1]);
  assert.equal(takeBlocks(new Map(), [block]).flaws[0]?.reason, "no system is connected yet");
});

test("what a unit's later outcome changes may come alone", () => {
  const { counter, take } = worldOf();
  assert.equal(take({ ...block, signal: "happy" }, { ...block, signal: "angry" }).new, 2);
  const later = { ...block, sequence: 2, n: 0 };
  assert.equal(take({ ...later, signal: "happy", k: -2 }, { ...later, signal: "angry", k: 3 }).new, 2);
  assert.deepEqual(drained(counter), { "1000 happy": { n: 10, k: 4 }, "1000 angry": { n: 10, k: 9 } });
});

test("what is reported of requests that were counted before may come alone", () => {
  const counter = counterOf([signalOf("thumbs", { from: "gateway", better: "down", labels: 60_000 })]);
  const thumbs = { ...block, signal: "thumbs", k: 0 };
  const told = takeBlocks(new Map([["loans", counter]]), [thumbs, { ...thumbs, sequence: 2, n: 0, k: 3 }]);
  assert.equal(told.new, 2);
  assert.deepEqual(drained(counter), { "1000 thumbs": { n: 10, k: 3 } });
});

test("each block goes to the system of its release, and groups beyond the limits are told", () => {
  const [one, two] = [worldOf(), worldOf()];
  const theirs = digestOf("cards");
  two.counter.know(theirs);
  const counters = new Map([
    ["loans", one.counter],
    ["cards", two.counter],
  ]);
  const strange = { ...block, group: "age=a b", release: theirs };
  const answer = takeBlocks(counters, [block, { ...block, release: theirs }, strange, block]);
  assert.deepEqual([answer.new, answer.duplicate, answer.otherGroups], [3, 1, 1]);
  assert.deepEqual(drained(one.counter), { "1000 approvals": { n: 10, k: 6 } });
  assert.deepEqual(drained(two.counter), {
    "1000 approvals": { n: 10, k: 6 },
    "1000 approvals age=other": { n: 10, k: 6 },
  });
});

test("memory is bounded, and what is forgotten is refused and never counted twice", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ node: fc.nat(3), sequence: fc.nat(6), row: fc.nat(2) }), { maxLength: 200 }),
      (notes) => {
        const memory = createEdgeMemory(8, 100);
        const taken = new Set<string>();
        for (const { node, sequence, row } of notes) {
          const id = `${node} ${sequence} ${row}`;
          const answer = memory.note(`n${node}`, sequence, `${row}`);
          if (answer === "new") assert.ok(!taken.has(id), "counted twice");
          if (answer === "duplicate") assert.ok(taken.has(id), "lost");
          if (answer === "new") taken.add(id);
          assert.ok(memory.size <= 8 + 3);
        }
      },
    ),
  );
});

test("over very many sequences and nodes the memory stays small", () => {
  const memory = createEdgeMemory(100, 3);
  for (let sequence = 0; sequence < 20_000; sequence++) assert.equal(memory.note("n", sequence, "row"), "new");
  assert.equal(memory.size, 100);
  assert.equal(memory.note("n", 19_950, "row"), "duplicate");
  assert.equal(memory.note("n", 5, "row"), "old");
  for (const node of ["a", "b", "c"]) assert.equal(memory.note(node, 1, "row"), "new");
  assert.equal(memory.note("n", 5, "row"), "new", "a node that is forgotten counts anew");
});
