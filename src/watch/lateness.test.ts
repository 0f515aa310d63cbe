import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Sample } from "../core/sample.ts";
import { drawBinomial, drawOrder } from "../simulation/draws.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { runs } from "../testing/runs.fixture.ts";
import { ageOf, Lateness, partAfter } from "./lateness.ts";
import { aSample, CANDIDATE, STABLE, START } from "./stream.fixture.ts";

/** Outcomes of this second that become known so many seconds after its beginning. */
const known = (second: number, after: number, n: number, release: typeof STABLE = STABLE, k = 0) =>
  aSample(second, n, k, { release, known: START + 1000 * (second + after) });

const always = (share: number) => ({ shares: [share], each: Number.POSITIVE_INFINITY });

function look(samples: readonly Sample[], planned = always(0.5)): Lateness {
  const lateness = new Lateness(planned, START);
  for (const sample of samples.toSorted((a, b) => a.known! - b.known!)) {
    lateness.see(sample, sample.release === CANDIDATE, sample.k);
    lateness.apartSince(0);
  }
  return lateness;
}

describe("arms are apart", () => {
  const slow = Array.from({ length: 60 }, (_, second) => [
    known(second, 5, 5, CANDIDATE),
    known(second, 0.3, 95),
  ]).flat();

  it("once many late outcomes are the candidate's, from a moment on that nothing known then was served after", () => {
    const since = look(slow).apartSince(0);
    assert.ok(since !== undefined && since > START + 10_000 && since < START + 25_000, `${since! - START}`);
  });

  it("at the same moment in whatever order what becomes known together is taken", () => {
    const random = createSeededRandom("order");
    for (let run = 0; run < 20; run++) {
      const lateness = new Lateness(always(0.5), START);
      const blocks = Map.groupBy(
        slow.toSorted((a, b) => a.known! - b.known!),
        (row) => row.known!,
      );
      for (const block of blocks.values())
        for (const row of drawOrder(random, block)) {
          lateness.see(row, row.release === CANDIDATE, 0);
          lateness.apartSince(0);
        }
      assert.equal(lateness.apartSince(0), look(slow).apartSince(0));
    }
  });

  it("not where stable's are as late, where the candidate's are the early ones, or where requests are shared out so", () => {
    const both = Array.from({ length: 600 }, (_, second) => [known(second, 5, 5, CANDIDATE), known(second, 5, 95)]);
    assert.equal(look(both.flat()).apartSince(0), undefined);
    const quick = Array.from({ length: 600 }, (_, second) => [known(second, 0.3, 5, CANDIDATE), known(second, 5, 95)]);
    assert.equal(look(quick.flat()).apartSince(0), undefined);
    const most = Array.from({ length: 600 }, (_, second) => [known(second, 5, 95, CANDIDATE), known(second, 5, 5)]);
    assert.equal(look(most.flat(), always(0.95)).apartSince(0), undefined);
    assert.notEqual(look(most.flat()).apartSince(0), undefined);
  });

  it("in the first step already, however much the candidate is to get in the last", () => {
    const planned = { shares: [0.05, 0.5, 0.95], each: 30_000 };
    const since = look(slow, planned).apartSince(0);
    assert.ok(since !== undefined && since < START + 15_000, `${since! - START}`);
    const alike = Array.from({ length: 90 }, (_, second) => {
      const own = 100 * planned.shares[Math.floor(second / 30)]!;
      return [known(second, 5, own, CANDIDATE), known(second, 5, 100 - own)];
    });
    assert.equal(look(alike.flat(), planned).apartSince(0), undefined);
  });

  it("also where stable was silent for hours before, and then from what comes after all that was known", () => {
    const lateness = new Lateness(always(0.5), START);
    for (let second = 0; second < 10_000; second++) lateness.see(known(second, 5, 5, CANDIDATE), true, 0);
    lateness.see(known(10_100, 0.3, 1), false, 0);
    assert.equal((lateness.apartSince(0)! - START) / 1000, 10_101);
  });

  it("not by accident: of arms that report alike, whatever their delays", () => {
    for (let run = 0; run < runs(200); run++) {
      const random = createSeededRandom(`alike ${run}`);
      const rows = Array.from({ length: 300 }, (_, second) =>
        [1, 4, 12].flatMap((after) => {
          const own = drawBinomial(random, 12, 0.5);
          return [known(second, after, own, CANDIDATE), known(second, after, 12 - own)];
        }),
      );
      assert.equal(look(rows.flat()).apartSince(0), undefined, `run ${run}`);
    }
  });

  it("no later for one more outcome of the candidate, early or late", () => {
    const rows = fc.array(
      fc.record({ second: fc.nat(20), after: fc.integer({ min: 0, max: 12 }), n: fc.nat(30), own: fc.boolean() }),
      { minLength: 1, maxLength: 30 },
    );
    let apart = 0;
    fc.assert(
      fc.property(rows, fc.nat(), (list, place) => {
        const samples = list.map(({ second, after, n, own }) =>
          known(second, own ? after : after % 2, n, own ? CANDIDATE : STABLE),
        );
        const at = place % samples.length;
        const more = samples.with(at, { ...samples[at]!, n: samples[at]!.n + 1 });
        const [before, after] = [look(samples).apartSince(0), look(more).apartSince(0)];
        if (samples[at]!.release === STABLE) return;
        assert.ok((after ?? Number.POSITIVE_INFINITY) <= (before ?? Number.POSITIVE_INFINITY));
        if (before !== undefined) apart += 1;
      }),
      { numRuns: runs(400) },
    );
    assert.ok(apart > 0);
  });
});

describe("what is known of an arm", () => {
  it("is how old its outcomes were when they came", () => {
    const { candidate, reference } = look([
      known(0, 5, 50, CANDIDATE),
      known(0, 80, 1, CANDIDATE),
      known(0, 0.2, 40),
      known(1, 9e6, 1),
    ]);
    assert.equal(ageOf(0.5, candidate), 10_000);
    assert.equal(ageOf(0.5, reference), 1500);
    assert.equal(ageOf(1, reference), 7 * 86_400_000);
    assert.equal(partAfter(15_000, candidate), 1 / 51);
    assert.equal(partAfter(15_000, look([]).candidate), 0);
  });

  it("is whether its bad ones are the late ones", () => {
    const good = [known(0, 0.2, 500, CANDIDATE), known(0, 0.2, 500)];
    assert.equal(look([...good, known(0, 4, 2, CANDIDATE, 2)]).isBadLate, false);
    assert.equal(look([...good, known(0, 4, 3, CANDIDATE, 3)]).isBadLate, true);
    assert.equal(look([...good, known(0, 4, 3, CANDIDATE, 3), known(0, 4, 9, STABLE, 9)]).isBadLate, false);
  });
});
