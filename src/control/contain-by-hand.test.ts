import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { candidate, createControlWorld, playbook, stable, type WorldOptions } from "./world.fixture.ts";

const options: WorldOptions = {
  playbook: { how: { ...playbook.how, else: "http://127.0.0.1:1/scorecard" } },
  fallbacks: { else: true, safe: false },
};

/** Changes of a commit that opens a rollout. */
const opens = (changes: readonly { readonly kind: string }[]) =>
  changes.some(({ kind }) => kind === "release") && changes.some(({ kind }) => kind === "rollout");

describe("a person who contains while a release is at the gate", () => {
  it("is heard: the release is refused, and traffic stays contained", async () => {
    let asked = false;
    const world = createControlWorld({
      ...options,
      ports: ({ adapterFor, clock }) => ({
        adapterFor: (at) => ({
          ...adapterFor(at),
          seen: async () => {
            asked = true;
            await clock.sleep(1500);
            return { kind: "seen" };
          },
        }),
      }),
    });
    await world.live(async () => {
      await world.control.adopt(stable);
      const refused = assert.rejects(world.control.release(candidate), { message: /contained to `else`/ });
      await world.until(() => asked);
      await world.control.contain("else", "on-call", "both are sick");
      await refused;
      assert.deepEqual(await world.store.rollouts(), []);
      assert.equal(world.traffic.current("loans")?.contained, "else");
    });
  });

  it("and contains while it is being recorded, ends it before anything is changed", async () => {
    let opening = false;
    const world = createControlWorld({
      ...options,
      ports: ({ store, clock }) => ({
        store: {
          ...store,
          commit: async (changes, ...rest) => {
            opening = opens(changes);
            if (opening) await clock.sleep(500);
            return store.commit(changes, ...rest);
          },
        },
      }),
    });
    await world.live(async () => {
      await world.control.adopt(stable);
      const releasing = world.control.release(candidate);
      await world.until(() => opening);
      await world.control.contain("else", "on-call", "both are sick");
      const { phase, note } = await world.ended((await releasing).id);
      assert.deepEqual([phase, note], ["aborted", "rollbook: all traffic is contained to `else`"]);
      assert.deepEqual(world.target.effects, []);
      assert.equal(world.traffic.current("loans")?.contained, "else");
    });
  });
});

describe("a person who contains after a run broke", () => {
  it("is heard: the rollout goes on without a share, and goes back only on an order", async () => {
    let full = false;
    const world = createControlWorld({
      ...options,
      ports: ({ store }) => ({
        store: {
          ...store,
          commit: async (changes, ...rest) => {
            if (full && changes.some(({ kind }) => kind === "route") && rest[0]) throw new Error("the disk is full");
            return store.commit(changes, ...rest);
          },
        },
      }),
    });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      full = true;
      await assert.rejects(world.ended(id));
      full = false;
      await world.control.contain("else", "on-call", "both are sick");
      await world.until(() => world.kinds().includes("resumed"));
      await world.clock.sleep(10_000);
      const { contained, candidatePpm } = world.traffic.current("loans")!;
      assert.deepEqual([contained, candidatePpm], ["else", 0]);
      await world.control.pullCord(id, "on-call", "then back");
      assert.equal((await world.ended(id)).rollback?.cause[0], "person");
    });
  });
});
