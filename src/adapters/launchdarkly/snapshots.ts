import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, type Digest, digestOf, isDigest, type Json } from "../../core/digest.ts";
import { type ServingState, stateDigest } from "./serving-state.ts";

/** Keeps captured states by their digest, and which digest a name (a flag's version) had. Both calls may throw. */
export interface Snapshots {
  get(digest: Digest): Promise<string | undefined>;
  put(digest: Digest, json: string): Promise<void>;
  named(name: string): Promise<Digest | undefined>;
  name(name: string, digest: Digest): Promise<void>;
}

/** The captured state of a digest, if it is there and nobody has changed it since. */
export async function intactState(snapshots: Snapshots, digest: Digest): Promise<ServingState | undefined> {
  try {
    const text = isDigest(digest) ? await snapshots.get(digest) : undefined;
    if (text === undefined || digestOf(text) !== digest) return undefined;
    return JSON.parse(text) as ServingState;
  } catch {
    return undefined;
  }
}

/** Keeps a state under its digest; what is kept already, and intact, is not written again. Throws as the port does. */
export async function capture(snapshots: Snapshots, state: ServingState): Promise<Digest> {
  const digest = stateDigest(state);
  if ((await intactState(snapshots, digest)) === undefined) {
    await snapshots.put(digest, canonicalJson(state as unknown as Json));
  }
  return digest;
}

/**
 * Snapshots as files of a folder that only their owner can read: individual targets are keys of people. A file appears
 * whole or not at all.
 */
export function createFileSnapshots(folder: string): Snapshots {
  const fileOf = (name: string) => join(folder, `${name}.json`);
  const stateFile = (digest: Digest) => fileOf(digest.slice("sha256:".length));
  const nameFile = (name: string) => fileOf(`name-${digestOf(name).slice("sha256:".length)}`);
  return {
    get: (digest) => textOf(stateFile(digest)),
    put: (digest, json) => write(folder, stateFile(digest), json),
    async named(name) {
      const digest = await textOf(nameFile(name));
      return isDigest(digest) ? digest : undefined;
    },
    name: (name, digest) => write(folder, nameFile(name), digest),
  };
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function write(folder: string, file: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const fresh = `${file}.${randomUUID()}`;
  const handle = await open(fresh, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, file);
}
