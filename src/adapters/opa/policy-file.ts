import { readFile, stat } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { type Digest, digestOf, type Json } from "../../core/digest.ts";

/** A policy compiled to Wasm, with the data that it was built with. */
export interface CompiledPolicy {
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly data: Json;
  /** Of the file as it lies there. */
  readonly digest: Digest;
  /** The bundle's revision (`opa build --revision`). */
  readonly revision?: string;
}

const MOST_BYTES = 64 * 1024 * 1024;

/** Changes when one of the files does. @throws when one cannot be looked at */
export async function stampOf(files: readonly string[]): Promise<string> {
  const stats = await Promise.all(files.map((file) => stat(file)));
  return stats.map(({ ino, size, mtimeMs }) => `${ino}:${size}:${mtimeMs}`).join(" ");
}

/**
 * Reads a `policy.wasm`, or a bundle of `opa build -t wasm` (a gzipped tar with `/policy.wasm`, `/data.json` and
 * `/.manifest`). `data` is a JSON file that belongs to a bare `policy.wasm`. @throws Error that says what is wrong
 */
export async function readPolicy(file: string, data: string | undefined): Promise<CompiledPolicy> {
  const bytes = await readFile(file);
  if (bytes.length > MOST_BYTES) throw new Error(`${file} is larger than 64 MiB`);
  const digest = digestOf(bytes);
  if (isWasm(bytes)) return { wasm: new Uint8Array(bytes), data: await readData(data), digest };
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) throw new Error(`${file} is neither Wasm nor a bundle (.tar.gz)`);
  if (data !== undefined) throw new Error(`${file} is a bundle and brings its own data; leave the data file out`);
  const members = membersOf(gunzipSync(bytes, { maxOutputLength: MOST_BYTES }));
  const wasm = members.get("policy.wasm");
  if (!wasm || !isWasm(wasm)) throw new Error(`${file} has no policy.wasm; build it with \`opa build -t wasm -e ...\``);
  const { revision } = objectIn(members.get(".manifest"), `the manifest of ${file}`);
  return {
    wasm: new Uint8Array(wasm),
    data: objectIn(members.get("data.json"), `data.json of ${file}`) as Json,
    digest,
    ...(typeof revision === "string" && revision !== "" ? { revision } : {}),
  };
}

async function readData(file: string | undefined): Promise<Json> {
  return file === undefined ? {} : (objectIn(await readFile(file), file) as Json);
}

function isWasm(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 4)).toString("latin1") === "\0asm";
}

function objectIn(bytes: Uint8Array | undefined, what: string): Readonly<Record<string, unknown>> {
  if (bytes === undefined) return {};
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below, as for any other thing that is no object.
  }
  throw new Error(`${what} is not a JSON object`);
}

/** The regular files of a tar archive by their path without a leading slash (POSIX.1-2017, pax, ustar blocks). */
function membersOf(tar: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const members = new Map<string, Uint8Array>();
  const text = (at: number, length: number) =>
    Buffer.from(tar.subarray(at, at + length))
      .toString("utf8")
      .replace(/\0.*$/s, "");
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12).trim(), 8);
    if (!Number.isSafeInteger(size) || at + 512 + size > tar.length) throw new Error("the bundle is cut or damaged");
    const kind = text(at + 156, 1);
    if (kind === "0" || kind === "") {
      const name = text(at, 100).replace(/^(\.?\/)+/, "");
      members.set(name, tar.subarray(at + 512, at + 512 + size));
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return members;
}
