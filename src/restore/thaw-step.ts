import type { Step } from "../core/plan.ts";
import type { StepRecord } from "../core/rollout.ts";
import { HELD_PAUSE_MS } from "./step-patience.ts";
import type { StepRun } from "./step-run.ts";
import { runStep, type StepEnd } from "./step-runner.ts";
import { targetOf } from "./step-target.ts";
import { readTarget } from "./target-call.ts";

/**
 * Thaws a rival, or leaves it frozen where the rollback of another system needs that. Decided anew under each fence: whoever had
 * the lease meanwhile may have frozen it, or let it go, and two that leave it to each other would leave it to nobody. Nothing else waits for it, so it waits for others until they are over.
 */
export async function runThaw(run: StepRun, known: StepRecord | undefined): Promise<StepEnd> {
  if (known?.status === "done") return "done";
  const { ports, step } = run;
  let newest = known;
  for (;;) {
    const fence = await ports.fenceAt(step.at);
    if (fence === undefined) return "fenced";
    if (fence === "held") {
      await ports.clock.sleep(HELD_PAUSE_MS);
      continue;
    }
    let moved = false;
    const aimed: StepRun = {
      ...run,
      step: (await staysFrozen(run)) ? keepingFrozen(run) : step,
      write: async (record, under) => {
        const written = await run.write(record, under);
        if (written) newest = record;
        return written;
      },
      ports: {
        ...ports,
        fenceAt: async (at, refused) => {
          const now = await ports.fenceAt(at, refused);
          moved ||= now !== undefined && now !== fence;
          return moved ? undefined : now;
        },
      },
    };
    const before = newest;
    const turned = before !== undefined && before.desired !== aimed.step.desired;
    const end = await (turned
      ? runStep({ ...aimed, instead: before }, undefined, false)
      : runStep(aimed, before, false));
    if (end !== "fenced" || !moved) return end;
  }
}

/** What works again already is kept by nobody. */
async function staysFrozen(run: StepRun): Promise<boolean> {
  const { ports, step } = run;
  if ((await ports.frozenBy?.(step.at)) === undefined) return false;
  try {
    const live = await readTarget(run, targetOf(ports.adapterFor(step.through ?? step.at), step));
    return live.kind === "unreachable" || live.digest !== step.desired;
  } catch {
    // The step itself says why it can do nothing there.
    return false;
  }
}

/** Instead of a thaw: it stays as its freeze left it. */
function keepingFrozen({ saga, step }: StepRun): Step {
  const { state, desired } = saga.plan.steps.find(({ kind, at }) => kind === "freeze" && at === step.at)!;
  return { ...step, desired, state: state! };
}
