import assert from "node:assert/strict";
import { test } from "node:test";
import { candidate, createControlWorld, slowly, type WorldOptions } from "../../control/world.fixture.ts";
import type { Json } from "../../core/digest.ts";
import { carriedOut } from "./carried-out.ts";

type World = ReturnType<typeof createControlWorld>;

const exposed = async (world: World) => {
  const { id } = await world.release();
  await world.until(() => world.kinds().includes("exposed"));
  return id;
};

/** What a holder answers that finds this order begun by another. */
const answerTo = ({ store }: World, id: string, operation: string, input: object) =>
  carriedOut(store, { id, system: "loans", operation, input: input as Json, by: "ann", taken: true });

async function within(options: WorldOptions, story: (world: World) => Promise<unknown>) {
  const world = createControlWorld(options);
  await world.live(() => story(world));
}

test("orders about a rollout are known by their id, also when others came after them and when it has ended", () =>
  within({ losses: 0.05 }, async (world) => {
    const { control } = world;
    const rollout = await exposed(world);
    const input = { rollout };
    assert.equal(await answerTo(world, "order-1", "pause", input), undefined);
    await control.pause(rollout, "ann", "wait", "order-1");
    await control.proceed(rollout, "ann", "order-2");
    await control.abort(rollout, "ann", "enough", "order-3");
    await control.pullCord(rollout, "bob", "now", "order-4");
    await world.ended(rollout);
    for (const [id, operation] of [
      ["order-1", "pause"],
      ["order-2", "resume"],
      ["order-3", "abort"],
      ["order-4", "rollback"],
    ] as const) {
      const answer = await answerTo(world, id, operation, input);
      assert.deepEqual(answer, await world.store.rollout(rollout), id);
    }
    assert.equal(await answerTo(world, "order-5", "rollback", input), undefined);
    await assert.rejects(control.pullCord(rollout, "bob", "now", "order-5"), { code: "NOT_FOUND" });
  }));

test("so are a halted restore, its redeployment and its resumption", () =>
  within({ losses: 0.2, ports: slowly(400) }, async (world) => {
    const { control } = world;
    const rollout = await exposed(world);
    await world.until(() => world.kinds().includes("contained"));
    await control.pause(rollout, "ann", "stop", "order-1");
    await control.pause(rollout, "bob", "stop", "order-2");
    await world.ended(rollout);
    await control.redeploy(rollout, "ann", "as it was", "order-3");
    await world.until(async () => (await world.store.rollout(rollout))?.endedAt !== undefined);
    await control.proceed(rollout, "ann", "order-4");
    for (const id of ["order-1", "order-2", "order-3", "order-4"])
      assert.equal(((await answerTo(world, id, "any", { rollout })) as { id: string } | undefined)?.id, rollout, id);
  }));

test("a promotion is known", () =>
  within({ losses: 0.05 }, async (world) => {
    const rollout = await exposed(world);
    await world.until(() => world.kinds().includes("judged"));
    await world.control.promote(rollout, "ann", "enough", "order-1");
    assert.ok(await answerTo(world, "order-1", "promote", { rollout }));
  }));

test("so are orders about a release and about a system, each with its answer", () =>
  within({ fallbacks: { else: false, safe: true } }, async (world) => {
    const { control, store } = world;
    await world.ended(await exposed(world));
    const release = candidate.id;
    await control.quarantine(release, "ann", "odd", "order-1");
    await control.lift(release, "ann", "order-2");
    await control.contain("stable", "ann", "again", "order-3");
    for (const id of ["order-1", "order-2"])
      assert.deepEqual(await answerTo(world, id, "lift", { release }), await store.quarantine(release));
    assert.deepEqual(await answerTo(world, "order-3", "contain", { to: "stable" }), { contained: "stable" });
    assert.equal(await answerTo(world, "order-4", "contain", { to: "stable" }), undefined);
  }));

test("and a share that was given to the newest release", () =>
  within({ playbook: { authority: "observe" } }, async (world) => {
    await world.release();
    await world.control.weight(10, "ann", "order-1");
    assert.deepEqual(await answerTo(world, "order-1", "weight", { percent: 10 }), { percent: 10 });
  }));
