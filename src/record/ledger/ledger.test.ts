import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Checkpoint, Entry } from "../../core/entry.ts";
import type { Change, Store } from "../../core/ports.ts";
import { createMemoryStore } from "../../simulation/memory-store.ts";
import { runs } from "../../testing/runs.fixture.ts";
import { createLedger } from "./ledger.ts";
import { type Receipt, verifyReceipt } from "./receipt.ts";

const ORIGIN = "example.org/rollbook";
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");

function entry(note: string): Change {
  return { kind: "entry", entry: { type: "verdict", at: 0, system: "loans", actor: "rollbook", data: { note } } };
}

async function logOf(count: number) {
  const store = createMemoryStore();
  await store.commit(Array.from({ length: count }, (_, place) => entry(`${place}`)));
  const ledger = createLedger({ store, origin: ORIGIN, key: privateKey });
  return { store, ledger, checkpoint: await ledger.checkpoint() };
}

/** The same store after somebody changed what it holds. */
function tampered(
  store: Store,
  change: (entries: readonly Entry[]) => readonly Entry[],
  checkpoint?: Checkpoint,
): Store {
  const all = async () => change(await store.entries(0, 1_000_000));
  return {
    ...store,
    entries: async (from, limit) => (await all()).slice(from, from + limit),
    entryCount: async () => (await all()).length,
    checkpoint: async () => checkpoint ?? store.checkpoint(),
  };
}

/** A ledger that starts over this store, with nothing in its memory. */
function reopened(store: Store) {
  return createLedger({ store, origin: ORIGIN, key: privateKey });
}

function flip(text: string, bit: number): string {
  const bytes = Buffer.from(text);
  const place = (bit >> 3) % bytes.length;
  bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << (bit & 7)), place);
  return bytes.toString();
}

function edited(at: number, edit: (leaf: string) => string) {
  return (entries: readonly Entry[]) =>
    entries.map((one) => (one.index === at ? { index: one.index, leaf: edit(one.leaf) } : one));
}

const renumbered = (entries: readonly Entry[]) => entries.map(({ leaf }, index) => ({ index, leaf }));

describe("a ledger", () => {
  it("signs the empty log at its start", async () => {
    const { ledger, store, checkpoint } = await logOf(0);
    assert.equal(checkpoint.size, 0);
    assert.deepEqual(await store.checkpoint(), checkpoint);
    assert.deepEqual(await ledger.verify(), { kind: "verified", size: 0, root: checkpoint.root, pending: 0 });
  });

  it("verifies an untouched store that was never used", async () => {
    assert.equal((await reopened(createMemoryStore()).verify()).kind, "verified");
  });

  it("signs once for the same entries", async () => {
    const { ledger, store, checkpoint } = await logOf(3);
    assert.deepEqual(await ledger.checkpoint(), checkpoint);
    assert.deepEqual(await reopened(store).checkpoint(), checkpoint);
  });

  it("counts entries that no head covers yet as pending", async () => {
    const { ledger, store, checkpoint } = await logOf(3);
    await store.commit([entry("new")]);
    assert.deepEqual(await ledger.verify(), { kind: "verified", size: 3, root: checkpoint.root, pending: 1 });
    assert.equal((await ledger.checkpoint()).size, 4);
  });

  it("stays whole when checkpoints, receipts and commits come at once", async () => {
    const { ledger, store } = await logOf(2);
    const work = Array.from({ length: 30 }, async (_, place) => {
      await store.commit([entry(`more ${place}`)]);
      await (place % 3 === 0 ? ledger.receipt(place) : ledger.checkpoint());
    });
    await Promise.all(work);
    const end = await ledger.checkpoint();
    assert.equal(end.size, 32);
    assert.deepEqual(await reopened(store).verify(), { kind: "verified", size: 32, root: end.root, pending: 0 });
  });

  it("pauses between batches", async () => {
    const store = createMemoryStore();
    await store.commit(Array.from({ length: 2500 }, (_, place) => entry(`${place}`)));
    let pauses = 0;
    const pause = async () => {
      pauses += 1;
    };
    const ledger = createLedger({ store, origin: ORIGIN, key: privateKey, pause });
    await ledger.checkpoint();
    await ledger.verify();
    assert.equal(pauses, 6);
  });

  it("takes its key in PEM, and names its public half for other verifiers", async () => {
    const { store } = await logOf(1);
    const key = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    const ledger = createLedger({ store, origin: ORIGIN, key });
    assert.match(ledger.verifierKey, /^example\.org\/rollbook\+[0-9a-f]{8}\+A[A-Za-z0-9+/]{43}$/);
    assert.equal((await ledger.verify()).kind, "verified");
  });

  it("goes on after a checkpoint that could not be committed", async () => {
    const { store } = await logOf(1);
    await store.commit([entry("new")]);
    let fails = true;
    const failing: Store = {
      ...store,
      commit: async (changes) => {
        if (fails) throw new Error("disk full");
        return store.commit(changes);
      },
    };
    const ledger = reopened(failing);
    await assert.rejects(ledger.checkpoint(), /disk full/);
    fails = false;
    assert.equal((await ledger.checkpoint()).size, 2);
  });

  it("always verifies while it is honest", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(5), fc.boolean()), { maxLength: 12 }), async (turns) => {
        const { store, ledger } = await logOf(0);
        const pinned: Checkpoint[] = [];
        for (const [count, signs] of turns) {
          await store.commit(Array.from({ length: count }, () => entry("x")));
          if (signs) pinned.push(await ledger.checkpoint());
          assert.equal((await ledger.verify()).kind, "verified");
        }
        assert.equal((await reopened(store).verify(pinned)).kind, "verified");
      }),
      { numRuns: runs(50) },
    );
  });
});

describe("tampering", () => {
  const attacks: Readonly<Record<string, (entries: readonly Entry[]) => readonly Entry[]>> = {
    "a changed leaf": edited(2, (leaf) => leaf.replace("2", "7")),
    "a leaf written with other white space": edited(2, (leaf) => leaf.replace(":", ": ")),
    "two leaves in the other order": ([a, b, ...rest]) =>
      renumbered([b, a, ...rest].filter((one) => one !== undefined)),
    "a deleted leaf": (entries) => renumbered(entries.toSpliced(2, 1)),
    "a hole in the numbers": (entries) => entries.toSpliced(2, 1),
    "an inserted leaf": (entries) => renumbered(entries.toSpliced(2, 0, { index: 2, leaf: "{}" })),
    "a doubled leaf": (entries) => renumbered(entries.toSpliced(2, 0, ...entries.slice(2, 3))),
    "a log that was cut": (entries) => entries.slice(0, 3),
    "an empty log": () => [],
  };
  for (const [what, attack] of Object.entries(attacks))
    it(`by ${what} is found, and nothing is signed over it`, async () => {
      const { store } = await logOf(6);
      const ledger = reopened(tampered(store, attack));
      assert.equal((await ledger.verify()).kind, "broken");
      await assert.rejects(ledger.checkpoint(), { code: "LEDGER_BROKEN" });
    });

  it("by a changed leaf names the leaf when the ledger has read it before", async () => {
    const { store } = await logOf(6);
    let attack = (entries: readonly Entry[]) => entries;
    const shifting = tampered(store, (entries) => attack(entries));
    const ledger = reopened(shifting);
    await ledger.checkpoint();
    attack = edited(4, (leaf) => leaf.replace("4", "5"));
    const found = await ledger.verify();
    assert.equal(found.kind === "broken" && found.index, 4);
    await assert.rejects(ledger.receipt(4), { code: "LEDGER_BROKEN" });
  });

  it("with an entry that was read but is not signed yet is found", async () => {
    const { store } = await logOf(2);
    let attack = (entries: readonly Entry[]) => entries;
    const ledger = reopened({
      ...tampered(store, (entries) => attack(entries)),
      commit: async () => {
        throw new Error("full");
      },
    });
    await store.commit([entry("pending")]);
    await assert.rejects(ledger.checkpoint(), /full/);
    attack = edited(2, () => "{}");
    const found = await ledger.verify();
    assert.equal(found.kind === "broken" && found.index, 2);
  });

  it("by cutting the log together with its checkpoint is found by who remembers", async () => {
    const { store, ledger, checkpoint: first } = await logOf(3);
    await store.commit([entry("3")]);
    const second = await ledger.checkpoint();
    const cut = tampered(store, (entries) => entries.slice(0, 3), first);
    assert.equal((await reopened(cut).verify()).kind, "verified");
    assert.equal((await reopened(cut).verify([second])).kind, "broken");
    const restored = tampered(store, (entries) => entries, first);
    assert.equal((await reopened(restored).verify([second])).kind, "broken");
  });

  it("while the ledger runs is found by its own memory", async () => {
    const { store } = await logOf(3);
    let attack = (entries: readonly Entry[]) => entries;
    const ledger = reopened(tampered(store, (entries) => attack(entries)));
    await ledger.checkpoint();
    attack = (entries) => entries.slice(0, 2);
    await assert.rejects(ledger.checkpoint(), { code: "LEDGER_BROKEN" });
    attack = (entries) => [...entries, { index: 9, leaf: "{}" }];
    await assert.rejects(ledger.checkpoint(), { code: "LEDGER_BROKEN" });
  });

  it("by a rewritten history that is signed again is found by who remembers", async () => {
    const { checkpoint } = await logOf(3);
    const other = createMemoryStore();
    await other.commit(["x", "y", "z"].map(entry));
    const ledger = reopened(other);
    await ledger.checkpoint();
    assert.equal((await ledger.verify([checkpoint])).kind, "broken");
  });

  it("by taking the checkpoint away is found", async () => {
    const { store } = await logOf(3);
    const found = await reopened({ ...store, checkpoint: async () => undefined }).verify();
    assert.equal(found.kind, "broken");
  });

  it("by a checkpoint of an empty log with another root is found", async () => {
    const { store, checkpoint } = await logOf(0);
    const other = { ...checkpoint, root: Buffer.alloc(32).toString("base64") };
    assert.equal((await reopened(tampered(store, (entries) => entries, other)).verify()).kind, "broken");
  });

  it("by a checkpoint of another key is found", async () => {
    const { store } = await logOf(3);
    const ledger = createLedger({ store, origin: ORIGIN, key: stranger.privateKey });
    assert.equal((await ledger.verify()).kind, "broken");
    await assert.rejects(ledger.checkpoint(), { code: "LEDGER_BROKEN" });
  });

  it("by a checkpoint of another log of the same key is found", async () => {
    const { store } = await logOf(3);
    const ledger = createLedger({ store, origin: "example.org/other", key: privateKey });
    assert.equal((await ledger.verify()).kind, "broken");
  });

  it("by a store that answers no entries is found", async () => {
    const { store } = await logOf(3);
    const ledger = reopened({ ...store, entries: async () => [] });
    assert.equal((await ledger.verify()).kind, "broken");
    await assert.rejects(ledger.checkpoint(), { code: "LEDGER_BROKEN" });
  });

  it("of any single bit of any leaf, or of the checkpoint, is found", async () => {
    const { store, checkpoint } = await logOf(8);
    const same = (entries: readonly Entry[]) => entries;
    await fc.assert(
      fc.asyncProperty(fc.nat(7), fc.nat(4000), async (index, bit) => {
        const leaf = reopened(
          tampered(
            store,
            edited(index, (text) => flip(text, bit)),
          ),
        );
        assert.equal((await leaf.verify()).kind, "broken");
        const note = reopened(tampered(store, same, { ...checkpoint, note: flip(checkpoint.note, bit) }));
        assert.equal((await note.verify()).kind, "broken");
        const root = reopened(tampered(store, same, { ...checkpoint, root: flip(checkpoint.root, bit) }));
        assert.equal((await root.verify()).kind, "broken");
        const size = reopened(tampered(store, same, { ...checkpoint, size: checkpoint.size ^ (1 << (bit % 20)) }));
        assert.equal((await size.verify()).kind, "broken");
      }),
      { numRuns: runs(150) },
    );
  });
});

describe("a receipt", () => {
  it("of every entry verifies offline, after JSON, with the public key alone", async () => {
    const { ledger } = await logOf(9);
    const pem = publicKey.export({ format: "pem", type: "spki" }).toString();
    for (let index = 0; index < 9; index += 1) {
      const receipt: unknown = JSON.parse(JSON.stringify(await ledger.receipt(index)));
      assert.deepEqual(verifyReceipt(receipt, pem), { kind: "verified", origin: ORIGIN, index, size: 9 });
    }
  });

  it("signs a head first when the entry is newer than the last one", async () => {
    const { store, ledger } = await logOf(2);
    await store.commit([entry("new")]);
    assert.equal((await ledger.receipt(2)).size, 3);
  });

  it("of an entry that is not there is refused", async () => {
    const { ledger } = await logOf(2);
    for (const index of [2, -1, 0.5, Number.NaN]) await assert.rejects(ledger.receipt(index), { code: "NOT_FOUND" });
  });

  it("is refused under another key or for another log", async () => {
    const { ledger } = await logOf(2);
    const receipt = await ledger.receipt(0);
    assert.equal(verifyReceipt(receipt, stranger.publicKey).kind, "broken");
    assert.equal(verifyReceipt(receipt, publicKey, "example.org/other").kind, "broken");
    assert.equal(verifyReceipt(receipt, publicKey, ORIGIN).kind, "verified");
  });

  it("is refused when it is not a receipt", async () => {
    const receipt = await (await logOf(2)).ledger.receipt(0);
    const { leaf: _, ...leafless } = receipt;
    const others = [null, "text", 1, [], {}, leafless, { ...receipt, proof: "x" }, { ...receipt, proof: [1] }];
    for (const other of [...others, { ...receipt, index: "0" }])
      assert.equal(verifyReceipt(other, publicKey).kind, "broken");
  });

  it("does not take a lone surrogate for the replacement character", async () => {
    const { store, ledger } = await logOf(0);
    await store.commit([entry("\ufffd")]);
    const receipt = await ledger.receipt(0);
    assert.equal(verifyReceipt(receipt, publicKey).kind, "verified");
    const leaf = receipt.leaf.replace("\ufffd", "\ud800");
    assert.equal(verifyReceipt({ ...receipt, leaf }, publicKey).kind, "broken");
  });

  it("is refused after any change of a single bit", async () => {
    const { ledger } = await logOf(11);
    const receipts = await Promise.all(Array.from({ length: 11 }, (_, index) => ledger.receipt(index)));
    fc.assert(
      fc.property(fc.constantFrom(...receipts), fc.nat(4000), fc.nat(30), (receipt, bit, number) => {
        const at = bit % receipt.proof.length;
        const changes: readonly Partial<Receipt>[] = [
          { leaf: flip(receipt.leaf, bit) },
          { note: flip(receipt.note, bit) },
          { proof: receipt.proof.map((hash, place) => (place === at ? flip(hash, bit) : hash)) },
          { index: receipt.index ^ (1 << number) },
          { size: receipt.size ^ (1 << number) },
        ];
        for (const change of changes) assert.equal(verifyReceipt({ ...receipt, ...change }, publicKey).kind, "broken");
      }),
      { numRuns: runs(200) },
    );
  });
});
