import { join } from "node:path";
import type { Digest } from "../../core/digest.ts";
import type { Instant } from "../../core/time.ts";
import { writeDurably } from "./durable-file.ts";
import { contentsOf } from "./manifest.ts";
import { withVaultLock } from "./vault-lock.ts";
import type { VaultParts } from "./vault-parts.ts";

export interface VerifyOptions {
  /** The pace: it reads no faster on the average. 64 MiB a second without it. */
  readonly bytesPerSecond?: number;
  readonly progress?: (done: VerifyProgress) => void;
  readonly signal?: AbortSignal;
}

export interface VerifyProgress {
  readonly blobs: number;
  readonly ofBlobs: number;
  readonly bytes: number;
  readonly ofBytes: number;
}

/** What one pass found: a revision is damaged when its manifest or any of its contents is not what its digest says. */
export interface VerifyReport {
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  readonly revisions: number;
  readonly blobs: number;
  readonly bytes: number;
  readonly damaged: readonly Damage[];
}

export interface Damage {
  readonly revision: Digest;
  readonly what: "manifest" | "content";
  readonly state: "damaged" | "missing";
  /** SHA-256 of the content, for a content. */
  readonly sha256?: string;
}

/**
 * Reads everything that is named, one content at a time, and compares it with its digest. The report of a whole pass
 * is kept; one that the signal ends throws and keeps nothing.
 */
export async function verifyVault(parts: VaultParts, options: VerifyOptions): Promise<VerifyReport> {
  const { blobs, revisions, clock } = parts;
  const { bytesPerSecond = 64 * 2 ** 20, progress, signal } = options;
  const startedAt = clock.now();
  const named = new Map<string, { size: number; revisions: Digest[] }>();
  const damaged: Damage[] = [];
  const digests = await revisions.digests();
  for (const revision of digests) {
    const manifest = await revisions.manifest(revision);
    if (manifest === "missing") continue;
    if (manifest === "damaged") damaged.push({ revision, what: "manifest", state: manifest });
    else {
      for (const { sha256, size } of contentsOf(manifest)) {
        const content = named.get(sha256) ?? { size, revisions: [] };
        if (!content.revisions.includes(revision)) content.revisions.push(revision);
        named.set(sha256, content);
      }
    }
  }
  const done = { blobs: 0, bytes: 0 };
  const of = { ofBlobs: named.size, ofBytes: [...named.values()].reduce((total, { size }) => total + size, 0) };
  for (const [sha256, content] of named) {
    signal?.throwIfAborted();
    const state = await blobs.state(sha256, "read", signal);
    if (state !== "intact") {
      for (const revision of content.revisions) {
        // Somebody may have collected it since its manifest was read.
        if ((await revisions.manifest(revision)) === "missing") continue;
        damaged.push({ revision, what: "content", state, sha256 });
      }
    }
    done.blobs += 1;
    done.bytes += content.size;
    progress?.({ ...done, ...of });
    const ahead = (done.bytes / bytesPerSecond) * 1000 - (clock.now() - startedAt);
    if (ahead > 1) await clock.sleep(ahead, signal);
  }
  const report = { startedAt, endedAt: clock.now(), revisions: digests.length, ...done, damaged };
  const file = join(parts.folder, "verified.json");
  await withVaultLock(parts, "shared", () => writeDurably(parts.drafts, file, JSON.stringify(report)));
  return report;
}
