import { createSeededRandom } from "../../src/simulation/random.ts";
import { planStarts, startShares } from "../../src/statistics/late-evidence.ts";
import { boundOf } from "./harm.ts";
import { createStartOnly } from "./ours.ts";
import { createStream } from "./stream.ts";
import { meanOf } from "./summary.ts";
import { ALPHA, HARMS, HOUR } from "./worlds.ts";

const TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 1];

/**
 * What it costs to compare small cohorts with one another: mean bad answers over the bound at ten times stable's rate,
 * the default's first start alone, by the length of a cohort in milliseconds. In a cohort of a few answers the split
 * between the arms is seldom the one that was planned, and what a bad answer says depends on the split; long cohorts wait.
 */
export function cohortSizes(seed: string, rollouts: number): Readonly<Record<string, number>> {
  const world = HARMS.find(({ fault, p1, p0 }) => fault === "start" && p1 === 10 * p0)!;
  const threshold = -Math.log(ALPHA) - Math.log(startShares(planStarts(HOUR))(0));
  return Object.fromEntries(
    TICKS.map((tick) => {
      const bad = Array.from({ length: rollouts }, (_, rollout) => {
        const random = createSeededRandom(`${seed}/cohorts/${tick}/${rollout}`);
        const stream = createStream(random, world.open(random));
        const judge = createStartOnly(world, threshold);
        let served = 0;
        do {
          stream.next(tick);
          served += stream.units.k1;
        } while (!judge.take(stream.units, stream.at));
        return served;
      });
      return [`${1000 * tick} ms`, meanOf(bad) / boundOf(world)];
    }),
  );
}
