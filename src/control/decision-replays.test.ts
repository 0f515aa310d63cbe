import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EntryDraft } from "../core/entry.ts";
import type { Store } from "../core/ports.ts";
import { packOf } from "../core/sample-pack.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { batchesOf, changeOfMind } from "./change-of-mind.ts";
import { digestOfPacks } from "./count-journal.ts";
import { createDecisionReplays } from "./decision-replays.ts";
import type { HeldEvidence } from "./held-evidence.ts";
import { judgeAgain, recompute } from "./recompute.ts";
import { createControlWorld } from "./world.fixture.ts";

/** The decision about a rollout that went back, with its counts in packs of a few rows. */
async function recorded() {
  const world = createControlWorld({ losses: 0.2 });
  const id = await world.live(async () => {
    const rollout = await world.release();
    await world.ended(rollout.id);
    return rollout.id;
  });
  const { held, samples } = (await recompute(world.store, id))!;
  const packs = [...batchesOf(samples!, 10)].map((batch, number) => packOf(number, batch));
  const again: HeldEvidence = {
    ...held,
    packs: packs.length,
    samples: digestOfPacks(packs.map(({ digest }) => digest)),
  };
  const store = createMemoryStore();
  const entry: EntryDraft = {
    type: "evidence-held",
    at: held.at,
    system: "loans",
    rollout: id,
    actor: "rollbook",
    data: JSON.parse(JSON.stringify(again)),
  };
  await store.commit([
    ...packs.map((pack) => ({ kind: "pack", rollout: id, pack }) as const),
    { kind: "entry", entry } as const,
  ]);
  return { id, store, held, packs, samples: samples! };
}

describe("a decision that is computed once more beside other work", () => {
  it("lets the others have their turn after every pack, and says the same", async () => {
    const { id, store, packs } = await recorded();
    let turns = 0;
    const answer = await createDecisionReplays(async () => turns++)(store, id);
    assert.equal(answer?.answer, "same");
    assert.ok(packs.length > 3);
    // Once for their digests, once to judge them, and then for what would have changed its mind.
    assert.ok(turns > 2 * packs.length, `${turns} turns for ${packs.length} packs`);
  });

  it("is the only one at a time, and is judged once", async () => {
    const { id, store, packs } = await recorded();
    let [under, most, turns] = [0, 0, 0];
    const watched: Store = {
      ...store,
      entriesAbout: async (...asked) => {
        under += 1;
        most = Math.max(most, under);
        return await store.entriesAbout(...asked);
      },
    };
    const replays = createDecisionReplays(async () => turns++);
    const asked = () => replays(watched, id).finally(() => (under -= 1));
    const [first, second] = await Promise.all([asked(), asked()]);
    assert.equal(most, 1);
    assert.equal(second, first);
    const before = turns;
    await asked();
    assert.equal(turns - before, packs.length, "only the digests are computed anew");
  });

  it("is held against the ledger each time, and one that cannot be read stops no other", async () => {
    const { id, store, packs } = await recorded();
    const replays = createDecisionReplays();
    assert.equal((await replays(store, id))?.answer, "same");
    const forged: Store = {
      ...store,
      packs: async (rollout, from, limit) =>
        (await store.packs(rollout, from, limit)).map((pack) => ({ ...pack, body: packs[0]!.body })),
    };
    assert.equal((await replays(forged, id))?.answer, "counts-changed");
    const away: Store = { ...store, packs: () => Promise.reject(new Error("the store is away")) };
    await assert.rejects(replays(away, id), /the store is away/);
    assert.equal((await replays(store, id))?.answer, "same");
    assert.equal(await replays(store, "no such rollout"), undefined);
  });

  it("says what would have changed its mind as it was computed by itself", async () => {
    const { id, store, held, samples } = await recorded();
    const verdict = await judgeAgain(held.parameters!, [samples], held.at);
    const mind = await changeOfMind(held.parameters!, samples, verdict);
    assert.ok(mind);
    assert.deepEqual((await createDecisionReplays()(store, id))?.changeOfMind, mind);
  });
});
