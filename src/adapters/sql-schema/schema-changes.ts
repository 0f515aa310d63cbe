import type { Digest } from "../../core/digest.ts";
import type { Applied, Resolved, RestoreRequest } from "../../core/ports.ts";
import {
  Busy,
  type Decision,
  Forbidden,
  type SchemaDatabase,
  type SchemaSession,
  Unsettled,
} from "./schema-database.ts";
import { readSchemaFiles, type SchemaVersion } from "./schema-files.ts";
import { floorOf, liveDigest, liveRow, objection, readyRow, type SchemaLook } from "./schema-record.ts";

/** One database with its versions. */
export interface SchemaPlace {
  readonly database: SchemaDatabase;
  /** Folder of the version files. */
  readonly migrations: string;
  /** The identity that the database must have; absent: any. */
  readonly is?: string;
}

/** What a contract is asked with: it is fenced and remembered like a switch. */
export interface ContractRequest {
  readonly at: string;
  readonly version: number;
  readonly key: string;
  readonly fence: number;
}

/** A place, a session in it, and what the session sees. */
export interface Seen {
  readonly place: SchemaPlace;
  readonly session: SchemaSession;
  readonly look: SchemaLook;
}

/** The version that has this digest, as the database has it ready or as the files have it. */
export async function versionOf({ place, look }: Seen, digest: Digest): Promise<number | undefined> {
  const ready = look.rows.findLast((row) => row.state === "ready" && row.digest === digest);
  if (ready) return ready.version;
  return (await readSchemaFiles(place.migrations)).find((file) => file.digest === digest)?.version;
}

export async function held(seen: Seen, digest: Digest): Promise<boolean> {
  const { look, session, place } = seen;
  const version = await versionOf(seen, digest);
  if (version === undefined || version < floorOf(look.rows)) return false;
  const ready = readyRow(look.rows, version);
  if (ready)
    return ready.digest === digest && (liveDigest(look) === digest || (await session.kept(ready)) === ready.catalogue);
  const files = await readSchemaFiles(place.migrations);
  return files.some((file) => file.version === version);
}

export async function resolved({ place, look }: Seen, reference: string): Promise<Resolved> {
  if (reference === "live") {
    const live = liveRow(look);
    if (live) return { kind: "revision", revision: { digest: live.digest, label: `schema ${live.version}` } };
    return { kind: "unknown", reason: "what is live is the views of no version: prepare one that makes them" };
  }
  if (!/^\d{1,9}$/.test(reference))
    return { kind: "unknown", reason: `"${reference}" is neither the number of a version nor "live"` };
  const version = Number(reference);
  const ready = readyRow(look.rows, version);
  const file = (await readSchemaFiles(place.migrations)).find((one) => one.version === version);
  if (ready && file && ready.digest !== file.digest) {
    const reason = `the files of version ${version} were changed after it was made ready; give the change a new number`;
    return { kind: "unknown", reason };
  }
  const digest = file?.digest ?? ready?.digest;
  if (digest === undefined) return { kind: "unknown", reason: `there is no version ${version} in ${place.migrations}` };
  return { kind: "revision", revision: { digest, label: `schema ${version}` } };
}

export async function readyOne(
  session: SchemaSession,
  look: SchemaLook,
  file: SchemaVersion,
  fence: number,
): Promise<void> {
  const { version, digest } = file;
  const floor = floorOf(look.rows);
  if (version < floor) throw new Forbidden(`version ${version} is below the contract of ${floor}`);
  const at = (part: string, error: unknown): never => {
    if (error instanceof Busy || error instanceof Unsettled) throw error;
    // The database's own error still has to be told from a broken connection: it says so by its class.
    throw Object.assign(error as Error, { message: `${version}.${part}.sql: ${(error as Error).message}` });
  };
  await session.runOnTables(file.expand).catch((error: unknown) => at("expand", error));
  const built = await session.build(version, file.views).catch((error: unknown) => at("views", error));
  // Nobody may be shown anything new by an expand, or the way back would begin somewhere else.
  if ((await session.look()).live !== look.live) {
    throw new Forbidden(`${version}.expand.sql changes what readers see now; only add to the tables there`);
  }
  await session.append({ state: "ready", version, digest, ...built, fence, key: null });
}

export async function switched(
  { session, look }: Seen,
  version: number,
  request: RestoreRequest,
): Promise<Decision<Applied>> {
  const refuse = (reason: string): Decision<Applied> => ({ keep: false, answer: { kind: "refused", reason } });
  const no = objection(look, request);
  if (no) return { keep: false, answer: no };
  const to = readyRow(look.rows, version);
  if (to === undefined || to.digest !== request.desired) return refuse(`version ${version} has other content here`);
  const floor = floorOf(look.rows);
  if (version < floor) return refuse(`the contract of version ${floor} has run: there is no way below it`);
  if (liveRow(look)?.version !== version) {
    if ((await session.kept(to)) !== to.catalogue) return refuse(`the kept views of version ${version} are damaged`);
    await session.show(to, look);
    const after = await session.look();
    if (after.live !== to.catalogue) return refuse(`version ${version} would show other views than it did before`);
  }
  const { digest, catalogue, ddl } = to;
  await session.append({ state: "live", version, digest, catalogue, ddl, fence: request.fence, key: request.key });
  return { keep: true, answer: { kind: "applied" } };
}

export async function contracted({ place, session, look }: Seen, request: ContractRequest): Promise<Decision<Applied>> {
  const { version, key, fence } = request;
  const no = (answer: Applied): Decision<Applied> => ({ keep: false, answer });
  if (look.rows.some((row) => row.state === "contracted" && row.key === key)) return no({ kind: "already" });
  const highest = look.rows.reduce((most, row) => Math.max(most, row.fence), 0);
  if (fence < highest) return no({ kind: "stale", reason: `fence ${highest} has written` });
  const file = (await readSchemaFiles(place.migrations)).find((one) => one.version === version);
  const live = liveRow(look);
  if (file?.contract === undefined) return no({ kind: "refused", reason: `there is no ${version}.contract.sql` });
  if (live === undefined || live.version < version) {
    return no({ kind: "conflict", reason: `readers are not at version ${version} yet` });
  }
  for (const row of look.rows) if (row.state === "ready" && row.version < version) await session.forget(row.version);
  await session.runOnTables(file.contract);
  if ((await session.look()).live !== look.live) {
    return no({ kind: "refused", reason: `${version}.contract.sql changes what readers of version ${version} see` });
  }
  const { digest, catalogue, ddl } = live;
  await session.append({ state: "contracted", version, digest, catalogue, ddl, fence, key });
  return { keep: true, answer: { kind: "applied" } };
}
