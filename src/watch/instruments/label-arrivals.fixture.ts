import type { Signal } from "../../core/playbook.ts";
import type { Sample } from "../../core/sample.ts";
import { drawExponential, drawInteger, drawPoisson } from "../../simulation/draws.ts";
import { createSeededRandom } from "../../simulation/random.ts";
import { CANDIDATE, LOSSES, STABLE, START } from "../stream.fixture.ts";
import { createLabelDelay } from "./label-delay.ts";

export interface Labels {
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
export function arrivals(seed: string, labels: Labels): readonly (readonly Sample[])[] {
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

export function aLabel(second: number, n: number, fields: Partial<Sample>): Sample {
  const row = { node: "node-1", sequence: second, signal: "losses", release: STABLE, n, k: 0 };
  return { ...row, bucket: START + 1000 * second, ...fields };
}

export function found(batches: readonly (readonly Sample[])[], signal: Partial<Signal> = {}) {
  const setup = { signal: { ...LOSSES, ...signal }, candidate: CANDIDATE, reference: STABLE };
  const instrument = createLabelDelay(setup);
  let outcomes = 0;
  for (const batch of batches) {
    instrument.observe(batch);
    const [doubt] = instrument.doubts();
    if (doubt) return { doubt, outcomes, instrument };
    for (const { release, n } of batch) if (release === CANDIDATE) outcomes += n;
  }
  return undefined;
}
