import { naiveDesigns } from "./naive-designs.ts";
import { runSeed } from "./run-seed.ts";
import { sumOfTallies, type Tally, tallyOf } from "./tally.ts";
import type { WorldKind } from "./world.ts";

/** Some seeds, one after the other, in worlds of one kind. */
export interface SeedRange {
  readonly kind: WorldKind;
  readonly from: number;
  readonly seeds: number;
  /** One of `naiveDesigns`; ours without it. */
  readonly design?: string;
  readonly trace?: boolean;
}

export interface RangeResult {
  readonly tally: Tally;
  readonly broken: readonly { readonly seed: number; readonly laws: readonly string[] }[];
  readonly traces: readonly string[];
}

export async function runRange({ kind, from, seeds, design, trace }: SeedRange): Promise<RangeResult> {
  const sabotage = design === undefined ? {} : naiveDesigns[design];
  const traces: string[] = [];
  const broken: { seed: number; laws: readonly string[] }[] = [];
  const tallies: Tally[] = [];
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await runSeed(seed, sabotage, kind);
    tallies.push(tallyOf(result));
    if (result.violations.length > 0) broken.push({ seed, laws: result.violations });
    if (trace) traces.push(result.trace);
  }
  return { tally: sumOfTallies(tallies), broken, traces };
}

/** The same seeds, in pieces for several to run. */
export function splitRange(range: SeedRange, most: number): readonly SeedRange[] {
  const pieces: SeedRange[] = [];
  for (let done = 0; done < range.seeds; done += most)
    pieces.push({ ...range, from: range.from + done, seeds: Math.min(most, range.seeds - done) });
  return pieces;
}
