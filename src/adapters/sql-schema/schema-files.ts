import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, digestOf, digestOfJson } from "../../core/digest.ts";

/** One version of a schema, as its files have it. */
export interface SchemaVersion {
  readonly version: number;
  /** Additive DDL: new columns, tables, and triggers that keep the old and the new shape in step. */
  readonly expand: string;
  /** What readers of this version see: `CREATE VIEW` statements, with the grants and triggers that belong to them. */
  readonly views: string;
  /** What cannot be undone; readers of lower versions are gone for good after it. */
  readonly contract?: string;
  /** One query: how many rows would readers of lower versions not see? */
  readonly lost?: string;
  /**
   * Identity: SHA-256 over expand and views. Not over the contract, which is often written weeks later and changes
   * nothing that readers of this version see.
   */
  readonly digest: Digest;
}

const FILE = /^(\d{1,9})\.(expand|views|contract|lost)\.sql$/;
const LARGEST_BYTES = 4 * 1024 * 1024;

/** Every version in a folder, ascending. Throws, with what to do, when the folder or a version is not whole. */
export async function readSchemaFiles(folder: string): Promise<readonly SchemaVersion[]> {
  const parts = new Map<number, Map<string, string>>();
  for (const name of await readdir(folder)) {
    const match = FILE.exec(name);
    if (!match) continue;
    const version = Number(match[1]);
    const known = parts.get(version) ?? new Map<string, string>();
    if (known.has(match[2]!)) throw new Error(`${folder} has two ${match[2]} files for version ${version}: keep one`);
    parts.set(version, known.set(match[2]!, await readSql(join(folder, name))));
  }
  return [...parts].sort(([a], [b]) => a - b).map(([version, files]) => versionOf(folder, version, files));
}

/** The digest of a version; line endings do not count, so that a checkout on another system is the same version. */
export function digestOfVersion(version: number, expand: string, views: string): Digest {
  return digestOfJson({ version, expand: digestOf(unixLines(expand)), views: digestOf(unixLines(views)) });
}

function versionOf(folder: string, version: number, files: ReadonlyMap<string, string>): SchemaVersion {
  const [expand, views] = [files.get("expand"), files.get("views")];
  if (expand === undefined || views === undefined) {
    throw new Error(`${folder}: version ${version} needs both ${version}.expand.sql and ${version}.views.sql`);
  }
  const [contract, lost] = [files.get("contract"), files.get("lost")];
  return {
    version,
    expand,
    views,
    ...(contract === undefined ? {} : { contract }),
    ...(lost === undefined ? {} : { lost }),
    digest: digestOfVersion(version, expand, views),
  };
}

async function readSql(file: string): Promise<string> {
  const bytes = await readFile(file);
  if (bytes.byteLength > LARGEST_BYTES) throw new Error(`${file} is larger than 4 MiB`);
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

function unixLines(text: string): string {
  return text.replaceAll("\r\n", "\n");
}
