import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { SeasonHour } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import { runs } from "../testing/runs.fixture.ts";
import { createSeasons } from "./seasons.ts";
import { aSample, CANDIDATE, STABLE } from "./stream.fixture.ts";

const HOUR = 3_600_000;
const WEEK = 168 * HOUR;
/** The beginning of an hour. */
const NOW = 1_700_002_800_000;

const ofStable = (at: number, n: number, k: number, fields: Partial<Sample> = {}): Sample =>
  aSample(0, n, k, { bucket: at, release: STABLE, ...fields });

function remembered(samples: readonly Sample[], now = NOW) {
  const seasons = createSeasons();
  seasons.add(samples, STABLE, now);
  return seasons;
}

describe("the same hour of an earlier week", () => {
  it("is the reference, with all that was counted in it, and says which hour it was", () => {
    const at = NOW - WEEK;
    const rows = [
      ofStable(at, 700, 7, { cells: [[3, 700]] }),
      ofStable(at + HOUR - 1000, 400, 5, {
        cells: [
          [2, 300],
          [3, 100],
        ],
      }),
      ofStable(at + 5000, 30, 2, { group: "age=old" }),
      ofStable(at + 6000, 20, 1, { group: "age=old" }),
      ofStable(at + 6000, 9, 0, { group: "age=new" }),
      ofStable(at - 1000, 5000, 5000),
      ofStable(at + HOUR, 5000, 5000),
      ofStable(at, 5000, 5000, { release: CANDIDATE }),
      ofStable(at, 5000, 0, { signal: "errors" }),
    ];
    assert.deepEqual(remembered(rows).seasonAt("losses", NOW + 59 * 60_000), {
      signal: "losses",
      n: 1100,
      k: 12,
      cells: [
        [2, 300],
        [3, 800],
      ],
      groups: { "age=new": { n: 9, k: 0 }, "age=old": { n: 50, k: 3 } },
      season: at,
    });
  });

  it("is the latest week that knows enough, and never this one or one older than three", () => {
    const row = (weeks: number, n: number) => ofStable(NOW - weeks * WEEK, n, 1);
    const season = (...rows: Sample[]) => remembered(rows).seasonAt("losses", NOW)?.season;
    assert.equal(season(row(1, 1000), row(2, 5000)), NOW - WEEK);
    assert.equal(season(row(1, 999), row(2, 5000)), NOW - 2 * WEEK);
    assert.equal(season(row(3, 1000)), NOW - 3 * WEEK);
    assert.equal(season(row(0, 5000), row(3, 999), row(4, 5000)), undefined);
    assert.equal(season(), undefined);
  });
});

describe("what is remembered", () => {
  it("leaves out the future and what is no count", () => {
    const rows = [
      ofStable(NOW + HOUR, 1000, 1),
      ofStable(NOW, Number.NaN, 1),
      ofStable(NOW, 10, -1),
      ofStable(NOW, 0.5, 0),
    ];
    assert.deepEqual(remembered(rows).hours(), []);
  });

  it("is forgotten after three weeks, so that its size has a bound", () => {
    const seasons = createSeasons();
    for (let hour = 0; hour < 1200; hour++) {
      const at = NOW + hour * HOUR;
      seasons.add([ofStable(at, 10, 1), ofStable(at - 4 * WEEK, 10, 1)], STABLE, at + 1000);
      assert.ok(seasons.hours().length <= 505);
    }
    assert.equal(seasons.hours().length, 505);
    const groups = Array.from({ length: 100 }, (_, index) => ofStable(NOW, 1, 0, { group: `g=${index}` }));
    assert.equal(Object.keys(remembered([...groups, groups[0]!]).hours()[0]!.groups!).length, 64);
  });

  it("is the same after a restart", () => {
    const before = remembered([ofStable(NOW - WEEK, 2000, 4, { cells: [[1, 1.5]] }), ofStable(NOW, 3, 1)]);
    const kept = JSON.parse(JSON.stringify(before.hours())) as readonly SeasonHour[];
    const after = createSeasons();
    after.merge(kept, NOW);
    assert.deepEqual(after.hours(), before.hours());
    assert.deepEqual(after.seasonAt("losses", NOW), before.seasonAt("losses", NOW));
    after.merge(kept, NOW + 4 * WEEK);
    assert.deepEqual(after.hours(), [], "too old to keep");
  });

  it("is the same in whatever order and from however many watchers it comes", () => {
    const count = fc.nat(50);
    const row = fc
      .record({
        hour: fc.integer({ min: -520, max: 2 }),
        n: count,
        k: count,
        signal: fc.constantFrom("losses", "errors"),
        release: fc.constantFrom(STABLE, CANDIDATE),
        group: fc.option(fc.constantFrom("a=1", "a=2"), { nil: undefined }),
        // As values are counted: in multiples of 2^-20, of which sums are exact.
        cells: fc.option(
          fc.array(
            fc.tuple(
              fc.nat(4),
              fc.nat(900).map((part) => part / 1024),
            ),
          ),
          { nil: undefined },
        ),
      })
      .map(({ hour, n, k, ...fields }) => {
        const { group, cells, ...rest } = fields;
        const optional = { ...(group && { group }), ...(cells && !group && { cells }) };
        return ofStable(NOW + hour * HOUR, n, k, { ...rest, ...optional });
      });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 30 }), fc.nat(30), fc.boolean(), (rows, cut, reversed) => {
        const [one, two] = [remembered(rows.slice(0, cut)), remembered(rows.slice(cut))];
        const joined = createSeasons();
        for (const part of reversed ? [two, one] : [one, two]) joined.merge(part.hours(), NOW);
        assert.deepEqual(joined.hours(), remembered(rows).hours());
        assert.deepEqual(remembered(rows.toReversed()).hours(), remembered(rows).hours());
      }),
      { numRuns: runs(300) },
    );
  });
});
