import assert from "node:assert/strict";
import { test } from "node:test";
import { newRollout } from "../control/release.ts";
import { createControlWorld, intruder, stable } from "../control/world.fixture.ts";
import type { Rollout } from "../core/rollout.ts";
import { createSeededIds } from "../simulation/ids.ts";
import { createSeededRandom } from "../simulation/random.ts";
import type { OperationContext } from "./context.ts";
import { diagnose } from "./diagnosis.ts";

test("what is stuck stays an error while somebody's unannounced release is looked at", async () => {
  const { control, store, target, clock, playbook } = createControlWorld();
  await control.adopt(stable);
  const system = {
    playbook: () => playbook,
    control: () => control,
    edge: { served: () => undefined },
    sources: () => ({ health: () => ({}) }),
  };
  const context = {
    store,
    storeHealth: { unreadable: () => undefined, over: () => undefined },
    systems: new Map([["loans", system]]),
    connections: { names: [], adapterFor: () => target, reaches: () => true, elsewhere: async () => [] },
  } as unknown as OperationContext;
  const found = async () => (await clock.run(diagnose(context))).checks.find(({ what }) => what === "rollback")?.found;
  const rollout = newRollout(
    { ids: createSeededIds(createSeededRandom("doctor")), clock },
    playbook,
    intruder,
    stable.id,
  );
  const { id } = rollout;
  const rollback = { saga: "saga-1", cause: ["harm"], decidedAt: 1 };
  const put = (next: Partial<Rollout>) => store.commit([{ kind: "rollout", rollout: { ...rollout, ...next } }]);
  const foreign = { id: "rollout-foreign", unannounced: true, startedAt: rollout.startedAt + 1 } as const;
  await put({ endedAt: 2, note: "stuck: model", rollback: { ...rollback, outcome: "stuck" } });
  assert.equal(await found(), `${id} is stuck: model`);
  await put({ endedAt: 2, note: "no plan leads back", rollback: { ...rollback, outcome: "stuck" } });
  assert.equal(await found(), `${id} is stuck: no plan leads back`);
  await put({ endedAt: 2, note: "stuck: model", rollback: { ...rollback, outcome: "stuck" } });
  await put(foreign);
  assert.equal(await found(), `${id} is stuck: model`);
  await put({ ...foreign, rollback: { ...rollback, outcome: "verified" } });
  assert.equal(await found(), undefined, "everything was restored after all");
});
