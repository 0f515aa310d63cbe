import { closeSync, existsSync, fsyncSync, openSync, renameSync, symlinkSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readlink, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Digest } from "../../core/digest.ts";
import type { Milliseconds } from "../../core/time.ts";
import type { FileAccess, RevisionStore } from "./revision-store.ts";
import { besideOf } from "./served-path.ts";

/** A revision that lies whole beside its path, one rename away from it. */
export interface PreparedRevision {
  /** Puts it at the path, in one step for every reader, and makes that durable. */
  switchTo(): void;
  /** Removes what was prepared for this switch only. */
  drop(): Promise<void>;
}

/** Where what is staged for a path lies. */
export function stagedFolder(path: string): string {
  return join(besideOf(path), "staged");
}

/** What a crash left is removed after this long; nobody prepares for longer. */
const ABANDONED: Milliseconds = 86_400_000;

/** Makes the folder beside a path; whoever reads through the path must be able to pass through it. */
export async function makeBeside(path: string): Promise<string> {
  const beside = besideOf(path);
  await mkdir(join(beside, "revisions"), { recursive: true });
  const { mode, uid, gid } = await stat(dirname(path));
  for (const folder of [beside, join(beside, "revisions")]) {
    const made = await stat(folder);
    if (made.uid === process.getuid?.() && made.uid === uid && made.gid === gid)
      await chmod(folder, (mode & 0o755) | 0o700);
  }
  return beside;
}

/** Writes a tree out beside its path unless an intact copy is there; answers where it lies. */
export async function prepareTree(
  store: RevisionStore,
  path: string,
  digest: Digest,
  access: FileAccess,
  signal?: AbortSignal,
): Promise<string> {
  const revisions = join(await makeBeside(path), "revisions");
  for (let turn = 0; ; turn++) {
    // A copy that somebody changed may be what serves now: it is left alone, and another one is made.
    const place = join(revisions, `${digest.slice("sha256:".length)}${turn === 0 ? "" : `-${turn}`}`);
    if (!existsSync(place)) {
      const staging = await stage(path);
      try {
        await store.materialise(digest, join(staging, "content"), access, signal);
        // Else somebody wrote the same out meanwhile, which is looked at like any other.
        if (!existsSync(place)) {
          renameSync(join(staging, "content"), place);
          syncFolder(revisions);
          return place;
        }
      } finally {
        await rm(staging, { recursive: true, force: true });
      }
    }
    const found = await store.digestAt(place, signal).catch(() => undefined);
    signal?.throwIfAborted();
    if (found === digest) return place;
  }
}

/** A symlink to the tree, ready to be renamed over the path. Relative, so that the folder may be mounted elsewhere. */
export async function readyLink(path: string, tree: string): Promise<PreparedRevision> {
  const staging = await stage(path);
  const link = join(staging, "link");
  symlinkSync(join(basename(besideOf(path)), "revisions", basename(tree)), link);
  return ready(path, staging, link);
}

export async function readyFile(
  store: RevisionStore,
  path: string,
  digest: Digest,
  access: FileAccess,
  signal?: AbortSignal,
): Promise<PreparedRevision> {
  await makeBeside(path);
  const staging = await stage(path);
  try {
    await store.materialise(digest, join(staging, "content"), access, signal);
    return ready(path, staging, join(staging, "content"));
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

/** A file that was staged, which becomes the path's own by the switch, and stays staged without one. */
export function readyStaged(path: string, entry: string): PreparedRevision {
  return { switchTo: () => switchTo(path, entry), drop: async () => undefined };
}

function ready(path: string, staging: string, entry: string): PreparedRevision {
  return { switchTo: () => switchTo(path, entry), drop: () => rm(staging, { recursive: true, force: true }) };
}

function switchTo(path: string, entry: string): void {
  renameSync(entry, path);
  syncFolder(dirname(path));
}

/** Removes written-out trees beyond the newest few, never one that the path or what is staged leads to, and what crashes left. */
export async function tidy(path: string, live: string, keep: number, now: number): Promise<void> {
  const beside = besideOf(path);
  const revisions = join(beside, "revisions");
  const staged = await Promise.all(
    (await readdir(stagedFolder(path)).catch(() => [])).map((name) =>
      readlink(join(stagedFolder(path), name)).catch(() => ""),
    ),
  );
  const trees = await Promise.all(
    (await readdir(revisions)).map(async (name) => ({ name, at: (await stat(join(revisions, name))).ctimeMs })),
  );
  const old = trees
    .sort((a, b) => b.at - a.at)
    .slice(keep)
    .filter(({ name }) => join(revisions, name) !== live && !staged.some((target) => basename(target) === name));
  for (const { name } of old) await rm(join(revisions, name), { recursive: true, force: true });
  for (const name of (await readdir(beside)).filter((entry) => entry.startsWith("staging-"))) {
    const { ctimeMs } = await stat(join(beside, name));
    if (ctimeMs < now - ABANDONED) await rm(join(beside, name), { recursive: true, force: true });
  }
}

function stage(path: string): Promise<string> {
  return mkdtemp(join(besideOf(path), "staging-"));
}

export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
