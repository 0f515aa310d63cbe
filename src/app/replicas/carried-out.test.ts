import assert from "node:assert/strict";
import { test } from "node:test";
import {
  candidate,
  createControlWorld,
  playbook,
  slowly,
  stable,
  twoPlaces,
  type WorldOptions,
} from "../../control/world.fixture.ts";
import { digestOf, type Json } from "../../core/digest.ts";
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

/** Which rollout that answer shows. */
const foundFor = async (...asked: Parameters<typeof answerTo>) =>
  ((await answerTo(...asked))?.found as { readonly id: string } | undefined)?.id;

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
      assert.deepEqual(answer, { found: await world.store.rollout(rollout) }, id);
    }
    assert.equal(await answerTo(world, "order-5", "rollback", input), undefined);
    await assert.rejects(control.pullCord(rollout, "bob", "now", "order-5"), { code: "NOT_FOUND" });
  }));

test("a release and a take-back are known by the rollout that was opened for them, and by no other", () =>
  within({ losses: 0.05 }, async (world) => {
    const { control } = world;
    const input = { references: { model: "2" } };
    assert.equal(await answerTo(world, "order-1", "release", input), undefined);
    await control.adopt(stable);
    const { id } = await control.release(candidate, "order-1");
    await world.ended(id);
    const back = await control.takeBack("ann", "complaints", "order-2");
    for (const [order, operation, rollout] of [
      ["order-1", "release", id],
      ["order-2", "take-back", back.id],
      ["order-3", "release", undefined],
      ["order-3", "take-back", undefined],
    ] as const)
      assert.equal(await foundFor(world, order, operation, input), rollout, `${order} ${operation}`);
    assert.equal((await control.ended(back.id)).rollback?.outcome, "verified");
    assert.equal(await foundFor(world, "order-2", "take-back", { reason: "complaints" }), back.id);
  }));

test("so is the take-back of what came unannounced", () =>
  within({ losses: 0.05, blind: true }, async (world) => {
    const { control, target } = world;
    await control.adopt(stable);
    await world.clock.sleep(5000);
    target.rivalWrite("sim:model", digestOf("model 2"));
    await world.until(() => world.kinds().includes("ended"));
    const { id } = await control.takeBack("ann", "it is not ours", "order-1");
    assert.equal(await foundFor(world, "order-1", "take-back", { reason: "it is not ours" }), id);
    assert.equal(await foundFor(world, "order-2", "take-back", { reason: "it is not ours" }), undefined);
  }));

test("a cord that came as the release was settled is carried out once that is taken back, and not before", async () => {
  let settling = false;
  const options: WorldOptions = {
    playbook: { components: twoPlaces, how: { ...playbook.how, holdbackFor: 10_000 } },
    ports: ({ store, clock }) => ({
      store: {
        ...store,
        commit: async (changes, ...rest) => {
          const types = changes.flatMap((one) => (one.kind === "entry" ? [one.entry.type] : []));
          settling ||= types.includes("settled");
          if (types.includes("settled") || types.includes("sealed")) await clock.sleep(300);
          return store.commit(changes, ...rest);
        },
      },
    }),
  };
  await within(options, async (world) => {
    const { id: rollout } = await world.release();
    await world.until(() => settling);
    const pulled = world.control.pullCord(rollout, "ada", "it is bad", "order-1");
    await world.until(async () => (await world.store.entriesAbout(rollout, 1, "ordered")).length > 0);
    assert.equal((await world.store.rollout(rollout))?.phase, "healthy");
    assert.equal(await answerTo(world, "order-1", "rollback", { rollout }), undefined);
    const back = await pulled;
    assert.notEqual(back.id, rollout);
    assert.equal(await foundFor(world, "order-1", "rollback", { rollout }), back.id);
  });
});

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
      assert.equal(await foundFor(world, id, "any", { rollout }), rollout, id);
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
      assert.deepEqual(await answerTo(world, id, "lift", { release }), { found: await store.quarantine(release) });
    assert.deepEqual(await answerTo(world, "order-3", "contain", { to: "stable" }), { found: { contained: "stable" } });
    assert.deepEqual(
      await answerTo(world, "order-3", "adopt", {}),
      { found: null },
      "done, though nothing is answered",
    );
    assert.equal(await answerTo(world, "order-4", "contain", { to: "stable" }), undefined);
  }));

test("and a share that was given to the newest release", () =>
  within({ playbook: { authority: "observe" } }, async (world) => {
    await world.release();
    await world.control.weight(10, "ann", "order-1");
    assert.deepEqual(await answerTo(world, "order-1", "weight", { percent: 10 }), { found: { percent: 10 } });
  }));
