import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createControlWorld, type WorldOptions } from "./world.fixture.ts";

/** A world that notes what its controllers ask of the store and of the targets, in order. */
function noting(log: string[]): NonNullable<WorldOptions["ports"]> {
  return ({ store, adapterFor }) => ({
    store: {
      ...store,
      commit: (changes, guard, claim) => {
        const decision = changes.some(({ kind }) => kind === "quarantine");
        log.push(decision ? "decision" : changes.length === 0 ? "leases" : "commit");
        return store.commit(changes, guard, claim);
      },
      sagas: (rollout) => {
        log.push("sagas");
        return store.sagas(rollout);
      },
      record: (rollout) => {
        log.push("record");
        return store.record(rollout);
      },
    },
    adapterFor: (at) => ({
      ...adapterFor(at),
      apply: (request, signal) => {
        log.push("effect");
        return adapterFor(at).apply(request, signal);
      },
    }),
  });
}

describe("between the commit of a decision and its first effect", () => {
  it("nothing is asked of the store: what it takes was read beside it, and its leases came with it", async () => {
    const log: string[] = [];
    const world = createControlWorld({ losses: 0.2, ports: noting(log) });
    await world.live(async () => world.ended((await world.release()).id));
    const decision = log.indexOf("decision");
    const between = log.slice(decision + 1, log.indexOf("effect", decision));
    // The evidence is held beside it.
    assert.deepEqual(
      between.filter((what) => what !== "commit"),
      [],
    );
    assert.equal(log[decision - 1], "sagas");
    const claim = { resources: ["target:sim:model"], holder: "another", ttl: 1, now: world.clock.now() };
    const taken = await world.store.commit([], undefined, claim);
    assert.equal(taken.kind === "committed" && taken.claimed?.length, 1, "given back");
  });

  it("a store that cannot be read then is asked once more", async () => {
    const log: string[] = [];
    let refused = 0;
    const world = createControlWorld({
      losses: 0.2,
      ports: (given) => {
        const { store, ...others } = noting(log)(given);
        const sagas = async (rollout: string) => {
          if (world.kinds().includes("exposed") && refused++ === 0) throw new Error("the store is away");
          return store!.sagas(rollout);
        };
        return { ...others, store: { ...store!, sagas } };
      },
    });
    const rollout = await world.live(async () => world.ended((await world.release()).id));
    assert.ok(refused > 1);
    assert.equal(rollout.rollback?.outcome, "verified");
  });
});
