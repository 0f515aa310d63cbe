import { parseArgs } from "node:util";
import { runSeed } from "./run-seed.ts";
import { createScorecard } from "./scorecard.ts";

const HELP = `npm run sim -- [--seeds N] [--from S] [--trace]

Runs the production loop in N seeded worlds without time passing, and checks the laws in each.
  --seeds N   how many worlds (1000)
  --from S    the first seed (1)
  --trace     print what happened in each world, byte for byte the same for the same seed
Exits with 1 when a law was broken.`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: "string", default: "1000" },
      from: { type: "string", default: "1" },
      trace: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const seeds = Number(values.seeds);
  const from = Number(values.from);
  if (values.help || !Number.isSafeInteger(seeds) || seeds < 1 || !Number.isSafeInteger(from)) {
    process.stdout.write(`${HELP}\n`);
    return values.help ? 0 : 2;
  }
  const scorecard = createScorecard();
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await runSeed(seed);
    scorecard.add(result);
    if (values.trace) process.stdout.write(`${result.trace}\n`);
    for (const violation of result.violations) {
      process.stdout.write(`seed ${seed}: ${violation}\n  replay: npm run sim -- --from ${seed} --seeds 1 --trace\n`);
    }
  }
  process.stdout.write(scorecard.text());
  return scorecard.violations() > 0 ? 1 : 0;
}

process.exitCode = await main();
