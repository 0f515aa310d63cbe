import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { HardLimit } from "../core/playbook.ts";
import { watchHardLimit } from "./hard-limit.ts";
import { APPROVALS, aLimit, aSample, CANDIDATE, LEAKS, LOSSES, STABLE, START } from "./stream.fixture.ts";

const watching = (limit: Partial<HardLimit> = {}, signal = LOSSES) =>
  watchHardLimit(aLimit(limit), signal, CANDIDATE, START);

describe("a hard limit", () => {
  it("says its numbers without any statistics", () => {
    const watch = watching();
    assert.equal(watch.judge(START).kind, "no-data");
    watch.observe([aSample(0, 19, 19)]);
    const { kind, method, candidate, logHarm, logSafe, claim } = watch.judge(START + 1000);
    assert.deepEqual([kind, method, claim, logHarm, logSafe], ["inconclusive", "hard-limit", "losses > 5 %", 0, 0]);
    assert.deepEqual(candidate, { release: CANDIDATE, n: 19, k: 19 });
  });

  it("waits for its least number of observations, and not for one more", () => {
    const watch = watching({ min: 20 });
    watch.observe([aSample(0, 19, 19)]);
    assert.equal(watch.judge(START).kind, "inconclusive");
    watch.observe([aSample(0, 1, 0)]);
    assert.equal(watch.judge(START).kind, "harmful");
    assert.ok(watch.judge(START).logHarm > 700);
  });

  it("sees what became known within its window, however late that was", () => {
    const watch = watching({ over: 10_000 });
    watch.observe([{ ...aSample(0, 100, 100), known: START + 31_000 }]);
    assert.equal(watch.judge(START + 31_100).kind, "harmful");
  });

  it("looks at its window alone, to the edge of a second", () => {
    for (const [now, kind] of [
      [10_999, "harmful"],
      [11_000, "no-data"],
    ] as const) {
      const watch = watching({ over: 10_000 });
      watch.observe([aSample(0, 100, 50)]);
      assert.equal(watch.judge(START + now).kind, kind);
    }
  });

  it("joins what belongs to one second, however late it comes", () => {
    const watch = watching({ over: 10_000 });
    watch.observe([aSample(3, 100, 4)]);
    assert.equal(watch.judge(START + 4000).kind, "inconclusive");
    watch.observe([aSample(3, 10, 2, { sequence: 9 })]);
    assert.equal(watch.judge(START + 9000).kind, "harmful");
  });

  it("stays broken when the window has gone by", () => {
    const watch = watching({ over: 10_000 });
    watch.observe([aSample(0, 100, 50)]);
    watch.judge(START + 1000);
    assert.equal(watch.judge(START + 3_600_000).kind, "harmful");
  });

  it("counts occurrences over the whole life, with or without observations", () => {
    const watch = watching({ comparison: ">=", limit: 3, min: 0 }, LEAKS);
    const unlimited = watchHardLimit(
      { name: "leak", signal: "leaks", comparison: ">=", limit: 3, min: 0 },
      LEAKS,
      CANDIDATE,
      START,
    );
    for (const second of [0, 500, 1000]) {
      assert.notEqual(unlimited.judge(START + 1000 * second).kind, "harmful");
      unlimited.observe([aSample(second, 0, 1, { signal: "leaks" })]);
    }
    assert.equal(unlimited.judge(START + 1_001_000).kind, "harmful");
    watch.observe([aSample(0, 1, 3, { signal: "leaks" })]);
    assert.equal(watch.judge(START + 500).kind, "harmful");
  });

  it("compares as it is written", () => {
    const cases = [
      [">", 0.05, [5, 6]],
      [">=", 0.05, [4, 5]],
      ["<", 0.5, [50, 49]],
      ["<=", 0.5, [51, 50]],
    ] as const;
    for (const [comparison, limit, [kept, broken]] of cases)
      for (const [k, kind] of [
        [kept, "inconclusive"],
        [broken, "harmful"],
      ] as const) {
        const watch = watching({ comparison, limit });
        watch.observe([aSample(0, 100, k)]);
        assert.equal(watch.judge(START).kind, kind, `${k} of 100 ${comparison} ${limit}`);
      }
  });

  it("takes no notice of stable, of other signals, or of what was served before the exposure", () => {
    const watch = watching({ min: 1 });
    watch.observe([aSample(0, 9, 9, { release: STABLE }), aSample(0, 9, 9, { signal: "errors" }), aSample(-1, 9, 9)]);
    assert.equal(watch.judge(START).kind, "no-data");
  });

  it("is never appeased by one more bad outcome", () => {
    const count = fc.tuple(fc.nat(30), fc.nat(30)).map(([a, b]) => ({ n: Math.max(a, b), k: Math.min(a, b) }));
    const rows = fc.array(count, { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(rows, fc.nat(), fc.boolean(), fc.boolean(), (counts, place, rising, turn) => {
        const limit = rising ? aLimit({ over: 4000 }) : aLimit({ over: 4000, comparison: "<", limit: 0.5 });
        const signal = rising ? LOSSES : { ...APPROVALS, name: "losses" };
        const kinds = (list: readonly { n: number; k: number }[]) => {
          const watch = watchHardLimit(limit, signal, CANDIDATE, START);
          return list.map(({ n, k }, second) => {
            watch.observe([aSample(second, n, k)]);
            return watch.judge(START + 1000 * second).kind === "harmful";
          });
        };
        const at = place % counts.length;
        const { n, k } = counts[at]!;
        const turnable = rising ? k < n : k > 0;
        const worse = turn && turnable ? { n, k: rising ? k + 1 : k - 1 } : { n: n + 1, k: rising ? k + 1 : k };
        const after = kinds(counts.with(at, worse));
        for (const [second, harmful] of kinds(counts).entries()) if (harmful) assert.ok(after[second]);
      }),
      { numRuns: 200 },
    );
  });
});
