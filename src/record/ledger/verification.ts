import type { Checkpoint } from "../../core/entry.ts";
import type { Store } from "../../core/ports.ts";
import { type Head, openHead } from "./head.ts";
import { Frontier, leafHash } from "./merkle.ts";
import type { NoteKey } from "./note.ts";

/** Entries that are read and hashed between two pauses. */
export const BATCH = 1000;

/**
 * `verified`: the signed head covers exactly these entries, and `pending` more follow that no head covers yet.
 * `broken`: what the store holds is not what was signed; `index` where it is known.
 */
export type Verification =
  | { readonly kind: "verified"; readonly size: number; readonly root: string; readonly pending: number }
  | { readonly kind: "broken"; readonly index?: number; readonly reason: string };

type Broken = Extract<Verification, { kind: "broken" }>;

/** What a verification looks at. */
export interface Subject {
  readonly store: Pick<Store, "checkpoint" | "entryCount" | "entries">;
  readonly key: NoteKey;
  /** Heads from outside the store (what a reader saw last); each must be a prefix of the log as well. */
  readonly pinned: readonly Checkpoint[];
  /** Awaited between batches, so that others get their turn. */
  readonly pause: () => Promise<void>;
  /** The hash that a leaf had when it was first read, where that is known: it tells which leaf was changed. */
  readonly remembered: (index: number) => Buffer | undefined;
}

/** Recomputes every leaf, every root and every signature from what the store holds now. */
export async function verifyLedger(subject: Subject): Promise<Verification> {
  const { store, key, pinned } = subject;
  const last = await store.checkpoint();
  const count = await store.entryCount();
  if (last === undefined && count > 0) return broken(`the store holds ${count} entries and no checkpoint`);
  const heads: Head[] = [];
  for (const checkpoint of last === undefined ? pinned : [last, ...pinned]) {
    const head = headOf(checkpoint, key);
    if ("reason" in head) return head;
    if (head.size > count) return broken(`${head.size} entries were signed, the store holds ${count}`);
    heads.push(head);
  }
  if (last !== undefined && heads.some((head) => head.size > last.size))
    return broken(`the store's checkpoint covers ${last.size} entries, a pinned one more`);
  const { root, failure } = await recompute(subject, heads, count);
  if (failure !== undefined) return failure;
  const size = last?.size ?? 0;
  return { kind: "verified", size, root: last?.root ?? root, pending: count - size };
}

function headOf(checkpoint: Checkpoint, key: NoteKey): Head | Broken {
  const opened = openHead(checkpoint.note, key);
  if (opened.kind === "refused") return broken(opened.reason);
  const { head } = opened;
  if (head.size !== checkpoint.size || head.root.toString("base64") !== checkpoint.root)
    return broken("the checkpoint's fields are not those of its note");
  return head;
}

async function recompute(subject: Subject, heads: readonly Head[], count: number) {
  const { store, pause, remembered } = subject;
  const frontier = new Frontier();
  const mismatch = () => heads.find((head) => head.size === frontier.size && !head.root.equals(frontier.root()));
  const rootText = () => frontier.root().toString("base64");
  const failing = (failure: Broken) => ({ root: rootText(), failure });
  let changed: number | undefined;
  const wrongRoot = (size: number) =>
    failing(broken(`the first ${size} entries have another root than signed`, changed));
  if (mismatch() !== undefined) return wrongRoot(0);
  while (frontier.size < count) {
    const batch = await store.entries(frontier.size, Math.min(BATCH, count - frontier.size));
    if (batch.length === 0) return failing(broken("an entry is missing", frontier.size));
    for (const { index, leaf } of batch) {
      if (index !== frontier.size) return failing(broken("entries are missing or out of order", frontier.size));
      const hash = leafHash(leaf);
      const before = remembered(index);
      if (before !== undefined && !before.equals(hash)) changed ??= index;
      frontier.append(hash);
      if (mismatch() !== undefined) return wrongRoot(frontier.size);
    }
    await pause();
  }
  return changed === undefined
    ? { root: rootText(), failure: undefined }
    : failing(broken("an entry was changed before it was signed", changed));
}

function broken(reason: string, index?: number): Broken {
  return index === undefined ? { kind: "broken", reason } : { kind: "broken", index, reason };
}
