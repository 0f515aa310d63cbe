import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../core/digest.ts";
import { sumOf } from "./business-signal.ts";
import { replayFixedRule } from "./fixed-rule.ts";

const release = digestOf("candidate");
const whole = { node: "n", sequence: 1, bucket: 1000, signal: "losses", release, n: 10, k: 2 };
const samples = [whole, { ...whole, group: "age=a", n: 6, k: 2 }, { ...whole, group: "age=b", n: 4, k: 0 }];

test("whoever is counted in a group is not counted twice", () => {
  const losses = { name: "losses", part: "lost", of: "loans", badIs: "part", technical: false } as const;
  assert.deepEqual(sumOf(samples, losses, release, 0), { n: 10, bad: 2 });
  assert.equal(replayFixedRule(samples, "losses", release, "part", 1000, 2000, 0.5, 1000).bad, 2);
});
