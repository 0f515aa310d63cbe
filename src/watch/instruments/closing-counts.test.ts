import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { createClosingCounts } from "./closing-counts.ts";
import { createClosingSeconds } from "./closing-seconds.ts";

const steps = fc.array(
  fc.oneof(
    fc.record({ second: fc.nat(200), late: fc.nat(20), n: fc.nat(9), k: fc.nat(9) }),
    fc.record({ now: fc.nat(200) }),
  ),
  { maxLength: 200 },
);

it("counts close as seconds do, in whatever order they come", () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(2000, 16_000, 60_000), (list, wait) => {
      const plain = createClosingSeconds(() => ({ n: 0, k: 0 }), wait);
      const counts = createClosingCounts(wait);
      for (const step of list) {
        if ("now" in step) {
          const closed: unknown[] = [];
          counts.close(1000 * step.now, (bucket, n, k) => closed.push([bucket, { n, k }]));
          assert.deepEqual(closed, plain.closed(1000 * step.now));
          continue;
        }
        const bucket = 1000 * Math.max(0, step.second - step.late);
        const gathered = plain.at(bucket);
        assert.equal(counts.add(bucket, step.n, step.k), gathered !== undefined);
        if (!gathered) continue;
        gathered.n += step.n;
        gathered.k += step.k;
      }
    }),
  );
});

it("an hour of seconds one after another closes in order and whole", () => {
  const counts = createClosingCounts(60_000);
  const seen: number[] = [];
  for (let second = 0; second < 3600; second++) {
    counts.add(1000 * second, 1, 0);
    counts.add(1000 * second, 1, 1);
    counts.close(1000 * second, (bucket, n, k) => {
      assert.deepEqual([n, k], [2, 1]);
      seen.push(bucket / 1000);
    });
  }
  assert.deepEqual(
    seen,
    seen.map((_, index) => index),
  );
  assert.ok(seen.length > 3500);
});
