import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import { addressIn, servingPlace } from "../decide/place.ts";
import { candidate, createControlWorld, playbook, stable, third, twoPlaces } from "./world.fixture.ts";

/** Release 2 is promoted; release 3 after it is stopped, or never was there. */
async function takenBack(after: "nothing" | "a rollout that went back" | "a rival") {
  const world = createControlWorld({ playbook: { components: twoPlaces } });
  const rollout = await world.live(async () => {
    const { control, clock, target } = world;
    await world.ended((await world.release()).id);
    if (after === "a rollout that went back") {
      const { id } = await control.release(third);
      await world.until(() => world.events.some(({ kind, rollout }) => kind === "exposed" && rollout.id === id));
      await control.pullCord(id, "on-call", "not this one");
      await control.ended(id);
    }
    if (after === "a rival") target.rivalWrite("sim:model", digestOf("model 2"));
    await clock.sleep(1000);
    const { id } = await control.takeBack("on-call", "customers complain");
    return control.ended(id);
  });
  const place = servingPlace(world.traffic.current("loans"));
  const serving = twoPlaces
    .filter(({ name }) => name !== "route")
    .map((component) => [component.name, world.target.live(addressIn(component, place))]);
  return { ...world, rollout, serving: Object.fromEntries(serving) };
}

describe("taking back a release that is stable by now", () => {
  for (const after of ["nothing", "a rollout that went back", "a rival"] as const)
    it(`after ${after} in the other place, what serves is the release before it`, async () => {
      const { rollout, serving, traffic } = await takenBack(after);
      assert.equal(rollout.rollback?.outcome, "verified");
      assert.equal(traffic.current("loans")?.stable, stable.id);
      assert.notEqual(rollout.stable, candidate.id);
      assert.deepEqual(serving, { schema: digestOf("schema 1"), model: digestOf("model 1") });
    });
});

describe("a cord at the moment at which a release is settled", () => {
  it("takes it back, and edge and store agree", async () => {
    let settling = false;
    const world = createControlWorld({
      playbook: { components: twoPlaces, how: { ...playbook.how, holdbackFor: 10_000 } },
      ports: ({ store, clock }) => ({
        store: {
          ...store,
          commit: async (changes, ...rest) => {
            settling = changes.some((one) => one.kind === "entry" && one.entry.type === "settled");
            if (settling) await clock.sleep(300);
            return store.commit(changes, ...rest);
          },
        },
      }),
    });
    const { control, store, traffic } = world;
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => settling);
      const pulled = control.pullCord(id, "ada", "it is bad");
      const served = traffic.served(candidate.id).requests;
      const back = await pulled;
      assert.deepEqual([back.candidate, back.stable], [candidate.id, stable.id]);
      const { rollback } = await control.ended(back.id);
      assert.deepEqual([rollback?.outcome, rollback?.cause], ["verified", ["person", "ada: it is bad"]]);
      await world.clock.sleep(15_000);
      assert.equal(traffic.served(candidate.id).requests, served);
      assert.equal((await store.rollouts()).length, 2);
    });
    assert.equal(traffic.current("loans")?.stable, stable.id);
    assert.deepEqual(await store.route("loans"), traffic.current("loans"));
    assert.equal((await store.lastKnownGood("loans"))?.release, stable.id);
    for (const { name, at, beside } of twoPlaces.slice(0, 2))
      for (const place of [at, beside!]) assert.equal(world.target.live(place), digestOf(`${name} 1`));
  });
});
