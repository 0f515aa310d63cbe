import type { SagaPorts } from "../restore/step-run.ts";
import { foundBy } from "../restore/thaw.ts";
import type { Run } from "./run.ts";

/**
 * A rival that rollbacks of several systems have frozen is thawed by the last of them: whoever finds it frozen will bring it
 * back into the state that the first one found, and whoever ends first leaves it as it is. Asked under the rival's lease, so
 * nobody freezes or thaws it meanwhile.
 */
export function sharingRivals(run: Run): Required<Pick<SagaPorts, "frozenBy">> {
  return { frozenBy: async (at) => (await freezesOf(run, at))[0] };
}

/** By rollbacks of other systems that are not over, and have not let it go. */
async function freezesOf({ ports: { store }, rollout }: Run, at: string) {
  const others = (await store.openRollouts()).filter(({ system }) => system !== rollout.system);
  const found = others.map(async (open) => {
    const sagas = await store.sagas(open.id);
    const frozen = sagas.map(async ({ id, plan }) => {
      const [freeze, thaw] = plan.steps.filter((step) => step.at === at && step.kind !== undefined);
      const records = freeze ? await store.steps(id) : [];
      const record = records.find(({ step }) => step === freeze?.id);
      const isThawed = records.some(({ step, status }) => step === thaw?.id && status === "done");
      const before = record && !isThawed && foundBy(record);
      return before ? [{ ...before, system: open.system }] : [];
    });
    return (await Promise.all(frozen)).flat();
  });
  return (await Promise.all(found)).flat();
}
