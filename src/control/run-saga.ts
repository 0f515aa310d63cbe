import type { Store } from "../core/ports.ts";
import type { Saga } from "../core/rollout.ts";
import { PATIENCE, runSaga, type SagaEnd } from "../restore/saga-runner.ts";
import type { SagaPorts } from "../restore/step-run.ts";
import type { Run } from "./run.ts";

/**
 * Runs a saga of this run from wherever it stands. A start is counted before anything is done; one that the store cut off
 * goes on without being counted again, so that no outage makes a saga look as if it ended its controllers.
 */
export async function runCounted(
  run: Run,
  saga: Saga,
  more: Pick<SagaPorts, "fenceAt"> & Partial<SagaPorts>,
): Promise<SagaEnd> {
  const { ports, lease, begun, cutOff } = run;
  const { store, noted, wrote, failed } = watched(ports.store);
  const { fenceAt, frozenBy } = more;
  // They too ask nothing but the store.
  const asking = {
    fenceAt: (...given: Parameters<typeof fenceAt>) => noted(fenceAt(...given)),
    ...(frozenBy && { frozenBy: (at: string) => noted(frozenBy(at)) }),
  };
  const changes = begun.get(saga.id)?.changes;
  begun.delete(saga.id);
  const counted = cutOff.delete(saga.id) || changes !== undefined;
  try {
    return await runSaga(
      { onStep: () => undefined, ...ports, ...more, ...asking, store },
      saga,
      lease,
      PATIENCE,
      changes,
      counted,
    );
  } catch (error) {
    if (failed() && (counted || wrote())) cutOff.add(saga.id);
    throw error;
  }
}

/** The same store, and whether it has taken a write, or failed at one or at a read; `noted` watches what else asks it. */
function watched(store: Store) {
  let [taken, broken] = [false, false];
  const noted = async <Answer>(call: Promise<Answer>, write = false): Promise<Answer> => {
    try {
      const answer = await call;
      taken ||= write;
      return answer;
    } catch (error) {
      broken = true;
      throw error;
    }
  };
  return {
    store: {
      ...store,
      commit: (...given: Parameters<Store["commit"]>) => noted(store.commit(...given), true),
      steps: (saga: string) => noted(store.steps(saga)),
    },
    noted,
    wrote: () => taken,
    failed: () => broken,
  };
}
