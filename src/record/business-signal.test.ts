import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../core/digest.ts";
import { type BusinessSignal, meaningOf, sumOf } from "./business-signal.ts";
import { replayFixedRule } from "./fixed-rule.ts";

const release = digestOf("candidate");
const whole = { node: "n", sequence: 1, bucket: 1000, signal: "losses", release, n: 10, k: 2 };
const samples = [whole, { ...whole, group: "age=a", n: 6, k: 2 }, { ...whole, group: "age=b", n: 4, k: 0 }];

test("whoever is counted in a group is not counted twice", () => {
  const losses = { name: "losses", part: "lost", of: "loans", badIs: "part", technical: false } as const;
  assert.deepEqual(sumOf(samples, losses, release, 0), { n: 10, bad: 2 });
  assert.equal(replayFixedRule(samples, losses, release, 1000, 2000, 0.5, 1000).bad, 2);
});

test("values are bad beyond a line, and so are parts of scores", () => {
  const values = { meaning: "answers slower than 1 s", isBad: (cell: number) => cell > 3 };
  const latency: BusinessSignal = {
    name: "latency",
    part: "latency",
    of: "answers",
    badIs: "part",
    technical: true,
    values,
  };
  const timed = [
    {
      ...whole,
      signal: "latency",
      k: 0,
      cells: [
        [2, 6],
        [4, 3.4],
        [5, 0.4],
      ] as const,
    },
  ];
  assert.deepEqual(sumOf(timed, latency, release, 0), { n: 10, bad: 4 });
  assert.deepEqual(sumOf([{ ...whole, signal: "latency" }], latency, release, 0), { n: 10, bad: 0 });
  assert.equal(meaningOf(latency), "answers slower than 1 s");
});
