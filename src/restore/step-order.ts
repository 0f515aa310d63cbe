import type { Step } from "../core/plan.ts";
import type { Change } from "../core/ports.ts";
import type { Direction, Lease, Saga, StepRecord } from "../core/rollout.ts";
import { resourceOf } from "./resource-leases.ts";
import type { SagaJournal } from "./saga-journal.ts";
import { changesOf, expectedIntentOf } from "./step-journal.ts";
import type { Patience, SagaPorts, StepScope } from "./step-run.ts";
import { runStep, type StepEnd } from "./step-runner.ts";
import { runThaw } from "./thaw-step.ts";

/** The steps of a saga, and all that it takes to run them. */
export interface Course {
  readonly ports: SagaPorts;
  readonly saga: Saga;
  readonly lease: Lease;
  readonly patience: Patience;
  readonly journal: SagaJournal;
  readonly direction: Direction;
  readonly steps: readonly Step[];
  readonly known: ReadonlyMap<string, StepRecord>;
  /** The known intents were written by this run of the saga, or with its start: nothing was sent under them. */
  readonly unspent: boolean;
  /** What is written together with the last end; asked for once. */
  readonly atEnd: (stuck: readonly string[], records: ReadonlyMap<string, StepRecord>) => readonly Change[];
}

/** The intents of the steps that wait for no other: they belong into the commit that starts the saga. */
export function firstIntents(scope: Omit<StepScope, "step">, steps: readonly Step[]): readonly Change[] {
  return steps
    .filter(({ after }) => after.length === 0)
    .flatMap((step) => {
      const intent = expectedIntentOf({ ...scope, step });
      return intent ? changesOf({ ...scope, step }, intent) : [];
    });
}

/**
 * Runs steps in their order, each from wherever its record stands; answers which are stuck, or untried because of those.
 * I1  A step starts only when all steps in its `after` are done; steps without such a tie run side by side.
 * I2  A step that is slow or stuck delays only what comes after it. A rival that cannot be frozen holds up nothing for
 *     good: its component is restored all the same, and people are told.
 * I3  Once it is halted no step is begun.
 * I4  The end of a step, and the intents of the steps that it was the last to hold up, are one commit; after a rival's they
 *     are another.
 * I5  What is recorded of a rival is written only while its lease is ours, too.
 */
export async function runSteps(course: Course): Promise<readonly string[] | "fenced"> {
  const { steps, ports, journal, patience } = course;
  const scope = { clock: ports.clock, saga: course.saga, lease: course.lease, direction: course.direction };
  const standing = standingOf(course, scope);

  const write = (step: Step) => async (record: StepRecord, fence?: number) => {
    const own = changesOf({ ...scope, step }, record);
    if (step.kind === undefined || fence === undefined)
      return journal.write([record], [...own, ...standing.restingOn(step, record)]);
    // Nothing may rest on it before it stands: the lease may have been lost.
    if (!(await journal.write([record], own, { resource: resourceOf(step.at), fence }))) return false;
    const resting = standing.restingOn(step, record);
    return resting.length === 0 || journal.write([], resting);
  };

  const ends = new Map<string, Promise<StepEnd>>();
  const endOf = (step: Step): Promise<StepEnd> => {
    const end = ends.get(step.id) ?? runAfter(step);
    ends.set(step.id, end);
    return end;
  };
  const runAfter = async (step: Step): Promise<StepEnd> => {
    const earlier = steps.filter(({ id }) => step.after.includes(id));
    const before = await Promise.all(earlier.map(endOf));
    if (before.includes("fenced")) return "fenced";
    if (before.some((end, index) => end === "stuck" && earlier[index]!.kind !== "freeze")) return "stuck";
    if (!standing.begin(step)) return "stuck";
    const run = { ...scope, ports, step, patience, write: write(step) };
    const { known, unspent } = standing.knownOf(step);
    return step.kind === "thaw" ? runThaw(run, known) : runStep(run, known, unspent);
  };
  const found = await Promise.all(steps.map(endOf));
  if (found.includes("fenced")) return "fenced";
  const atEnd = standing.close();
  return !atEnd || (await journal.write([], atEnd)) ? standing.stuck() : "fenced";
}

/** How far the steps of a course are, and what becomes possible by the end of each. */
function standingOf(course: Course, scope: Omit<StepScope, "step">) {
  const { steps, ports } = course;
  const halted = () => ports.halted?.() !== undefined;
  const records = new Map(course.known);
  const over = new Map<string, "done" | "stuck">();
  const unspent = new Set(course.unspent ? records.keys() : []);
  for (const { step, status } of records.values()) if (status === "done") over.set(step, "done");
  const begun = new Set<string>();
  let closed = false;
  const blocked = (step: Step): boolean =>
    (halted() && !begun.has(step.id) && !over.has(step.id)) ||
    steps.some(
      (other) =>
        other.kind !== "freeze" && step.after.includes(other.id) && (over.get(other.id) === "stuck" || blocked(other)),
    );
  const failed = (step: Step) => step.kind !== "freeze" && (over.get(step.id) === "stuck" || blocked(step));
  const stuck = () => steps.filter(failed).map(({ id }) => id);
  const isFree = (step: Step) =>
    steps.every(
      ({ id, kind }) => !step.after.includes(id) || over.get(id) === "done" || (kind === "freeze" && over.has(id)),
    );
  const openedNow = (): readonly Change[] =>
    steps
      .filter((step) => !records.has(step.id) && isFree(step))
      .flatMap((step) => {
        const intent = expectedIntentOf({ ...scope, step });
        if (!intent) return [];
        records.set(step.id, intent);
        unspent.add(step.id);
        return changesOf({ ...scope, step }, intent);
      });
  return {
    stuck,
    /** False once it is halted: then no step is begun. */
    begin(step: Step): boolean {
      if (halted() && !over.has(step.id)) return false;
      begun.add(step.id);
      return true;
    },
    knownOf: ({ id }: Step) => ({ known: records.get(id), unspent: unspent.has(id) }),
    /** All that is written with or after this record because of it. */
    restingOn(step: Step, record: StepRecord): readonly Change[] {
      records.set(step.id, record);
      if (record.status === "intent") return [];
      over.set(step.id, record.status);
      const opened = halted() ? [] : openedNow();
      closed ||= steps.every((other) => over.has(other.id) || blocked(other));
      return [...opened, ...(closed ? course.atEnd(stuck(), records) : [])];
    },
    /** What is written at the end; undefined when that was given with the last record already. */
    close: () => (closed ? undefined : course.atEnd(stuck(), records)),
  };
}
