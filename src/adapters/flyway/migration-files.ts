import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { crc32 } from "node:zlib";

/** One migration as a file has it. */
export interface MigrationFile {
  /** `R` repeatable, `B` baseline, `U` undo of a licensed edition. */
  readonly kind: "V" | "R" | "B" | "U";
  /** As Flyway writes it: underscores are dots; undefined for repeatables. */
  readonly version: string | undefined;
  readonly description: string;
  /** Relative to the folder, with slashes: what the history calls `script`. */
  readonly script: string;
  readonly path: string;
  readonly checksum: number;
  /** Flyway reckons a repeatable's checksum after it has put values in for these; so it cannot be compared here. */
  readonly placeholders: boolean;
  readonly text: string;
}

const NAME = /^(?:([VBU])(\d+(?:[._]\d+)*)__(.*)|R__(.*))\.sql$/;
const LARGEST_BYTES = 16 * 1024 * 1024;

/** Every SQL migration below a folder, in the order of versions, repeatables last. Throws when it cannot be read. */
export async function readMigrations(folder: string): Promise<readonly MigrationFile[]> {
  const names = await readdir(folder, { recursive: true });
  const found: MigrationFile[] = [];
  for (const name of names.sort()) {
    const file = await readMigration(join(folder, name), name.replaceAll(sep, "/"));
    if (file) found.push(file);
  }
  const seen = new Map<string, string>();
  for (const { kind, version, description, script } of found) {
    const key = `${kind} ${version === undefined ? description : normalVersion(version)}`;
    if (seen.has(key)) throw new Error(`${folder} has two migrations for ${key}: ${seen.get(key)} and ${script}`);
    seen.set(key, script);
  }
  return found.sort((a, b) => compareVersions(a.version, b.version));
}

/** One file by its name; undefined when its name is none of a migration. */
export async function readMigration(path: string, script: string): Promise<MigrationFile | undefined> {
  const match = NAME.exec(script.slice(script.lastIndexOf("/") + 1));
  if (!match) return undefined;
  const [, kind, version, description, repeatable] = match;
  const bytes = await readFile(path);
  if (bytes.byteLength > LARGEST_BYTES) throw new Error(`${path} is larger than 16 MiB`);
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  return {
    kind: (kind ?? "R") as MigrationFile["kind"],
    version: version?.replaceAll("_", "."),
    description: (description ?? repeatable ?? "").replaceAll("_", " "),
    script,
    path,
    checksum: checksumOf(text),
    placeholders: /\$\{/.test(text),
    text,
  };
}

/**
 * Flyway's checksum: CRC-32 over the UTF-8 of the lines without what ends them, as a signed 32-bit number; a byte order
 * mark before the first line does not count (flyway-core: ChecksumCalculator).
 */
export function checksumOf(text: string): number {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  let sum = 0;
  for (const line of lines) sum = crc32(line, sum);
  return sum | 0;
}

/** By numbers, part by part; trailing zeros do not count. No version comes last. */
export function compareVersions(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0n) - (right[index] ?? 0n);
    if (difference !== 0n) return difference < 0n ? -1 : 1;
  }
  return 0;
}

/** One spelling for equal versions: `1.0`, `01` and `1` are one. */
export function normalVersion(version: string): string {
  return partsOf(version)
    .join(".")
    .replace(/(\.0)+$/, "");
}

function partsOf(version: string): readonly bigint[] {
  return version.split(/[._]/).map((part) => BigInt(/^\d+$/.test(part) ? part : 0));
}
