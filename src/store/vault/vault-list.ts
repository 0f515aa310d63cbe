import type { Digest } from "../../core/digest.ts";
import type { Instant } from "../../core/time.ts";
import { bytesOf, contentsOf } from "./manifest.ts";
import type { VaultParts } from "./vault-parts.ts";

export interface VaultRevision {
  readonly digest: Digest;
  /** The names given at puts. */
  readonly labels: readonly string[];
  /** `damaged`: its manifest is not what its digest says; contents are not looked at here. */
  readonly kind: "file" | "tree" | "damaged";
  readonly files: number;
  readonly bytes: number;
  /** Of the last label. */
  readonly putAt?: Instant;
  readonly retainedUntil: Instant;
  /** Never removed, whatever its retention. */
  readonly held: boolean;
}

/** Every revision, newest put first. */
export async function listRevisions({ revisions }: VaultParts): Promise<readonly VaultRevision[]> {
  const [digests, labels] = [await revisions.digests(), await revisions.labels()];
  const [until, held] = [await revisions.retainedUntil(), await revisions.holds()];
  const rows = digests.map(async (digest): Promise<VaultRevision> => {
    const manifest = await revisions.manifest(digest);
    const named = labels.filter((record) => record.digest === digest);
    return {
      digest,
      labels: named.map(({ label }) => label).sort(),
      kind: typeof manifest === "string" ? "damaged" : manifest.kind,
      files: typeof manifest === "string" ? 0 : contentsOf(manifest).length,
      bytes: typeof manifest === "string" ? 0 : bytesOf(manifest),
      ...(named.length > 0 ? { putAt: Math.max(...named.map(({ at }) => at)) } : {}),
      retainedUntil: until.get(digest) ?? 0,
      held: held.has(digest),
    };
  });
  return (await Promise.all(rows)).sort((a, b) => (b.putAt ?? 0) - (a.putAt ?? 0) || (a.digest < b.digest ? -1 : 1));
}

/** By label, by digest, or by twelve digits of it or more when only one revision begins with them. */
export async function findRevision(parts: VaultParts, reference: string): Promise<VaultRevision | undefined> {
  const named = (await parts.revisions.label(reference))?.digest;
  const all = await listRevisions(parts);
  const exact = all.find(({ digest }) => digest === (named ?? reference));
  if (exact !== undefined || !/^(sha256:)?[0-9a-f]{12,64}$/.test(reference)) return exact;
  const matches = all.filter(({ digest }) => digest.startsWith(`sha256:${reference.replace("sha256:", "")}`));
  return matches.length === 1 ? matches[0] : undefined;
}
