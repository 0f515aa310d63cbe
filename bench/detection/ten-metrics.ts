import { createSeededRandom } from "../../src/simulation/random.ts";
import { createDefault } from "./ours.ts";
import { createStream } from "./stream.ts";
import { meanOf } from "./summary.ts";
import { HARMS } from "./worlds.ts";

const TICK = 0.1;
const METRICS = 10;

/** Mean bad answers of the failing metric when ten are watched, over the mean when it is watched alone. */
export function tenMetrics(seed: string, rollouts: number): Readonly<Record<string, number>> {
  const starts = HARMS.filter(({ fault, forecast }) => fault === "start" && forecast < 0.1);
  return Object.fromEntries(
    starts.map((world) => {
      const pairs = Array.from({ length: rollouts }, (_, rollout) => {
        const streams = Array.from({ length: METRICS }, (_, metric) => {
          const random = createSeededRandom(`${seed}/ten/${world.name}/${rollout}/${metric}`);
          const course = world.open(random);
          return createStream(random, metric === 0 ? course : { ...course, p1: course.p0 });
        });
        const alone = createDefault(world);
        const ten = createDefault(world, METRICS);
        let [bad, byAlone, byTen] = [0, 0, 0];
        while (byAlone === 0 || byTen === 0) {
          for (const stream of streams) stream.next(TICK);
          const { units, at } = streams[0]!;
          bad += units.k1;
          if (byAlone === 0 && alone.take(units, at)) byAlone = bad;
          const counts = streams.map((stream) => stream.units);
          if (byTen === 0 && ten.takeAll(counts, at)) byTen = bad;
        }
        return { byAlone, byTen };
      });
      return [world.name, meanOf(pairs.map((pair) => pair.byTen)) / meanOf(pairs.map((pair) => pair.byAlone))];
    }),
  );
}
