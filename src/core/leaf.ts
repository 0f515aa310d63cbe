import { canonicalJson, type Json } from "./digest.ts";
import type { EntryDraft } from "./entry.ts";

/**
 * The exact text that an entry is stored as and hashed as (its UTF-8). It is made once, when the entry is committed;
 * whoever verifies reads the stored text and never builds it again. `v` is the version of this envelope.
 * Numbers that JSON cannot hold (an infinite e-value) are written as text, so that a record never fails for them.
 */
export function leafOf(draft: EntryDraft): string {
  const { type, at, system, actor, rollout, data } = draft;
  return canonicalJson(writable({ v: 1, type, at, system, actor, rollout, data }));
}

function writable(value: Json): Json {
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => writable(item as Json));
  const fields = Object.entries(value as { readonly [key: string]: Json | undefined });
  return Object.fromEntries(fields.map(([key, field]) => [key, field === undefined ? undefined : writable(field)]));
}
