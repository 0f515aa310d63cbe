import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Signal } from "../../core/playbook.ts";
import type { Sample } from "../../core/sample.ts";
import { drawExponential, drawInteger, drawPoisson } from "../../simulation/draws.ts";
import { createSeededRandom } from "../../simulation/random.ts";
import { CANDIDATE, LOSSES, STABLE, START } from "../stream.fixture.ts";
import { createLabelDelay } from "./label-delay.ts";

interface Labels {
  readonly seconds: number;
  readonly rate: number;
  /** Mean delay of the candidate's outcomes and of stable's, in seconds. */
  readonly means: readonly [number, number];
  /** Outcomes of a person, 1 to so many over some minutes, become known together. */
  readonly together?: number;
  /** The source is asked only every so many seconds. */
  readonly every?: number;
}

/** Batches of 5 % candidate as their outcomes become known, second by second. */
function arrivals(seed: string, labels: Labels): readonly (readonly Sample[])[] {
  const { seconds, rate, means, together = 1, every = 1 } = labels;
  const random = createSeededRandom(seed);
  const batches = Array.from({ length: seconds }, () => new Map<string, number>());
  for (let second = 0; second < seconds; second++)
    for (let people = drawPoisson(random, (rate * 2) / (1 + together)); people > 0; people--) {
      const release = random.next() < 0.05 ? CANDIDATE : STABLE;
      const served = [second];
      for (let more = drawInteger(random, 1, together); more > 1; more--)
        served.push(served.at(-1)! + drawInteger(random, 0, 10));
      const delay = random.next() + drawExponential(random, means[release === CANDIDATE ? 0 : 1]);
      const known = every * Math.ceil(Math.floor(served.at(-1)! + delay) / every);
      for (const at of served) {
        const key = `${at} ${release}`;
        batches[known]?.set(key, (batches[known].get(key) ?? 0) + 1);
      }
    }
  return batches.map((rows, second) =>
    [...rows].map(([key, n]) => {
      const [at, release] = key.split(" ") as [string, typeof STABLE];
      return aLabel(Number(at), n, { release, sequence: second, known: START + 1000 * (second + 1) });
    }),
  );
}

function aLabel(second: number, n: number, fields: Partial<Sample>): Sample {
  const row = { node: "node-1", sequence: second, signal: "losses", release: STABLE, n, k: 0 };
  return { ...row, bucket: START + 1000 * second, ...fields };
}

function found(batches: readonly (readonly Sample[])[], signal: Partial<Signal> = {}) {
  const setup = { signal: { ...LOSSES, ...signal }, candidate: CANDIDATE, reference: STABLE };
  const instrument = createLabelDelay(setup);
  let outcomes = 0;
  for (const batch of batches) {
    instrument.observe(batch);
    const [doubt] = instrument.doubts(START);
    if (doubt) return { doubt, outcomes, instrument };
    for (const { release, n } of batch) if (release === CANDIDATE) outcomes += n;
  }
  return undefined;
}

describe("how long outcomes take", () => {
  it("is not doubted where both arms take equally long: one by one, a person's together, or asked for now and then", () => {
    // A sample of what was measured: 182 such hours had no doubt.
    const worlds: readonly Labels[] = [
      { seconds: 2400, rate: 50, means: [3, 3] },
      { seconds: 2400, rate: 50, means: [60, 60], together: 20 },
      { seconds: 1200, rate: 100, means: [20, 20], together: 20, every: 15 },
    ];
    for (const world of worlds) assert.equal(found(arrivals("equal", world)), undefined);
  });

  it("is doubted where the candidate's take half as long or twice as long, and the sentence says so", () => {
    const fast = found(arrivals("fast", { seconds: 400, rate: 600, means: [3, 6] }));
    assert.match(
      fast?.doubt ?? "",
      /^outcomes of the candidate become known faster than stable's \(\d\d % within 4\.0 s, of stable's \d\d %\): /,
    );
    assert.ok(fast && fast.outcomes < 8000, `${fast?.outcomes}`);
    const slow = found(arrivals("slow", { seconds: 900, rate: 600, means: [6, 3] }));
    assert.match(slow?.doubt ?? "", /become known more slowly than stable's/);
  });

  it("is doubted within twenty minutes where outcomes take minutes", () => {
    const traffic = { seconds: 1200, rate: 600, means: [60, 120] } as const;
    assert.match(found(arrivals("minutes", traffic))?.doubt ?? "", /faster than stable's/);
  });

  it("is found sooner where a signal is counted by person", () => {
    const rows = arrivals("per", { seconds: 400, rate: 600, means: [3, 6] });
    assert.ok(found(rows, { per: "session" })!.outcomes < found(rows)!.outcomes / 2);
  });

  it("stays doubted as it was first said", () => {
    const rows = arrivals("fast", { seconds: 400, rate: 600, means: [3, 6] });
    const { doubt, instrument } = found(rows)!;
    for (const batch of arrivals("equal", { seconds: 200, rate: 600, means: [6, 6] })) instrument.observe(batch);
    assert.deepEqual(instrument.doubts(START), [doubt]);
  });

  it("within a second is the same for all, and told apart from longer", () => {
    assert.equal(found(arrivals("quick", { seconds: 200, rate: 600, means: [0.1, 0.1] })), undefined);
    assert.match(found(arrivals("quick", { seconds: 200, rate: 600, means: [3, 0.1] }))?.doubt ?? "", /more slowly/);
  });
});

describe("what is never doubted", () => {
  const rows = arrivals("fast", { seconds: 400, rate: 600, means: [3, 6] });

  it("is a signal that says how long its labels take, and how a request ended at the gateway", () => {
    assert.ok(found(rows));
    assert.equal(found(rows, { labels: 60_000 }), undefined);
    for (const part of ["failed", "cancelled"]) assert.equal(found(rows, { from: "gateway", part }), undefined);
    assert.equal(found(rows, { from: "gateway", kind: "time", part: "seconds" }), undefined);
    assert.ok(found(rows, { from: "gateway" }), "reported of a proxied request");
  });

  it("is what does not say when it became known, is of another signal or of a group, or is no count", () => {
    const bare = rows.map((batch) => batch.map(({ known: _, ...row }) => row));
    assert.equal(found(bare), undefined);
    for (const fields of [{ signal: "errors" }, { group: "age=old" }, { n: 0.5 }])
      assert.equal(found(rows.map((batch) => batch.map((row) => ({ ...row, ...fields })))), undefined);
  });

  it("is too little to learn from", () => {
    const few = Array.from({ length: 299 }, (_, second) => [aLabel(second, 1, { known: START + 1000 * second + 500 })]);
    assert.equal(found(few), undefined);
  });
});

it("outcomes that are later than the longest step belong to none, whichever arm they are of", () => {
  const rows = arrivals("equal", { seconds: 300, rate: 600, means: [3, 3] });
  const late = rows.map((batch, second) =>
    second < 120 ? batch : [...batch, aLabel(second - 100, 400, { release: CANDIDATE, known: START + 1000 * second })],
  );
  assert.equal(found(late), undefined);
});
