import type { Step } from "../core/plan.ts";
import type { Lease, Saga, StepRecord } from "../core/rollout.ts";
import { createSagaJournal } from "./saga-journal.ts";
import { runSteps } from "./step-order.ts";
import type { FrozenBy, Patience, SagaPorts } from "./step-run.ts";

/** A rival that does not answer is not waited for: people are told to thaw it by hand. */
export const THAW_PATIENCE: Patience = { attempts: 3, callMs: 5000, pauseMs: 500 };

/** Who was brought back into the state that its freeze had found, and who was not. */
export type Thawed =
  | {
      readonly kind: "thawed";
      readonly thawed: readonly string[];
      readonly left: readonly string[];
      readonly kept: readonly Kept[];
    }
  | { readonly kind: "fenced" };

/** A rival that the rollback of another system needs frozen, and thaws. */
export interface Kept {
  readonly label: string;
  readonly system: string;
}

/**
 * Lets go of every rival that a saga may have frozen, whatever became of the saga; calling it again after a crash goes on.
 * Who is not as the freeze left it was changed by somebody else, and stays as it is.
 */
export async function thawRivals(
  ports: SagaPorts,
  saga: Saga,
  lease: Lease,
  patience: Patience = THAW_PATIENCE,
): Promise<Thawed> {
  if (!saga.plan.steps.some(({ kind }) => kind === "thaw")) return { kind: "thawed", thawed: [], left: [], kept: [] };
  const records = await ports.store.steps(saga.id);
  const known = new Map(records.map((record) => [record.step, record]));
  const thaws = thawsOf(saga, known);
  const open = new Set(thaws.filter(({ id }) => known.get(id)?.status !== "done").map(({ id }) => id));
  const { halted: _, ...unstoppable } = ports;
  // A freeze that was sent and never read back may still land: its thaw is sent even where it finds nothing frozen.
  const sent = saga.plan.steps.filter(({ id, kind }) => kind === "freeze" && known.get(id)?.status !== "done");
  const systems = new Map<string, string>();
  const frozenBy = async (at: string) => {
    const by = await ports.frozenBy?.(at);
    if (by) systems.set(at, by.system);
    return by;
  };
  let ends: ReadonlyMap<string, StepRecord> = known;
  const course = {
    ports: { ...unstoppable, frozenBy, underWay: new Set(sent.map(({ at }) => at)) },
    saga,
    lease,
    patience,
    known,
    steps: thaws,
    unspent: false,
    atEnd: (_: readonly string[], records: typeof ends) => {
      ends = records;
      return [];
    },
  };
  const journal = createSagaJournal(ports, lease);
  const stuck = await runSteps({ ...course, journal, direction: "compensate" });
  if (stuck === "fenced") return { kind: "fenced" };
  const over = thaws.filter(({ id }) => open.has(id) && !stuck.includes(id));
  const isKept = ({ id, desired }: Step) => ends.get(id)?.desired !== desired;
  return {
    kind: "thawed",
    thawed: labelsOf(over.filter((thaw) => !isKept(thaw))),
    kept: over.filter(isKept).map(({ label, at }) => ({ label, system: systems.get(at)! })),
    left: labelsOf(thaws.filter(({ id }) => stuck.includes(id))),
  };
}

function labelsOf(steps: readonly Step[]): readonly string[] {
  return steps.map(({ label }) => label);
}

/** The thaws of what was frozen, with what each has to bring back; who was frozen before by others stays so. */
function thawsOf({ plan }: Saga, known: ReadonlyMap<string, StepRecord>): readonly Step[] {
  return plan.steps.flatMap((thaw) => {
    const freeze = plan.steps.find(({ kind, at }) => kind === "freeze" && at === thaw.at);
    const record = freeze && known.get(freeze.id);
    const found = record && foundBy(record);
    if (thaw.kind !== "thaw" || !found) return [];
    return [{ ...thaw, before: record.desired, desired: found.before, state: found.state, after: [] }];
  });
}

/**
 * What a freeze has found and its saga brings back, whatever became of the freeze: one that seems lost may have landed. Undefined
 * where the rival was never read, or was frozen before, by none of ours.
 */
export function foundBy({ before, desired, state }: StepRecord): Pick<FrozenBy, "before" | "state"> | undefined {
  return state === undefined || before === desired ? undefined : { before, state };
}
