import type { Digest } from "../../core/digest.ts";
import type { Concern } from "../../core/ports.ts";
import type { SchemaSession } from "./schema-database.ts";
import type { SchemaVersion } from "./schema-files.ts";
import { floorOf, liveDigest, liveRow, NOTHING, readyRow, type SchemaLook } from "./schema-record.ts";

/** What to know before relying on a way to this version. Changes nothing. */
export async function schemaConcerns(
  session: SchemaSession,
  look: SchemaLook,
  files: readonly SchemaVersion[],
  digest: Digest,
): Promise<readonly Concern[]> {
  const version = versionOf(look, files, digest);
  const expands = version !== undefined && readyRow(look.rows, version) === undefined;
  return [
    ...(version === undefined
      ? [blocking("No version of this schema has this digest.")]
      : contracts(look, files, version)),
    ...drifts(look),
    ...changedFiles(look, files),
    ...(version === undefined ? [] : await losses(session, look, files, version)),
    ...(await session.concerns(expands)),
  ];
}

function versionOf(look: SchemaLook, files: readonly SchemaVersion[], digest: Digest): number | undefined {
  const ready = look.rows.findLast((row) => row.state === "ready" && row.digest === digest);
  return ready?.version ?? files.find((file) => file.digest === digest)?.version;
}

function contracts(look: SchemaLook, files: readonly SchemaVersion[], version: number): readonly Concern[] {
  const floor = floorOf(look.rows);
  if (version < floor) {
    return [blocking(`The contract of version ${floor} has run: there is no way back to version ${version}.`)];
  }
  return files
    .filter((file) => file.contract !== undefined && file.version > version && file.version > floor)
    .map((file) =>
      warning(`${file.version}.contract.sql, once run, is the point of no return for version ${version}.`),
    );
}

function drifts(look: SchemaLook): readonly Concern[] {
  const elsewhere = look.rows.at(-1);
  const copied =
    elsewhere !== undefined && elsewhere.identity !== look.identity
      ? [blocking(`This is a copy: its record was written in ${elsewhere.identity}, and this is ${look.identity}.`)]
      : [];
  const digest = liveDigest(look);
  const recorded = look.rows.findLast((row) => row.state === "live");
  const row = liveRow(look);
  if (row === undefined && digest !== NOTHING) {
    return [...copied, blocking("The live views are none that a version creates: somebody changed them by hand.")];
  }
  if (row && recorded && row.version !== recorded.version) {
    const text = `Version ${row.version} is live, and Rollbook had shown ${recorded.version}: somebody else switched.`;
    return [...copied, warning(text)];
  }
  return copied;
}

function changedFiles(look: SchemaLook, files: readonly SchemaVersion[]): readonly Concern[] {
  return files
    .filter((file) => (readyRow(look.rows, file.version)?.digest ?? file.digest) !== file.digest)
    .map(({ version }) => warning(`The files of version ${version} were changed after it was made ready.`));
}

/** Rows that readers of the version would not see, as the user's own queries count them. */
async function losses(
  session: SchemaSession,
  look: SchemaLook,
  files: readonly SchemaVersion[],
  version: number,
): Promise<readonly Concern[]> {
  const live = liveRow(look)?.version ?? 0;
  const found: Concern[] = [];
  for (const file of files.filter((one) => one.version > version && one.version <= live)) {
    if (file.lost === undefined) {
      const text = `Whether data was written only in the shape of version ${file.version} is not known: there is no ${file.version}.lost.sql.`;
      found.push(warning(text));
      continue;
    }
    const rows = await session.count(file.lost);
    if (rows > 0)
      found.push(warning(`${rows} row(s) of version ${file.version} would not be seen by version ${version}.`));
  }
  return found;
}

const blocking = (text: string): Concern => ({ level: "blocking", text });
const warning = (text: string): Concern => ({ level: "warning", text });
