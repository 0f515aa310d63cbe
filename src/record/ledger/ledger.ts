import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import type { Checkpoint } from "../../core/entry.ts";
import { RollbookError } from "../../core/errors.ts";
import type { Store } from "../../core/ports.ts";
import { headText, openHead } from "./head.ts";
import { leafHash } from "./merkle.ts";
import { type NoteKey, signNote, verifierKeyOf } from "./note.ts";
import type { Receipt } from "./receipt.ts";
import { Tree } from "./tree.ts";
import { BATCH, type Verification, verifyLedger } from "./verification.ts";

/**
 * The tamper-evident log over a store's entries (RFC 9162 hashes, C2SP checkpoints). Entries get in by the store's
 * commits; the ledger signs what is there and proves it. Without a head that was kept outside the store, cutting off
 * the end together with its checkpoint cannot be seen: readers should pin the last checkpoint that they saw.
 */
export interface Ledger {
  /** The key for verifiers, as C2SP tools write it: `origin+id+base64`. */
  readonly verifierKey: string;
  /**
   * Signs a head over all entries and commits it; answers the last one when there is nothing new. Call it once at the
   * start too: from then on a store without a checkpoint is broken. Throws LEDGER_BROKEN, and signs nothing, when the
   * entries do not continue what was signed before.
   */
  checkpoint(): Promise<Checkpoint>;
  /** Recomputes everything from the store. Pinned heads, and the last one that this ledger saw, must be prefixes. */
  verify(pinned?: readonly Checkpoint[]): Promise<Verification>;
  /** A receipt under the newest head, signing one if needed. Throws NOT_FOUND for an index that has no entry. */
  receipt(index: number): Promise<Receipt>;
}

export interface LedgerOptions {
  readonly store: Store;
  /** The log's name, also the name of its key: a host and a path without scheme, for example `example.org/rollbook`. */
  readonly origin: string;
  /** The Ed25519 private key, as an object or in PEM. */
  readonly key: KeyObject | string;
  /** Awaited between batches of a long read; by default there is no pause. */
  readonly pause?: () => Promise<void>;
}

export function createLedger({ store, origin, key, pause = async () => {} }: LedgerOptions): Ledger {
  const privateKey = typeof key === "string" ? createPrivateKey(key) : key;
  const noteKey: NoteKey = { name: origin, publicKey: createPublicKey(privateKey) };
  const tree = new Tree();
  let seen: Checkpoint | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  /** One at a time: two at once would append the same entries to the tree twice. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  };

  const sign = async (): Promise<Checkpoint> => {
    const last = await store.checkpoint();
    await catchUp(store, tree, pause);
    for (const checkpoint of [last, seen]) if (checkpoint !== undefined) assertPrefix(checkpoint, tree, noteKey);
    if (last !== undefined && last.size === tree.size) {
      seen = last;
      return last;
    }
    const root = tree.root();
    const note = signNote(headText({ origin, size: tree.size, root }), origin, privateKey);
    const checkpoint = { size: tree.size, root: root.toString("base64"), note };
    await store.commit([{ kind: "checkpoint", checkpoint }]);
    seen = checkpoint;
    return checkpoint;
  };

  return {
    verifierKey: verifierKeyOf(noteKey),
    checkpoint: () => inTurn(sign),
    verify: (pinned = []) => {
      const remembered = (index: number) => (index < tree.size ? tree.leaf(index) : undefined);
      const known = seen === undefined ? pinned : [...pinned, seen];
      return verifyLedger({ store, key: noteKey, pinned: known, pause, remembered });
    },
    receipt: (index) =>
      inTurn(async () => {
        const { size, note } = await sign();
        const [entry] = Number.isSafeInteger(index) && index >= 0 && index < size ? await store.entries(index, 1) : [];
        if (entry === undefined) throw new RollbookError("NOT_FOUND", { what: `entry ${index} in the ledger` });
        if (!leafHash(entry.leaf).equals(tree.leaf(index))) throw brokenLedger(`entry ${index} was changed`);
        const proof = tree.inclusion(index, size).map((hash) => hash.toString("base64"));
        return { leaf: entry.leaf, index, size, proof, note };
      }),
  };
}

async function catchUp(store: Store, tree: Tree, pause: () => Promise<void>): Promise<void> {
  const count = await store.entryCount();
  if (count < tree.size) throw brokenLedger(`the store holds ${count} entries and held ${tree.size}`);
  while (tree.size < count) {
    const batch = await store.entries(tree.size, Math.min(BATCH, count - tree.size));
    if (batch.length === 0) throw brokenLedger(`entry ${tree.size} is missing`);
    for (const { index, leaf } of batch) {
      if (index !== tree.size) throw brokenLedger(`entry ${tree.size} is missing`);
      tree.append(leafHash(leaf));
    }
    await pause();
  }
}

function assertPrefix(checkpoint: Checkpoint, tree: Tree, key: NoteKey): void {
  const opened = openHead(checkpoint.note, key);
  if (opened.kind === "refused") throw brokenLedger(opened.reason);
  const { size, root } = opened.head;
  if (size > tree.size) throw brokenLedger(`${size} entries were signed, the store holds ${tree.size}`);
  if (!tree.root(size).equals(root)) throw brokenLedger(`the first ${size} entries have another root than signed`);
}

function brokenLedger(reason: string): RollbookError {
  return new RollbookError("LEDGER_BROKEN", { reason });
}
