import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../core/digest.ts";
import { contentsOf } from "./manifest.ts";
import type { VaultParts } from "./vault-parts.ts";

/** What was removed, and why nothing was, if so. */
export interface Collected {
  readonly revisions: readonly Digest[];
  readonly blobs: number;
  /** Revisions that cannot be read. While there is one nobody knows which contents it names, so none is removed. */
  readonly unreadable: readonly Digest[];
}

/** Removes what has outlived its retention and is not kept. The caller holds the vault's exclusive lock. */
export async function collect(parts: VaultParts, keep: ReadonlySet<Digest>): Promise<Collected> {
  const { blobs, revisions, clock } = parts;
  const [until, held, now] = [await revisions.retainedUntil(), await revisions.holds(), clock.now()];
  const removed: Digest[] = [];
  const unreadable: Digest[] = [];
  const named = new Set<string>();
  for (const digest of await revisions.digests()) {
    const manifest = await revisions.manifest(digest);
    const over = (until.get(digest) ?? 0) <= now && !held.has(digest) && !keep.has(digest);
    if (over) {
      await revisions.remove(digest);
      removed.push(digest);
    } else if (typeof manifest === "string") unreadable.push(digest);
    else for (const { sha256 } of contentsOf(manifest)) named.add(sha256);
  }
  // Drafts are nobody's: whoever writes holds the lock that we have to ourselves.
  for (const draft of await readdir(parts.drafts))
    await rm(join(parts.drafts, draft), { recursive: true, force: true });
  if (unreadable.length > 0) return { revisions: removed, blobs: 0, unreadable };
  const unnamed = (await blobs.names()).filter((sha256) => !named.has(sha256));
  for (const sha256 of unnamed) await blobs.remove(sha256);
  return { revisions: removed, blobs: unnamed.length, unreadable };
}
