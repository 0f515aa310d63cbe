import assert from "node:assert/strict";
import { test } from "node:test";
import { readyLines } from "./price-lines.ts";

test("a price is said with its number of runs, its capacity, and what cannot be undone", () => {
  const took = { median: 1500, p90: 4000, n: 12 };
  const lines = readyLines({
    staged: ["model"],
    price: {
      restore: took,
      steps: [{ component: "model", took, borrowed: true }],
      verifyAtLeast: 600_000,
      capacity: { percent: 5, perSecond: 1.6667, warm: false },
      cannotBeUndone: ["schema"],
    },
  });
  assert.deepEqual(lines, [
    "restore: 1.5 s (median), at most 4.0 s in nine of ten; n = 12, some of them of other components",
    "proof: at least 10 min 0 s",
    "capacity: 5 % of traffic (1.67 requests/s), NOT warm",
    "cannot be undone: schema",
    "staged beside what serves: model",
  ]);
});

test("a price without past runs says so, and of what", () => {
  const rest = { verifyAtLeast: 1000, cannotBeUndone: [] };
  const unknown = { ...rest, steps: [{ component: "model" }], capacity: { percent: 100, warm: true } };
  assert.deepEqual(readyLines({ price: unknown }).slice(0, 1), ["restore: no past runs of model"]);
  assert.match(readyLines({ price: unknown })[2]!, /100 % of traffic, warm/);
  assert.equal(readyLines({ price: { ...unknown, steps: [] } })[0], "restore: no past runs of any component");
});
