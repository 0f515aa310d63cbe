import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressIn, servingPlace } from "../decide/place.ts";
import { candidate, createControlWorld, playbook, stable, third } from "./world.fixture.ts";

const components = playbook.components.map((component) =>
  component.name === "route" ? component : { ...component, beside: `${component.at}-beside` },
);

/** A system with two copies of every component, whose release 2 was promoted, so that it serves in the second place. */
async function promoted(next: (world: ReturnType<typeof createControlWorld>) => Promise<unknown>) {
  const world = createControlWorld({ playbook: { components } });
  await world.live(async () => {
    await world.ended((await world.release()).id);
    await next(world);
  });
  const place = servingPlace(world.traffic.current("loans"));
  const serves = Object.fromEntries(
    components
      .filter(({ name }) => name !== "route")
      .map((component) => [component.name, world.target.live(addressIn(component, place))]),
  );
  const contained = world.events.filter(({ kind }) => kind === "contained").map(({ text }) => text);
  return { ...world, serves, contained };
}

const digestsOf = ({ revisions }: typeof stable) =>
  Object.fromEntries(Object.entries(revisions).map(([name, { digest }]) => [name, digest]));

const takeBack = async (world: ReturnType<typeof createControlWorld>) => {
  const { id } = await world.control.takeBack("on-call", "customers complain");
  assert.equal((await world.ended(id)).rollback?.outcome, "verified");
};

describe("taking a promoted release back", () => {
  it("sends traffic at once to the release before it, which is still warm", async () => {
    const { serves, traffic, contained } = await promoted(async (world) => {
      const { id } = await world.control.takeBack("on-call", "customers complain");
      assert.equal(world.traffic.current("loans")?.swapped, undefined);
      await world.ended(id);
    });
    assert.deepEqual(serves, digestsOf(stable));
    assert.deepEqual(contained, ["all traffic is on release 1 again"]);
    assert.equal(traffic.current("loans")?.stable, stable.id);
  });

  it("restores the place that serves, where the other one was used by a release that went back in between", async () => {
    const { serves, traffic, store, contained } = await promoted(async (world) => {
      const { id } = await world.control.release(third);
      await world.until(() => world.traffic.current("loans")?.candidate === third.id);
      await world.control.abort(id, "on-call", "not today");
      await world.ended(id);
      assert.deepEqual(world.target.live("sim:model"), candidate.revisions["model"]?.digest);
      await takeBack(world);
    });
    assert.deepEqual(serves, digestsOf(stable));
    assert.equal(traffic.current("loans")?.stable, stable.id);
    assert.equal((await store.lastKnownGood("loans"))?.release, stable.id);
    assert.equal(contained.at(-1), "nothing else serves: release 2 answers until the place is restored");
  });

  it("does not send traffic to a place that cannot be read", async () => {
    const world = createControlWorld({
      playbook: { components },
      ports: ({ adapterFor, traffic }) => ({
        adapterFor: (at) => ({
          ...adapterFor(at),
          read: async (place, signal) =>
            place === "sim:model" && traffic.current("loans")?.swapped
              ? { kind: "unreachable", reason: "it is dark" }
              : adapterFor(at).read(place, signal),
        }),
      }),
    });
    await world.live(async () => {
      await world.ended((await world.release()).id);
      await takeBack(world);
    });
    assert.equal(world.traffic.current("loans")?.swapped, true);
    assert.equal(world.target.live("sim:model-beside"), stable.revisions["model"]?.digest);
  });
});
