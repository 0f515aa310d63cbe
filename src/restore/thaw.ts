import type { Step } from "../core/plan.ts";
import type { Lease, Saga, StepRecord } from "../core/rollout.ts";
import { createSagaJournal } from "./saga-journal.ts";
import { runSteps } from "./step-order.ts";
import type { Patience, SagaPorts } from "./step-run.ts";

/** A rival that does not answer is not waited for: people are told to thaw it by hand. */
export const THAW_PATIENCE: Patience = { attempts: 3, callMs: 5000, pauseMs: 500 };

/** Who was brought back into the state that its freeze had found, and who was not. */
export type Thawed =
  | { readonly kind: "thawed"; readonly thawed: readonly string[]; readonly left: readonly string[] }
  | { readonly kind: "fenced" };

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
  if (!saga.plan.steps.some(({ kind }) => kind === "thaw")) return { kind: "thawed", thawed: [], left: [] };
  const records = await ports.store.steps(saga.id);
  const steps = thawsOf(saga, new Map(records.map((record) => [record.step, record])));
  const known = new Map(records.map((record) => [record.step, record]));
  const open = new Set(steps.filter(({ id }) => known.get(id)?.status !== "done").map(({ id }) => id));
  const { halted: _, ...unstoppable } = ports;
  // A freeze that was sent and never read back may still land: its thaw is sent even where it finds nothing frozen.
  const sent = saga.plan.steps.filter(({ id, kind }) => kind === "freeze" && known.get(id)?.status !== "done");
  const underWay = new Set(sent.map(({ at }) => at));
  const course = {
    ports: { ...unstoppable, underWay },
    saga,
    lease,
    patience,
    known,
    steps,
    unspent: false,
    atEnd: () => [],
  };
  const journal = createSagaJournal(ports, lease);
  const stuck = await runSteps({ ...course, journal, direction: "compensate" });
  if (stuck === "fenced") return { kind: "fenced" };
  const labels = (wanted: (id: string) => boolean) => steps.filter(({ id }) => wanted(id)).map(({ label }) => label);
  return {
    kind: "thawed",
    thawed: labels((id) => open.has(id) && !stuck.includes(id)),
    left: labels((id) => stuck.includes(id)),
  };
}

/** The thaws of what was frozen, with what each has to bring back; who was frozen before by others stays so. */
function thawsOf({ plan }: Saga, known: ReadonlyMap<string, StepRecord>): readonly Step[] {
  return plan.steps.flatMap((thaw) => {
    const freeze = plan.steps.find(({ kind, at }) => kind === "freeze" && at === thaw.at);
    const record = freeze && known.get(freeze.id);
    if (thaw.kind !== "thaw" || !record || record.state === undefined || record.before === record.desired) return [];
    return [{ ...thaw, before: record.desired, desired: record.before, state: record.state, after: [] }];
  });
}
