import assert from "node:assert/strict";
import { test } from "node:test";
import { createControlWorld, type WorldOptions } from "../control/world.fixture.ts";
import type { OperationContext } from "./context.ts";
import { rolloutOperations } from "./rollout-operations.ts";

const MINUTE = 60_000;

/** Targets that do not say who would undo a restore. */
const silent: NonNullable<WorldOptions["ports"]> = ({ adapterFor, clock }) => ({
  adapterFor: (at) => ({
    ...adapterFor(at),
    rivals: async (_, signal) => {
      await clock.sleep(MINUTE, signal);
      return [];
    },
  }),
});

test("the cord is pulled before anybody plans the way back", async () => {
  const world = createControlWorld({ ports: silent });
  const systems = new Map([["loans", { control: () => world.control }]]);
  const context = { store: world.store, systems } as unknown as OperationContext;
  const rollback = rolloutOperations(context).find(({ name }) => name === "rollback")!;
  await world.live(async () => {
    const { id } = await world.release();
    assert.equal(world.control.readyBack(id), undefined, "nothing is ready");
    const asked = world.clock.now();
    const answer = (await rollback.run({ rollout: id, reason: "it looks wrong", dryRun: false } as never, "ada")) as {
      readonly id: string;
      readonly planDigest?: string;
    };
    assert.ok(world.clock.now() - asked < 1000, "nobody was waited for");
    assert.deepEqual([answer.id, answer.planDigest], [id, undefined]);
    assert.equal((await world.ended(id)).phase, "aborted");
    await assert.rejects(rollback.run({ rollout: id, reason: "again", dryRun: false } as never, "ada"), {
      code: "NOT_FOUND",
    });
  });
});
