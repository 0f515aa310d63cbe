import { type DraftSteps, type Lost, lostAt, noObjectName, readGoDuration, workloadAddress } from "./draft.ts";
import type { ForeignNode, ForeignReader } from "./foreign-file.ts";

/** What a Rollout says about how traffic moves. */
export interface RolloutDraft {
  readonly workload?: { readonly at: string; readonly from: string };
  readonly steps?: DraftSteps;
  /** Of all its analyses. */
  readonly args: readonly ForeignNode[];
  readonly lost: readonly Lost[];
}

/** What a Rollout runs is no rule of its release. */
const WHAT_RUNS = ["template", "selector", "replicas", "workloadRef", "revisionHistoryLimit", "minReadySeconds"];

/** The canary steps of a Rollout. `templates` are those of the file. */
export function readRollout(
  rollout: ForeignNode,
  templates: readonly string[],
  reader: ForeignReader,
  place: (offset: number) => string,
): RolloutDraft {
  for (const key of WHAT_RUNS) reader.done(rollout.entries?.get("spec")?.entries?.get(key));
  const lost: Lost[] = [];
  const canary = reader.get(rollout, "spec", "strategy", "canary");
  const analyses: ForeignNode[] = [];
  const background = reader.get(canary, "analysis");
  if (background) analyses.push(background);
  const starting = reader.get(background, "startingStep");
  if (starting) lost.push(lostAt(starting, "judging begins with the first exposure, not at a later step."));
  const weights: number[] = [];
  const pauses: number[] = [];
  for (const step of reader.list(canary, "steps")) {
    const weight = reader.number(step, "setWeight");
    if (weight !== undefined) takeWeight(weight, step, weights, lost);
    const pause = reader.get(step, "pause");
    if (pause) readPause(pause, reader, pauses, lost);
    const analysis = reader.get(step, "analysis");
    if (analysis) analyses.push(analysis);
  }
  for (const analysis of analyses) {
    for (const used of reader.list(analysis, "templates")) {
      reader.done(used);
      const name = used.entries?.get("templateName")?.text ?? "";
      if (!templates.includes(name))
        lost.push(lostAt(used, `the template ${name} is not in this file; import it together with the Rollout.`));
    }
  }
  const each = Math.max(...pauses, 0);
  if (new Set(pauses).size > 1 && canary) {
    lost.push(
      lostAt(canary.entries?.get("steps") ?? canary, "its pauses differ; here each step lasts as long as the longest."),
    );
  }
  const namespace = reader.text(rollout, "metadata", "namespace") ?? "default";
  const name = reader.text(rollout, "metadata", "name") ?? "";
  const at = workloadAddress("rollouts", namespace, name);
  if (at === undefined) lost.push(lostAt(rollout, noObjectName(namespace, name)));
  const steps = canary?.entries?.get("steps");
  return {
    ...(at !== undefined && { workload: { at, from: `Rollout ${name}` } }),
    ...(weights.length > 0 && {
      steps: { weights, each: each || DEFAULT_EACH, from: `${steps!.path} (${place(steps!.offset)})` },
    }),
    args: analyses.flatMap((analysis) => reader.list(analysis, "args")),
    lost,
  };
}

const DEFAULT_EACH = 600_000;

function takeWeight(weight: number, step: ForeignNode, weights: number[], lost: Lost[]): void {
  const last = weights.at(-1) ?? 0;
  if (weight > last && weight <= 100) weights.push(weight);
  else if (weight !== last) lost.push(lostAt(step, `setWeight ${weight} after ${last}: steps only rise here.`));
}

function readPause(pause: ForeignNode, reader: ForeignReader, pauses: number[], lost: Lost[]): void {
  const text = reader.text(pause, "duration");
  const span = text === undefined ? undefined : readGoDuration(text);
  if (span !== undefined) pauses.push(span);
  else if (text === undefined) {
    lost.push(
      lostAt(
        pause,
        "a pause without end waits for a person: give an order to pause, or let a policy allow each step (`how.release.allow`).",
      ),
    );
  } else lost.push(lostAt(pause, `the duration ${text} cannot be read.`));
}
