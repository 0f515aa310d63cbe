import { cohortSizes } from "./cohort-size.ts";
import { type DriftFigures, driftDelays } from "./drift-delay.ts";
import { type Exact, exactModes } from "./exact.ts";
import { methodsFor, type Outcome, runHarm } from "./harm.ts";
import { type HealthyPart, runHealthy } from "./healthy.ts";
import { type Many, runMany } from "./many.ts";
import { type Replay, replay } from "./recorded.ts";
import { tenMetrics } from "./ten-metrics.ts";
import { runValues } from "./values.ts";
import { HARMS, HEALTHY } from "./worlds.ts";

/** A part of the suite that one process does by itself. `size` is a number of rollouts. */
export type Job =
  | { readonly kind: "harm" | "many" | "values"; readonly world: string; readonly from: number; readonly size: number }
  | {
      readonly kind: "healthy";
      readonly world: string;
      readonly from: number;
      readonly size: number;
      readonly incumbents: number;
    }
  | { readonly kind: "ten" | "drift" | "cohorts"; readonly size: number }
  | { readonly kind: "replay"; readonly size: number; readonly file: string }
  | { readonly kind: "exact" };

export type JobResult =
  | { readonly kind: "harm"; readonly outcomes: readonly Outcome[] }
  | { readonly kind: "values"; readonly outcomes: readonly Outcome[] }
  | { readonly kind: "many"; readonly many: Many }
  | { readonly kind: "healthy"; readonly world: string; readonly part: HealthyPart }
  | { readonly kind: "ten"; readonly ratios: Readonly<Record<string, number>> }
  | { readonly kind: "cohorts"; readonly ratios: Readonly<Record<string, number>> }
  | { readonly kind: "drift"; readonly figures: DriftFigures }
  | { readonly kind: "replay"; readonly replays: readonly Replay[] }
  | { readonly kind: "exact"; readonly modes: readonly Exact[] };

export function runJob(job: Job, seed: string): JobResult {
  switch (job.kind) {
    case "harm": {
      const world = named(HARMS, job.world);
      const methods = methodsFor(world);
      return { kind: "harm", outcomes: rollouts(job).flatMap((rollout) => runHarm(world, seed, rollout, methods)) };
    }
    case "values":
      return { kind: "values", outcomes: rollouts(job).flatMap((rollout) => runValues(job.world, seed, rollout)) };
    case "many":
      return { kind: "many", many: runMany(named(HEALTHY, job.world), seed, job.from, job.from + job.size) };
    case "healthy": {
      const { world, from, size, incumbents } = job;
      const request = { world: named(HEALTHY, world), seed, from, to: from + size, incumbents };
      return { kind: "healthy", world, part: runHealthy(request) };
    }
    case "ten":
      return { kind: "ten", ratios: tenMetrics(seed, job.size) };
    case "cohorts":
      return { kind: "cohorts", ratios: cohortSizes(seed, job.size) };
    case "drift":
      return { kind: "drift", figures: driftDelays(seed, job.size) };
    case "replay":
      return { kind: "replay", replays: replay(job.file, seed, job.size) };
    case "exact":
      return { kind: "exact", modes: exactModes() };
  }
}

function rollouts({ from, size }: { readonly from: number; readonly size: number }): readonly number[] {
  return Array.from({ length: size }, (_, index) => from + index);
}

function named<W extends { readonly name: string }>(worlds: readonly W[], name: string): W {
  const world = worlds.find((one) => one.name === name);
  if (!world) throw new RangeError(`No world is called ${name}.`);
  return world;
}
