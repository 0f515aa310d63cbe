import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { naiveDesigns } from "../naive-designs.ts";
import { brokenIn, scorecard } from "../scorecard.ts";
import { type RangeResult, type SeedRange, splitRange } from "../seed-range.ts";
import { sumOfTallies } from "../tally.ts";
import type { WorldKind } from "../world.ts";
import { runRanges } from "./range-pool.ts";

const HELP = `npm run sim -- [--seeds N] [--from S] [--kind saga|whole|both] [--naive [DESIGN]] [--trace]
Runs the production code in N seeded worlds without time passing, and checks the laws in each.
  --seeds N   how many worlds (1000)
  --from S    the first seed (1)
  --kind K    saga: the decision is given, two to five controllers act on it, and all goes wrong that can;
              whole: the whole loop with its statistics, one controller at a time;
              both: saga, and one world in a hundred whole (default)
  --naive     the same saga worlds for designs that lack one guard each, and how many of them give it away
  --threads T on how many threads (as many as there are cores)
  --trace     print what happened in each world, byte for byte the same for the same seed
Exits with 1 when a law was broken; with --naive, when a design was not caught.`;

/** Seeds that a thread takes at once. */
const PIECE = 100;

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly kind: string;
  readonly threads: number;
  readonly naive: boolean;
  readonly trace: boolean;
}

function optionsOf(): Options | "help" | "wrong" {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "1000" },
      from: { type: "string", default: "1" },
      kind: { type: "string", default: "both" },
      threads: { type: "string", default: String(availableParallelism()) },
      naive: { type: "boolean", default: false },
      trace: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const { kind, naive, trace } = values;
  const [seeds, from, threads] = [values.seeds, values.from, values.threads].map(Number) as [number, number, number];
  const counts = [seeds, threads].every((count) => Number.isSafeInteger(count) && count >= 1);
  if (!counts || !Number.isSafeInteger(from) || !["saga", "whole", "both"].includes(kind)) return "wrong";
  return { seeds, from, threads, kind, naive, trace };
}

async function main(): Promise<number> {
  const options = optionsOf();
  if (typeof options === "string") {
    process.stdout.write(`${HELP}\n`);
    return options === "help" ? 0 : 2;
  }
  return options.naive ? runNaive(options) : runOurs(options);
}

async function runOurs({ kind, seeds, from, threads, trace }: Options): Promise<number> {
  const whole = kind === "whole" ? seeds : kind === "both" ? Math.ceil(seeds / 100) : 0;
  let broken = 0;
  for (const [kind, count] of [
    ["saga", seeds - whole],
    ["whole", whole],
  ] as const) {
    if (count === 0) continue;
    const before = performance.now();
    const results = await runRanges(splitRange({ kind, from, seeds: count, trace }, PIECE), threads);
    const seconds = (performance.now() - before) / 1000;
    const tally = sumOfTallies(results.map((result) => result.tally));
    for (const { traces } of results) for (const one of traces) process.stdout.write(`${one}\n`);
    for (const line of violationsIn(results, kind)) process.stdout.write(`${line}\n`);
    process.stdout.write(`${kind}: ${scorecard(tally)}`);
    process.stderr.write(
      `${kind}: ${seconds.toFixed(1)} s, ${Math.round(count / seconds)} seeds/s on ${threads} threads\n`,
    );
    broken += brokenIn(tally);
  }
  return broken > 0 ? 1 : 0;
}

function violationsIn(results: readonly RangeResult[], kind: WorldKind): readonly string[] {
  const replay = (seed: number) => `npm run sim -- --kind ${kind} --from ${seed} --seeds 1 --trace`;
  return results.flatMap(({ broken }) =>
    broken.map(({ seed, laws }) => `${kind} seed ${seed}: ${laws.join("; ")}\n  replay: ${replay(seed)}`),
  );
}

/** Each naive design in the same worlds as ours: which laws it breaks, and in how many of them. */
async function runNaive({ seeds, from, threads }: Options): Promise<number> {
  let missed = 0;
  for (const design of [undefined, ...Object.keys(naiveDesigns)]) {
    const range: SeedRange = { kind: "saga", from, seeds, ...(design === undefined ? {} : { design }) };
    const results = await runRanges(splitRange(range, PIECE), threads);
    const caught = results.flatMap(({ broken }) => broken);
    process.stdout.write(`${design ?? "ours"}: ${caught.length} of ${seeds} worlds break a law\n`);
    const laws = new Map<string, number>();
    for (const one of caught) for (const law of new Set(one.laws.map(kindOf))) laws.set(law, (laws.get(law) ?? 0) + 1);
    for (const [law, times] of [...laws].sort((a, b) => b[1] - a[1]))
      process.stdout.write(`  ${String(times).padStart(7)}  ${law}\n`);
    if ((design === undefined) !== (caught.length === 0)) missed += 1;
  }
  return missed > 0 ? 1 : 0;
}

/** A law without the names of this world. */
function kindOf(law: string): string {
  return law
    .replace(/saga-\S+ \w+/, "a step")
    .replace(/sim:\w+/, "a target")
    .replace(/^(rollout|quarantine|step) \S+/, "$1")
    .replace(/^(schema|data|model|config|flag) /, "a component ");
}

process.exitCode = await main();
