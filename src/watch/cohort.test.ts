import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Sample } from "../core/sample.ts";
import { type Cohort, type CohortsSetup, createCohorts } from "./cohort.ts";
import { aSample, CANDIDATE, STABLE, START } from "./stream.fixture.ts";

const MATURITY = 5000;
const sideOf = ({ release }: Sample) =>
  release === CANDIDATE ? "candidate" : release === STABLE ? "reference" : undefined;
const cohorts = (fields: Partial<CohortsSetup> = {}) =>
  createCohorts({ sideOf, compares: true, maturity: MATURITY, ...fields });
/** An outcome of this second that became known so many milliseconds after it was over. */
const late = (second: number, after: number, n: number, k: number, fields: Partial<Sample> = {}) =>
  aSample(second, n, k, { known: START + 1000 * (second + 1) + after, ...fields });
const counts = ({ candidate, reference }: Cohort) => [candidate.n, candidate.k, reference.n, reference.k];

describe("cohorts with a maturity", () => {
  it("are compared when they are old enough, with everything that is known by then", () => {
    const watch = cohorts();
    assert.deepEqual(watch.take([late(0, 100, 5, 0), late(0, 100, 90, 0, { release: STABLE })]), []);
    assert.deepEqual(watch.take([late(0, 4000, 2, 2), late(0, 4000, 5, 5, { release: STABLE })]), []);
    assert.deepEqual(watch.ripen(START + 1000 + MATURITY - 1), []);
    assert.deepEqual(watch.ripen(START + 1000 + MATURITY).map(counts), [[7, 2, 95, 5]]);
    assert.deepEqual(watch.ripen(START + 60_000), []);
  });

  it("leave what comes later still to be compared as it comes", () => {
    const watch = cohorts();
    watch.take([late(0, 0, 5, 0)]);
    const after = watch.take([late(0, MATURITY, 3, 3), late(0, MATURITY, 70, 2, { release: STABLE })]);
    assert.deepEqual(after.map(counts), [[3, 3, 70, 2]]);
    assert.deepEqual(watch.ripen(START + 60_000).map(counts), [[5, 0, 0, 0]]);
  });

  it("take a sample without a moment as known right after its second", () => {
    const watch = cohorts();
    watch.take([aSample(0, 5, 1), aSample(0, 9, 1, { release: STABLE })]);
    assert.deepEqual(watch.ripen(START + 60_000).map(counts), [[5, 1, 9, 1]]);
  });

  it("hold the same whenever somebody looks, and in whatever order what was known came", () => {
    const rows = fc.array(fc.record({ second: fc.nat(4), after: fc.nat(9000), n: fc.nat(5), stable: fc.boolean() }), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(rows, fc.array(fc.nat(20_000)), (list, looks) => {
        const samples = list
          .map(({ second, after, n, stable }, sequence) =>
            late(second, after, n, 0, { sequence, release: stable ? STABLE : CANDIDATE }),
          )
          .toSorted((a, b) => a.known! - b.known!);
        const live = cohorts();
        const ripe = new Map<number, number[]>();
        const note = (closed: readonly Cohort[]) => {
          for (const one of closed) ripe.set(one.bucket, counts(one));
        };
        for (const sample of samples) {
          for (const look of looks) if (START + look <= sample.known!) note(live.ripen(START + look));
          live.take([sample]);
        }
        note(live.ripen(START + 60_000));
        const whole = cohorts();
        for (const sample of samples.toReversed()) whole.take([sample]);
        assert.deepEqual(new Map(whole.ripen(START + 60_000).map((one) => [one.bucket, counts(one)])), ripe);
      }),
    );
  });
});

describe("cohorts that wait for reports which do not come", () => {
  it("are kept for a day, and a tenth is dropped then, the oldest first", () => {
    let mark = Number.NEGATIVE_INFINITY;
    const watch = cohorts({ mark: { at: () => mark, byClockFrom: Number.POSITIVE_INFINITY } });
    for (let second = 0; second < 86_500; second++) watch.take([aSample(second, 1, 0)]);
    mark = Number.POSITIVE_INFINITY;
    const ripe = watch.ripen(0);
    assert.ok(ripe.length > 77_000 && ripe.length <= 86_405, `${ripe.length}`);
    assert.equal(ripe.at(-1)!.bucket, START + 86_499_000);
    assert.ok(ripe[0]!.bucket > START);
  });

  it("lose none to a clock that is years off", () => {
    const years = 10 * 365 * 86_400;
    let mark = Number.NEGATIVE_INFINITY;
    const watch = cohorts({ mark: { at: () => mark, byClockFrom: Number.POSITIVE_INFINITY } });
    for (const second of [0, 1, years, -years, 2]) watch.take([aSample(second, 1, 1)]);
    mark = Number.POSITIVE_INFINITY;
    assert.deepEqual(
      watch.ripen(0).map(({ bucket }) => (bucket - START) / 1000),
      [-years, 0, 1, 2, years],
    );
  });
});

describe("cohorts without a maturity", () => {
  it("close with less reference once the next second has begun, and with any once theirs has settled", () => {
    const closedBy = (n: number) => {
      const watch = cohorts({ maturity: 0 });
      const reference = (second: number, size: number) =>
        watch.take([aSample(second, size, 0, { release: STABLE })]).filter(({ bucket }) => bucket === START).length;
      return [reference(0, n), reference(1, 1), reference(2, 1)];
    };
    assert.deepEqual(closedBy(60), [1, 0, 0]);
    assert.deepEqual(closedBy(30), [0, 1, 0]);
    assert.deepEqual(closedBy(29), [0, 0, 1]);
  });
});

describe("cohorts of a longer span", () => {
  it("join their seconds, and close when they hold enough", () => {
    const watch = cohorts({ maturity: 0, span: 60_000 });
    const base = Math.floor(START / 60_000) * 60_000;
    const at = (second: number, n: number, release = STABLE) =>
      aSample(0, n, 1, { bucket: base + 1000 * second, release });
    assert.deepEqual(watch.take([at(3, 50), at(3, 2, CANDIDATE)]), []);
    const closed = watch.take([at(50, 12), at(51, 1, CANDIDATE)]);
    assert.deepEqual(
      closed.map(({ bucket }) => bucket),
      [base],
    );
    assert.deepEqual(closed.map(counts), [[3, 2, 62, 2]]);
    assert.deepEqual(watch.take([at(55, 3)]), []);
    assert.deepEqual(watch.take([at(62, 1)]).map(counts), [[0, 0, 3, 1]]);
  });

  it("wait a day for a reference of their second, and no longer", () => {
    const reference = { release: STABLE };
    const joined = (hours: number) => {
      const watch = cohorts({ maturity: 0 });
      watch.take([aSample(0, 5, 5)]);
      watch.take([aSample(3600 * hours, 40, 0, reference)]);
      return watch.take([aSample(0, 40, 0, reference)]).map(counts);
    };
    assert.deepEqual(joined(24), [[5, 5, 40, 0]]);
    assert.deepEqual(joined(25), [[0, 0, 40, 0]]);
  });

  it("ignore what belongs to neither side", () => {
    assert.deepEqual(
      cohorts({ maturity: 0, compares: false }).take([aSample(0, 5, 1, { release: "other" as never })]),
      [],
    );
  });
});
