import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import { addressIn, servingPlace } from "../decide/place.ts";
import { candidate, createControlWorld, stable, third, twoPlaces } from "./world.fixture.ts";

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
