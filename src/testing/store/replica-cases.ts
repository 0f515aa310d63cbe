import assert from "node:assert/strict";
import { describe } from "node:test";
import type { Store } from "../../core/ports.ts";
import { aRollout, aSample, aStep, notesOf, recording, TTL } from "./fixtures.ts";
import type { LeaseTime } from "./lease-time.ts";
import type { Cases } from "./suite.ts";

const HOUR = 3_600_000;

/** For stores that several processes use at once. */
export function replicaCases({ suite, test }: Cases): void {
  const replicas = (name: string, body: (stores: readonly Store[], time: LeaseTime) => Promise<void>) =>
    test(name, async (first, place, time) => {
      const others = await Promise.all([1, 2, 3].map(() => suite.open(place)));
      try {
        await body([first, ...others], time);
      } finally {
        await Promise.all(others.map((store) => store.close()));
      }
    });
  describe("several replicas", () => {
    describe("and their leases", () => leaseRaces(replicas));
    describe("and their commits", () => commitRaces(replicas));
    describe("and one ledger", () => ledgerRaces(replicas));
  });
}

type Replicas = (name: string, body: (stores: readonly Store[], time: LeaseTime) => Promise<void>) => void;

const each = <T>(stores: readonly Store[], work: (store: Store, place: number) => Promise<T>) =>
  Promise.all(stores.map(work));

function leaseRaces(replicas: Replicas): void {
  replicas("give a free lease to exactly one", async (stores, time) => {
    for (let round = 0; round < 10; round += 1) {
      const resource = `resource-${round}`;
      const leases = await each(stores, (store, place) => store.acquireLease(resource, `${place}`, HOUR, time.now()));
      assert.equal(leases.filter((lease) => lease !== undefined).length, 1);
    }
  });

  replicas("never give one fence to two, while they take over from each other", async (stores, time) => {
    const fences: number[] = [];
    await each(stores, async (store, place) => {
      for (let turn = 0; turn < 25; turn += 1) {
        const lease = await store.acquireLease("loans", `${place}`, 1, time.now());
        if (lease) fences.push(lease.fence);
        await time.pass(1);
      }
    });
    assert.equal(new Set(fences).size, fences.length);
    assert.ok(fences.length > 10, `${fences.length} takes`);
  });

  replicas("see at once that a lease was given back", async ([a, b], time) => {
    const lease = await a?.acquireLease("loans", "a", HOUR, time.now());
    assert.equal(await b?.acquireLease("loans", "b", HOUR, time.now()), undefined);
    assert.ok(lease && (await a?.renewLease(lease, 0, time.now())));
    assert.equal((await b?.acquireLease("loans", "b", HOUR, time.now()))?.fence, 2);
  });
}

function commitRaces(replicas: Replicas): void {
  replicas("see what one of them committed", async (stores) => {
    await stores[0]?.commit([{ kind: "rollout", rollout: aRollout("r1") }, recording("one")]);
    for (const store of stores) {
      assert.deepEqual(await store.rollout("r1"), aRollout("r1"));
      assert.deepEqual(notesOf(await store.entries(0, 9)), ["one"]);
    }
  });

  replicas("write under one fence and not after it: no commit of an old holder gets in", async (stores, time) => {
    const [a, b] = stores as [Store, Store];
    for (let round = 0; round < 10; round += 1) {
      const resource = `resource-${round}`;
      const lease = await a.acquireLease(resource, "a", 1, time.now());
      assert.ok(lease);
      await time.pass(1);
      const guard = { resource, fence: lease.fence };
      let takenAt = -1;
      const stale = Promise.all(
        Array.from({ length: 10 }, (_, n) => a.commit([{ kind: "step", record: aStep(resource, `${n}`) }], guard)),
      );
      const taken = b.acquireLease(resource, "b", HOUR, time.now()).then(async (newer) => {
        assert.equal(newer?.fence, lease.fence + 1);
        takenAt = (await b.steps(resource)).length;
      });
      const answers = await stale;
      await taken;
      // What the new holder sees when it has the lease is all that the old one ever got in.
      assert.equal((await b.steps(resource)).length, takenAt);
      assert.equal(answers.filter(({ kind }) => kind === "committed").length, takenAt);
    }
  });

  replicas("keep the first of equal blocks of samples, whoever brings them", async (stores) => {
    const blocks = Array.from({ length: 500 }, (_, sequence) => sequence);
    await each(stores, (store, place) =>
      store.commit([
        { kind: "samples", rollout: "r1", samples: blocks.map((sequence) => aSample({ sequence, k: place })) },
      ]),
    );
    const found = await stores[0]?.samples("r1");
    assert.equal(found?.length, blocks.length);
    assert.equal(new Set(found?.map(({ k }) => k)).size, 1, "a batch is all or nothing");
  });

  replicas("write the same rows in opposite orders without losing a commit", async (stores) => {
    const ids = ["a", "b", "c", "d"];
    const order = (place: number) => (place % 2 === 0 ? ids : ids.toReversed());
    // Two, because a database may take a second to find that two wait for each other.
    await each(stores.slice(0, 2), async (store, place) => {
      for (let turn = 0; turn < 4; turn += 1) {
        const rollouts = order(place).map((id) => ({ kind: "rollout", rollout: aRollout(id) }) as const);
        assert.equal((await store.commit([...rollouts, recording(`${place}/${turn}`)])).kind, "committed");
      }
    });
    assert.equal(await stores[0]?.entryCount(), 8);
  });

  replicas("have records of one moment", async (stores) => {
    const [writer, ...readers] = stores as [Store, ...Store[]];
    await writer.commit([{ kind: "rollout", rollout: aRollout("r1", { step: 0 }) }]);
    let done = false;
    const writing = (async () => {
      for (let step = 1; step <= 40; step += 1)
        await writer.commit([
          { kind: "rollout", rollout: aRollout("r1", { step }) },
          { kind: "samples", rollout: "r1", samples: [aSample({ sequence: step })] },
        ]);
      done = true;
    })();
    await each(readers, async (store) => {
      while (!done) {
        const record = await store.record("r1");
        assert.equal(record?.samples.length, record?.rollout.step);
      }
    });
    await writing;
  });
}

function ledgerRaces(replicas: Replicas): void {
  replicas(
    "make one log without gaps, in which commits stay together and follow those answered before",
    async (stores) => {
      const TURNS = 40;
      let done = 0;
      const seen: string[] = [];
      await each(stores, async (store, place) => {
        if (place === 3) {
          // A reader in the midst: what it has read once never moves.
          while (done < 3) {
            const notes = notesOf(await store.entries(0, 10_000));
            assert.deepEqual(notes.slice(0, seen.length), seen);
            seen.splice(0, seen.length, ...notes);
          }
          return;
        }
        for (let turn = 0; turn < TURNS; turn += 1) {
          await store.commit([recording(`${place}/${turn}/first`), recording(`${place}/${turn}/second`)]);
          assert.ok((await store.entryCount()) >= 2 * (turn + 1));
        }
        done += 1;
      });
      const entries = (await stores[0]?.entries(0, 10_000)) ?? [];
      assert.deepEqual(
        entries.map(({ index }) => index),
        Array.from({ length: 3 * TURNS * 2 }, (_, index) => index),
      );
      const notes = notesOf(entries);
      for (let place = 0; place < 3; place += 1) {
        const own = notes.filter((note) => note.startsWith(`${place}/`));
        assert.deepEqual(
          own,
          Array.from({ length: TURNS }, (_, turn) => [`${place}/${turn}/first`, `${place}/${turn}/second`]).flat(),
        );
        for (const note of own.filter((_, index) => index % 2 === 0))
          assert.equal(notes[notes.indexOf(note) + 1], note.replace("first", "second"));
      }
    },
  );

  replicas("put a commit that began after another one's answer behind it", async (stores) => {
    for (let turn = 0; turn < 40; turn += 1) await stores[turn % 4]?.commit([recording(`${turn}`)]);
    assert.deepEqual(
      notesOf((await stores[0]?.entries(0, 100)) ?? []),
      Array.from({ length: 40 }, (_, turn) => `${turn}`),
    );
  });

  replicas("count the same entries, and keep the longest checkpoint", async (stores, time) => {
    await stores[0]?.acquireLease("loans", "a", TTL, time.now());
    await each(stores, (store, place) => store.commit([recording(`${place}`)], { resource: "loans", fence: 1 }));
    assert.deepEqual(await each(stores, (store) => store.entryCount()), [4, 4, 4, 4]);
    await each(stores, (store, size) =>
      store.commit([{ kind: "checkpoint", checkpoint: { size, root: `${size}`, note: "n" } }]),
    );
    for (const store of stores) assert.equal((await store.checkpoint())?.size, 3);
  });
}
