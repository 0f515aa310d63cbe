import { lstatSync, type Stats } from "node:fs";
import { mkdir, readdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Digest } from "../../core/digest.ts";
import {
  makeBeside,
  type PreparedRevision,
  prepareTree,
  readyLink,
  readyStaged,
  stagedFolder,
  syncFolder,
} from "./prepared-revision.ts";
import type { FileAccess, RevisionStore } from "./revision-store.ts";
import { accessAt } from "./served-path.ts";

/**
 * Lays a revision beside its path, flushed and checked by digest, so that a restore needs no store: a file under its own name,
 * a tree among those that are written out, with a link that keeps it there. Whatever else was staged is let go first, for
 * its room. Doing it again costs a look. Throws where the store has no intact copy, or the disk takes none.
 */
export async function stageRevision(
  store: RevisionStore,
  path: string,
  digest: Digest,
  signal?: AbortSignal,
): Promise<void> {
  const access = accessAt(path);
  await unstageOthers(path, nameOf(digest));
  if (!(await isStaged(store, path, digest, access, signal))) {
    const revision = await store.find(digest);
    if (revision === undefined || revision.kind === "damaged")
      throw new Error(`the vault holds no intact copy of ${digest}`);
    await makeBeside(path);
    await mkdir(stagedFolder(path), { recursive: true, mode: 0o700 });
    if (revision.kind === "tree") await linkTree(path, await prepareTree(store, path, digest, access, signal), digest);
    else await store.materialise(digest, entryOf(path, digest), access, signal);
    syncFolder(stagedFolder(path));
    if (!(await isStaged(store, path, digest, access, signal)))
      throw new Error(`what was written beside ${path} is not ${digest}`);
  }
}

/** Lets go of everything that was staged for a path, by this process or one before it. */
export async function unstage(path: string): Promise<void> {
  await unstageOthers(path, undefined);
}

/** What was staged, if it is there whole: one rename away from the path, and of the access that the path has now. */
export async function stagedRevision(
  store: RevisionStore,
  path: string,
  digest: Digest,
  signal: AbortSignal,
): Promise<PreparedRevision | undefined> {
  if (!(await isStagedAt(store, path, digest, signal))) return undefined;
  const tree = await treeOf(path, digest);
  return tree === undefined ? readyStaged(path, entryOf(path, digest)) : readyLink(path, tree);
}

/** The same question of a path at which anything may lie, or nothing. */
export async function isStagedAt(
  store: RevisionStore,
  path: string,
  digest: Digest,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await isStaged(store, path, digest, accessAt(path), signal);
  } catch {
    return false;
  }
}

async function isStaged(
  store: RevisionStore,
  path: string,
  digest: Digest,
  access: FileAccess,
  signal?: AbortSignal,
): Promise<boolean> {
  const entry = lstatSync(entryOf(path, digest), { throwIfNoEntry: false });
  if (entry === undefined || (entry.isFile() && !isOf(entry, access))) return false;
  const content = (await treeOf(path, digest)) ?? entryOf(path, digest);
  return (await store.digestAt(content, signal).catch(() => undefined)) === digest;
}

/** Only root gives files away; for everybody else the mode is all there is. */
function isOf({ mode, uid, gid }: Stats, access: FileAccess): boolean {
  const owned = process.getuid?.() !== 0 || (uid === access.uid && gid === access.gid);
  return owned && (mode & 0o666) === access.mode;
}

async function linkTree(path: string, tree: string, digest: Digest): Promise<void> {
  const fresh = `${entryOf(path, digest)}.new`;
  await rm(fresh, { force: true });
  await symlink(join("..", "revisions", basename(tree)), fresh);
  await rename(fresh, entryOf(path, digest));
}

async function treeOf(path: string, digest: Digest): Promise<string | undefined> {
  const target = await readlink(entryOf(path, digest)).catch(() => undefined);
  return target === undefined ? undefined : join(stagedFolder(path), target);
}

async function unstageOthers(path: string, kept: string | undefined): Promise<void> {
  const names = await readdir(stagedFolder(path)).catch(() => []);
  const others = names.filter((name) => name !== kept);
  for (const name of others) await rm(join(stagedFolder(path), name), { recursive: true, force: true });
  if (others.length > 0) syncFolder(stagedFolder(path));
}

function nameOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

function entryOf(path: string, digest: Digest): string {
  return join(stagedFolder(path), nameOf(digest));
}
