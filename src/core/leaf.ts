import { canonicalJson } from "./digest.ts";
import type { Entry, EntryDraft, EntryType } from "./entry.ts";

/**
 * The exact text that an entry is stored as and hashed as (its UTF-8). It is made once, when the entry is committed;
 * whoever verifies reads the stored text and never builds it again. `v` is the version of this envelope.
 * Numbers that JSON cannot hold (an infinite e-value) are written as text, so that a record never fails for them.
 */
export function leafOf(draft: EntryDraft): string {
  const made = leaves.get(draft);
  if (made !== undefined) return made;
  const { type, at, system, actor, rollout, data } = draft;
  const leaf = canonicalJson({ actor, at, data, rollout, system, type, v: 1 }, writeAny);
  if (leaves.size >= KEPT) leaves.clear();
  leaves.set(draft, leaf);
  return leaf;
}

/** What `Store.entriesAbout` answers, of entries in their order, where there is no index. */
export function newestAbout(
  entries: readonly Entry[],
  about: string,
  limit: number,
  wanted?: EntryType,
): readonly Entry[] {
  const found: Entry[] = [];
  const word = JSON.stringify(about);
  for (let index = entries.length - 1; index >= 0 && found.length < limit; index -= 1) {
    // Reading every leaf whole would cost more than looking for the word first.
    const entry = entries[index]!;
    if (!entry.leaf.includes(word)) continue;
    const { type, rollout, system } = JSON.parse(entry.leaf) as EntryDraft;
    if ((rollout ?? system) === about && (wanted ?? type) === type) found.push(entry);
  }
  return found;
}

/** A draft never changes; what is tried again soon is not written out again. */
const leaves = new Map<EntryDraft, string>();
const KEPT = 100;

function writeAny(value: number): string {
  return Number.isFinite(value) ? String(value) : `"${value}"`;
}
