import assert from "node:assert/strict";
import { describe } from "node:test";
import { aRollout, aSample, notesOf, recording } from "./fixtures.ts";
import type { Cases } from "./suite.ts";

/** For stores whose state outlives them. */
export function reopenCases({ suite, test }: Cases): void {
  describe("a store that is opened again", () => {
    test("has everything that was committed", async (store, place) => {
      await store.commit([
        { kind: "rollout", rollout: aRollout("r1") },
        { kind: "samples", rollout: "r1", samples: [aSample()] },
        recording("one"),
      ]);
      const record = await store.record("r1");
      await store.close();
      const again = await suite.open(place);
      try {
        assert.deepEqual(await again.record("r1"), record);
        assert.deepEqual(notesOf(await again.entries(0, 9)), ["one"]);
      } finally {
        await again.close();
      }
    });

    test("goes on with the next index, and still knows samples that it had", async (store, place) => {
      await store.commit([recording("one"), { kind: "samples", rollout: "r1", samples: [aSample()] }]);
      await store.close();
      const again = await suite.open(place);
      try {
        await again.commit([recording("two"), { kind: "samples", rollout: "r1", samples: [aSample()] }]);
        assert.deepEqual(notesOf(await again.entries(1, 9)), ["two"]);
        assert.equal((await again.samples("r1")).length, 1);
      } finally {
        await again.close();
      }
    });

    test("keeps its leases and never gives a fence twice", async (store, place, time) => {
      await store.acquireLease("loans", "a", time.ttl, time.now());
      await store.close();
      const again = await suite.open(place);
      try {
        assert.equal(await again.acquireLease("loans", "b", time.ttl, time.now()), undefined);
        await time.pass(time.ttl);
        assert.equal((await again.acquireLease("loans", "b", time.ttl, time.now()))?.fence, 2);
      } finally {
        await again.close();
      }
    });

    test("may be closed twice", async (store) => {
      await store.close();
      await store.close();
    });
  });
}
