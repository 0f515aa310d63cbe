import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, type Digest, isDigest, type Json } from "../../core/digest.ts";
import type { Instant } from "../../core/time.ts";
import { syncFolder, writeDurably } from "./durable-file.ts";
import { type Manifest, parseManifest } from "./manifest.ts";

/** A name that was given at a put. It never moves to another revision. */
export interface LabelRecord {
  readonly label: string;
  readonly digest: Digest;
  readonly at: Instant;
}

/** What the vault knows besides contents: manifests, labels, retention and holds, one small file each. */
export interface RevisionFolder {
  /** `damaged`: there, but not what its name says. */
  manifest(digest: Digest): Promise<Manifest | "missing" | "damaged">;
  write(digest: Digest, manifest: Manifest): Promise<void>;
  digests(): Promise<readonly Digest[]>;
  label(label: string): Promise<LabelRecord | undefined>;
  labels(): Promise<readonly LabelRecord[]>;
  /** Gives the name, and answers who has it now. */
  name(record: LabelRecord): Promise<LabelRecord>;
  /** The latest instant that any put or `retain` asked for; only ever grows. */
  retainedUntil(): Promise<ReadonlyMap<Digest, Instant>>;
  retain(digest: Digest, until: Instant): Promise<void>;
  holds(): Promise<ReadonlySet<Digest>>;
  hold(digest: Digest, held: boolean): Promise<void>;
  /** Forgets a revision: its labels first, its manifest last. */
  remove(digest: Digest): Promise<void>;
}

const hexOf = (digest: Digest) => digest.slice("sha256:".length);
const labelFile = (label: string) => `${createHash("sha256").update(label).digest("hex")}.json`;
const FOLDERS = ["manifests", "labels", "retention", "holds"] as const;

/** The folder must have been made by `makeRevisionFolders`. */
export function createRevisionFolder(root: string, drafts: string): RevisionFolder {
  const at = (folder: (typeof FOLDERS)[number], name = "") => join(root, folder, name);

  async function labels(): Promise<readonly LabelRecord[]> {
    const names = (await readdir(at("labels"))).filter((name) => name.endsWith(".json"));
    const read = await Promise.all(names.map((name) => labelIn(at("labels", name))));
    return read.filter((record) => record !== undefined);
  }

  async function digestsIn(folder: (typeof FOLDERS)[number], suffix: string): Promise<readonly Digest[]> {
    const names = (await readdir(at(folder))).filter((name) => name.endsWith(suffix));
    return names.map((name) => `sha256:${name.slice(0, name.length - suffix.length)}` as const).filter(isDigest);
  }

  return {
    labels,
    label: (label) => labelIn(at("labels", labelFile(label))),
    digests: () => digestsIn("manifests", ".json"),
    holds: async () => new Set(await digestsIn("holds", "")),
    async manifest(digest) {
      const text = await readIfThere(at("manifests", `${hexOf(digest)}.json`));
      return text === undefined ? "missing" : (parseManifest(text, digest) ?? "damaged");
    },
    async write(digest, manifest) {
      const text = canonicalJson(manifest as unknown as Json);
      await writeDurably(drafts, at("manifests", `${hexOf(digest)}.json`), text);
    },
    async name(record) {
      const file = at("labels", labelFile(record.label));
      const text = canonicalJson({ ...record });
      if (await writeDurably(drafts, file, text, true)) return record;
      const known = await labelIn(file);
      if (known !== undefined) return known;
      await writeDurably(drafts, file, text);
      return record;
    },
    async retainedUntil() {
      const latest = new Map<Digest, Instant>();
      for (const name of await readdir(at("retention"))) {
        const [hex, until] = name.split(".");
        const digest = `sha256:${hex}` as const;
        if (isDigest(digest)) latest.set(digest, Math.max(latest.get(digest) ?? 0, Number(until) || 0));
      }
      return latest;
    },
    async retain(digest, until) {
      await writeDurably(drafts, at("retention", `${hexOf(digest)}.${Math.ceil(until)}`), "");
    },
    async hold(digest, held) {
      if (held) await writeDurably(drafts, at("holds", hexOf(digest)), "");
      else await rm(at("holds", hexOf(digest)), { force: true });
      await syncFolder(at("holds"));
    },
    async remove(digest) {
      for (const record of await labels()) {
        if (record.digest === digest) await rm(at("labels", labelFile(record.label)), { force: true });
      }
      await syncFolder(at("labels"));
      await rm(at("manifests", `${hexOf(digest)}.json`), { force: true });
      await syncFolder(at("manifests"));
      for (const name of await readdir(at("retention"))) {
        if (name.startsWith(`${hexOf(digest)}.`)) await rm(at("retention", name), { force: true });
      }
    },
  };
}

export async function makeRevisionFolders(root: string): Promise<void> {
  for (const folder of FOLDERS) await mkdir(join(root, folder), { recursive: true, mode: 0o700 });
  await syncFolder(root);
}

async function labelIn(file: string): Promise<LabelRecord | undefined> {
  try {
    const record = JSON.parse((await readIfThere(file)) ?? "null") as LabelRecord | null;
    return record !== null && isDigest(record.digest) && typeof record.label === "string" ? record : undefined;
  } catch {
    return undefined;
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
