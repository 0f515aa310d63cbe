import { randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, isDigest, shortDigest } from "../../core/digest.ts";
import { RollbookError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { prepareFolder } from "../sqlite/folder.ts";
import { createBlobFolder } from "./blob-folder.ts";
import { writeDurably } from "./durable-file.ts";
import { createContentMemory } from "./file-reader.ts";
import { contentsOf, type Manifest, manifestDigest, refusal } from "./manifest.ts";
import { type Access, writeOut } from "./materialise.ts";
import { contentAt } from "./path-content.ts";
import { createRevisionFolder, makeRevisionFolders } from "./revision-folder.ts";
import { type Collected, collect } from "./vault-collect.ts";
import { findRevision, listRevisions, type VaultRevision } from "./vault-list.ts";
import { withVaultLock } from "./vault-lock.ts";
import type { VaultParts } from "./vault-parts.ts";
import { type VerifyOptions, type VerifyReport, verifyVault } from "./vault-verify.ts";

export type { VaultRevision } from "./vault-list.ts";

const DAY: Milliseconds = 86_400_000;
/** No revision is kept for less. */
export const SHORTEST_RETENTION: Milliseconds = 90 * DAY;

/** A content-addressed, immutable store of files and trees: models, prompts, configs, snapshots of data. */
export interface Vault {
  /** Names this vault; made at random with it, so a copy of the contents alone has another. */
  readonly id: string;
  /**
   * Copies a file or a tree in under a label and keeps it for `retain` (90 days at least). A label never moves: the
   * same content again only lengthens the retention, another one is REQUEST_INVALID.
   */
  put(label: string, path: string, options?: PutOptions): Promise<VaultRevision>;
  /** Newest put first. */
  list(): Promise<readonly VaultRevision[]>;
  /** By label, digest or at least twelve digits of it. */
  find(reference: string): Promise<VaultRevision | undefined>;
  /** The digest of what lies at a path, by content; see `contentAt` for what it refuses. */
  digestAt(path: string, signal?: AbortSignal): Promise<Digest>;
  /** `intact`: every content is there and has its digest. Contents read within the hour are not read again. */
  state(digest: Digest, signal?: AbortSignal): Promise<"intact" | "damaged" | "missing">;
  /** What a revision is, without its contents. */
  manifest(digest: Digest): Promise<Manifest | undefined>;
  /** Writes a revision out at a free path; NOT_FOUND when it is not held, an error when it is damaged. */
  materialise(digest: Digest, destination: string, access: Access, signal?: AbortSignal): Promise<void>;
  /** Lengthens the retention; an earlier instant changes nothing. */
  retain(digest: Digest, until: Instant): Promise<void>;
  /** Restore points: never removed until let go. */
  hold(digest: Digest, held: boolean): Promise<void>;
  /** Deletes one revision; REQUEST_INVALID while it is retained or held. Its contents go with the next `collect`. */
  remove(digest: Digest): Promise<void>;
  /** Removes revisions whose retention has ended and that are neither held nor named here, then contents that no revision names. */
  collect(keep?: Iterable<Digest>): Promise<Collected>;
  verify(options?: VerifyOptions): Promise<VerifyReport>;
  /** What the last whole pass of `verify` found. */
  lastVerified(): Promise<VerifyReport | undefined>;
}

export interface PutOptions {
  readonly retain?: Milliseconds;
  readonly signal?: AbortSignal;
}

export interface VaultOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** How long to wait for somebody who collects or writes; 60 s without it. */
  readonly patience?: Milliseconds;
}

/**
 * Opens a vault, making it if there is none. Any number of processes may use one at a time; nothing is ever seen half
 * written, and what a crash leaves behind is removed by `collect`. Throws STORE_UNSAFE on a network file system.
 */
export async function openVault(options: VaultOptions): Promise<Vault> {
  const parts = await prepareParts(options);
  const { revisions, memory } = parts;
  const shared = <T>(work: () => Promise<T>) => withVaultLock(parts, "shared", work);
  const exclusive = <T>(work: () => Promise<T>) => withVaultLock(parts, "exclusive", work);

  return {
    id: await vaultId(parts),
    put: (label, path, putOptions = {}) => putInto(parts, label, path, putOptions),
    list: () => listRevisions(parts),
    find: (reference) => findRevision(parts, reference),
    digestAt: async (path, signal) => manifestDigest(await contentAt(path, memory, undefined, signal)),
    state: (digest, signal) => stateOf(parts, digest, signal),
    async manifest(digest) {
      const manifest = isDigest(digest) ? await revisions.manifest(digest) : "missing";
      return typeof manifest === "string" ? undefined : manifest;
    },
    async materialise(digest, destination, access, signal) {
      const manifest = await revisions.manifest((await known(parts, digest)).digest);
      if (typeof manifest === "string") throw refusal(`the manifest of ${digest} is ${manifest}`);
      await writeOut(manifest, parts.blobs, destination, access, signal);
    },
    retain: (digest, until) => shared(async () => revisions.retain((await known(parts, digest)).digest, until)),
    hold: (digest, held) => shared(async () => revisions.hold((await known(parts, digest)).digest, held)),
    remove: (digest) => exclusive(() => removeFrom(parts, digest)),
    collect: (keep = []) => exclusive(() => collect(parts, new Set(keep))),
    verify: (verifyOptions = {}) => verifyVault(parts, verifyOptions),
    async lastVerified() {
      const text = await readFile(join(parts.folder, "verified.json"), "utf8").catch(() => undefined);
      return text === undefined ? undefined : (JSON.parse(text) as VerifyReport);
    },
  };
}

async function prepareParts({ folder, clock, patience = 60_000 }: VaultOptions): Promise<VaultParts> {
  prepareFolder(folder);
  const drafts = join(folder, "drafts");
  for (const name of ["drafts", "blobs"]) await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
  await makeRevisionFolders(folder);
  const memory = createContentMemory(clock, 3_600_000);
  const blobs = createBlobFolder(join(folder, "blobs"), drafts, memory);
  return { folder, clock, patience, drafts, memory, blobs, revisions: createRevisionFolder(folder, drafts) };
}

async function putInto(parts: VaultParts, label: string, path: string, options: PutOptions): Promise<VaultRevision> {
  const { blobs, revisions, clock, memory } = parts;
  const retain = options.retain ?? SHORTEST_RETENTION;
  assertLabel(label);
  if (!(retain >= SHORTEST_RETENTION)) throw refusal("a revision is kept for at least 90 days");
  return withVaultLock(parts, "shared", async () => {
    const taken = await revisions.label(label);
    const manifest = await contentAt(path, memory, blobs, options.signal);
    const digest = manifestDigest(manifest);
    if (taken !== undefined && taken.digest !== digest) throw takenBy(label, taken.digest);
    await blobs.flush();
    await revisions.write(digest, manifest);
    await revisions.retain(digest, clock.now() + retain);
    const owner = await revisions.name({ label, digest, at: clock.now() });
    if (owner.digest !== digest) throw takenBy(label, owner.digest);
    return known(parts, digest);
  });
}

async function stateOf({ revisions, blobs }: VaultParts, digest: Digest, signal?: AbortSignal) {
  const manifest = isDigest(digest) ? await revisions.manifest(digest) : "missing";
  if (typeof manifest === "string") return manifest;
  for (const { sha256 } of contentsOf(manifest)) {
    if ((await blobs.state(sha256, "remembered", signal)) !== "intact") return "damaged";
  }
  return "intact";
}

async function removeFrom(parts: VaultParts, digest: Digest): Promise<void> {
  const { held, retainedUntil } = await known(parts, digest);
  if (held) throw refusal(`${shortDigest(digest)} is held as a restore point`);
  if (retainedUntil > parts.clock.now()) {
    throw refusal(`${shortDigest(digest)} is retained until ${new Date(retainedUntil).toISOString()}`);
  }
  await parts.revisions.remove(digest);
}

async function known(parts: VaultParts, digest: Digest): Promise<VaultRevision> {
  const found = isDigest(digest) ? await findRevision(parts, digest) : undefined;
  if (found === undefined) throw new RollbookError("NOT_FOUND", { what: `revision ${digest} in the vault` });
  return found;
}

/** Labels are typed, listed and put into messages: one line of printable text. */
function assertLabel(label: string): void {
  if (label.trim() !== label || !/^[^\p{C}]{1,200}$/u.test(label) || isDigest(label)) {
    throw refusal("a label is one line of 1 to 200 printable characters, and no digest");
  }
}

function takenBy(label: string, digest: Digest): RollbookError {
  return refusal(`the label "${label}" names ${shortDigest(digest)}, and labels never move; choose another`);
}

async function vaultId(parts: VaultParts): Promise<string> {
  const file = join(parts.folder, "id");
  const read = () => readFile(file, "utf8").catch(() => undefined);
  if ((await read()) === undefined) {
    const fresh = randomBytes(16).toString("hex");
    await withVaultLock(parts, "shared", () => writeDurably(parts.drafts, file, fresh, true));
  }
  return ((await read()) ?? "").trim();
}
