// Every method on the same streams: `npm run bench -- detection [--json] [--full] [--seed N] [--csv FOLDER]`. See docs/detection.md.

import { boundOf, methodsFor, runHarm } from "./detection/harm.ts";
import { falseAlarmsOf, runHealthy } from "./detection/healthy.ts";
import { summarise } from "./detection/summary.ts";
import { HARMS, HEALTHY } from "./detection/worlds.ts";
import type { BenchResult } from "./result.ts";

export async function benchDetection(args: readonly string[]): Promise<BenchResult> {
  const seed = args[args.indexOf("--seed") + 1] ?? "1";
  const rows: BenchResult["rows"][number][] = [];
  for (const world of HARMS) {
    const outcomes = Array.from({ length: world.fault === "start" ? 100 : 10 }, (_, r) =>
      runHarm(world, seed, r, methodsFor(world)),
    ).flat();
    for (const s of summarise(outcomes, boundOf(world)))
      rows.push({
        subject: `${s.world} | ${s.method}`,
        figures: {
          mean: s.mean,
          error: s.error,
          median: s.median,
          p90: s.p90,
          ratio: s.mean / s.bound,
          seconds: s.seconds,
          early: s.early,
          never: s.never,
        },
      });
  }
  for (const world of HEALTHY) {
    const part = runHealthy({ world, seed, from: 0, to: 300, incumbents: 30 });
    for (const f of falseAlarmsOf(world.name, [part]))
      rows.push({
        subject: `${f.world} | ${f.method}`,
        figures: { rollouts: f.rollouts, alarms: f.alarms, "at most": f.atMost },
      });
  }
  return { name: "detection", method: "", rows, ratios: {} };
}

if (import.meta.main)
  for (const r of (await benchDetection(process.argv)).rows)
    console.log(r.subject.padEnd(60), JSON.stringify(r.figures));
