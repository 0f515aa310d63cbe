import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Sample } from "../../core/sample.ts";
import { drawBinomial } from "../../simulation/draws.ts";
import { createSeededRandom } from "../../simulation/random.ts";
import { runs } from "../../testing/runs.fixture.ts";
import { CANDIDATE, STABLE, START } from "../stream.fixture.ts";
import { createSampleRatio, type SampleRatioSetup } from "./sample-ratio.ts";
import { batchOf, stickyTraffic } from "./sticky-traffic.fixture.ts";

const SETUP: SampleRatioSetup = { signal: "errors", candidate: CANDIDATE, reference: STABLE };

/** What is doubted of sticky traffic, and how many requests there were until then. */
function sticky(seed: string, rate: number, seconds: number, real: number, planned = 0.05) {
  const instrument = createSampleRatio(SETUP);
  instrument.exposed(START - 60_000, planned);
  let requests = 0;
  let second = 0;
  const traffic = { seconds, rate, share: () => real, most: 20 };
  for (const [n, k] of stickyTraffic(createSeededRandom(seed), traffic)) {
    instrument.observe(batchOf(second++, n, k));
    const [doubt] = instrument.doubts();
    if (doubt) return { doubt, requests };
    requests += n;
  }
  return undefined;
}

/** Doubts after these seconds of independent requests, each with the share that it had. */
function doubts(shares: readonly number[], setup: Partial<SampleRatioSetup> = {}, planned = 0.05) {
  const instrument = createSampleRatio({ ...SETUP, lump: 1, ...setup });
  instrument.exposed(START - 60_000, planned);
  const random = createSeededRandom("shares");
  for (const [second, share] of shares.entries())
    instrument.observe(batchOf(second, 1000, drawBinomial(random, 1000, share)));
  return instrument.doubts();
}

const steady = (seconds: number, share: number) => Array.from({ length: seconds }, () => share);

/** Doubts of counters that are polled every `step` seconds, `phase` before a change of the share. */
function polled(step: number, phase: number) {
  const instrument = createSampleRatio({ ...SETUP, lump: 1 });
  const share = (second: number) => (second < 900 ? 0.05 : second < 1800 ? 0.25 : 0.5);
  let sequence = 1;
  for (let scrape = phase - 2 * step; scrape < 2700; scrape += step) {
    for (const at of [0, 900, 1800]) if (at <= scrape) instrument.exposed(START + 1000 * at, share(at));
    const shares = Array.from({ length: step }, (_, second) => share(scrape - step + second));
    const k = Math.round(1000 * shares.reduce((sum, one) => sum + one, 0));
    const bucket = Math.floor((START / 1000 + scrape) / step) * step * 1000;
    instrument.observe(batchOf(0, 1000 * step, k, { bucket, sequence: sequence++ }));
  }
  return instrument.doubts();
}

describe("the arms' shares", () => {
  it("are not doubted where counters are polled in long steps, which hold some of the share before", () => {
    for (const step of [15, 30, 60])
      for (let phase = 0; phase < step; phase += 5) assert.deepEqual(polled(step, phase), [], `${step} s, ${phase} s`);
  });

  it("are not doubted in healthy hours of persons that stay with their arm", () => {
    // A sample of what was measured: 550 hours at 50 to 2000 requests a second and 1 to 95 % had no doubt.
    for (let run = 0; run < runs(25); run++) assert.equal(sticky(`healthy ${run}`, 50, 3600, 0.05), undefined);
    for (let run = 0; run < runs(2); run++) assert.equal(sticky(`busy ${run}`, 500, 1800, 0.05), undefined);
  });

  it("are doubted after so many requests as the docstring says, where the split is broken", () => {
    for (const [real, most, seconds] of [
      [0, 8000, 60],
      [1, 2000, 60],
      [0.1, 40_000, 120],
      [0.025, 150_000, 240],
    ] as const)
      for (let run = 0; run < runs(3); run++) {
        const found = sticky(`broken ${run}`, 1000, seconds, real);
        assert.ok(found && found.requests - 10_000 < most, `${real}: ${JSON.stringify(found)}`);
      }
  });

  it("within the tolerance are not doubted, at any step and in either direction", () => {
    for (const planned of [0.01, 0.25, 0.5, 0.95])
      for (const off of [0.85, 1.15]) {
        const share = planned > 0.5 ? 1 - off * (1 - planned) : off * planned;
        assert.deepEqual(doubts(steady(600, share), {}, planned), [], `${share} of ${planned}`);
      }
  });

  it("beyond it are doubted, at any step and in either direction", () => {
    for (const planned of [0.01, 0.25, 0.5, 0.95])
      for (const off of [0.6, 1.5]) {
        const share = planned > 0.5 ? 1 - off * (1 - planned) : off * planned;
        assert.equal(doubts(steady(300, share), {}, planned).length, 1, `${share} of ${planned}`);
      }
  });

  it("are doubted in words that name the cause", () => {
    const shares = (share: number) => doubts(steady(30, share))[0] ?? "";
    assert.match(shares(0), /^the candidate should get 5 % of requests and none of it was counted, of \d+$/);
    assert.match(shares(1), /^the candidate should get 5 % of requests and none of stable's was counted, of \d+$/);
    assert.match(shares(0.1), /^the candidate should get 5 % of requests and gets [\d.]+ % \(\d+ of \d+\)$/);
  });

  it("stay doubted in the words in which they first were, whatever comes later", () => {
    const first = doubts(steady(30, 0.1));
    assert.deepEqual(doubts([...steady(30, 0.1), ...steady(300, 0.05)]), first);
  });

  it("are doubted when they break after a long healthy while", () => {
    assert.equal(doubts([...steady(3600, 0.05), ...steady(600, 0.1)]).length, 1);
  });
});

describe("a planned share", () => {
  it("that changes is followed, and the seconds around the change are left out", () => {
    const run = (told: boolean) => {
      const instrument = createSampleRatio({ ...SETUP, lump: 1 });
      instrument.exposed(START - 60_000, 0.05);
      const random = createSeededRandom("ramp");
      for (let second = 0; second < 300; second++) {
        if (told && second === 100) instrument.exposed(START + 100_000, 0.25);
        const share = second < 98 ? 0.05 : second < 103 ? 1 : 0.25;
        instrument.observe(batchOf(second, 500, drawBinomial(random, 500, share)));
      }
      return instrument.doubts();
    };
    assert.deepEqual(run(true), []);
    assert.equal(run(false).length, 1);
  });

  it("of nothing or of everything is nothing to test, and what was served before the first is no evidence", () => {
    for (const planned of [0, 1]) assert.deepEqual(doubts(steady(100, 0.5), {}, planned), []);
    const instrument = createSampleRatio(SETUP);
    for (let second = 0; second < 100; second++) instrument.observe(batchOf(second, 1000, 0));
    instrument.exposed(START + 90_000, 0.05);
    assert.deepEqual(instrument.doubts(), []);
  });

  it("that is told after the clock was set back stops nothing, and counts from the last moment known", () => {
    const instrument = createSampleRatio(SETUP);
    instrument.exposed(START + 5000, 0.05);
    instrument.exposed(START, 0.25);
    for (let second = 0; second < 100; second++) instrument.observe(batchOf(second, 1000, 250));
    assert.deepEqual(instrument.doubts(), []);
  });

  it("that is none is refused; a repeated one is no change", () => {
    const instrument = createSampleRatio(SETUP);
    assert.throws(() => instrument.exposed(START, 1.5), RangeError);
    instrument.exposed(START, 0.05);
    for (let second = 0; second < 30; second++) {
      instrument.exposed(START + 1000 * second, 0.05);
      instrument.observe(batchOf(second, 2000, 0));
    }
    assert.equal(instrument.doubts().length, 1);
  });

  it("is remembered for requests that become known late, and a far too late one is no evidence", () => {
    const instrument = createSampleRatio({ ...SETUP, lump: 1 });
    for (let step = 0; step < 100; step++) instrument.exposed(START + 20_000 * step, step % 2 === 0 ? 0.05 : 0.5);
    for (let second = 0; second < 2000; second++) {
      const share = second % 40 < 20 ? 0.05 : 0.5;
      // Seconds of long forgotten shares, with a wild split: they are not counted.
      instrument.observe(batchOf(second, 1000, second < 600 ? 1000 : 1000 * share));
    }
    assert.deepEqual(instrument.doubts(), []);
  });
});

describe("requests", () => {
  it("of other signals, releases and groups, and counts that are none, are not counted", () => {
    const instrument = createSampleRatio(SETUP);
    instrument.exposed(START - 60_000, 0.05);
    const other: readonly Partial<Sample>[] = [{ signal: "losses" }, { group: "age=old" }, { n: 0.5 }, { n: -1 }];
    for (let second = 0; second < 60; second++)
      for (const fields of other) instrument.observe(batchOf(second, 1000, 0, fields));
    instrument.observe([]);
    assert.deepEqual(instrument.doubts(), []);
  });

  it("whose slow answers come late are counted in their arm", () => {
    const late = (wait: number, mature?: number) => {
      const instrument = createSampleRatio({ ...SETUP, lump: 1, ...(mature && { mature }) });
      instrument.exposed(START - 60_000, 0.5);
      for (let second = 0; second < 120; second++) {
        const rows = batchOf(second, 40, 20).filter(({ release }) => release === STABLE);
        const slow = batchOf(second - wait, 40, 20).filter(({ release }) => release === CANDIDATE);
        instrument.observe([...rows, ...(second < wait ? [] : slow)]);
      }
      return instrument.doubts().length;
    };
    assert.equal(late(8), 0);
    assert.equal(late(40), 1, "nothing of the candidate for 40 s is nothing");
    assert.equal(late(40, 60_000), 0, "when that is how long answers take, nothing is awaited");
  });

  it("are found wanting alike second by second, in one batch of many seconds, and from several nodes", () => {
    const rows = Array.from({ length: 60 }, (_, second) => batchOf(second, 1000, 100));
    const found = (batches: readonly (readonly Sample[])[]) => {
      const instrument = createSampleRatio(SETUP);
      instrument.exposed(START - 60_000, 0.05);
      for (const batch of batches) instrument.observe(batch);
      return instrument.doubts();
    };
    const [doubt] = found(rows);
    assert.ok(doubt);
    assert.deepEqual(found([rows.flat()]), [doubt]);
    const behind = rows.slice(0, 30).map((batch) => batch.map((row) => ({ ...row, node: "node-2" })));
    assert.equal(found([...rows.slice(0, 5), ...behind]).length, 1);
  });

  it("in any healthy order of nodes and lateness are never doubted", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 30 }),
        (seed, nodes, step) => {
          const random = createSeededRandom(seed);
          const instrument = createSampleRatio({ ...SETUP, lump: 1 });
          instrument.exposed(START - 60_000, 0.1);
          for (let first = 0; first < 300; first += step)
            for (let node = 0; node < nodes; node++) {
              const seconds = Array.from({ length: step }, (_, index) => first + index);
              const batch = seconds.flatMap((second) =>
                batchOf(second, 50, drawBinomial(random, 50, 0.1), { node: `node-${node}`, sequence: first }),
              );
              instrument.observe(batch);
            }
          assert.deepEqual(instrument.doubts(), []);
        },
      ),
      { numRuns: runs(60) },
    );
  });
});
