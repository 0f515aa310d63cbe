import { basename } from "node:path";
import { type Digest, isDigest } from "../../core/digest.ts";
import type { Applied, Concern, Resolved, RestoreAdapter, RestoreRequest } from "../../core/ports.ts";
import { postgresConcerns } from "../sql-schema/postgres-concerns.ts";
import { createPostgresLink } from "../sql-schema/postgres-link.ts";
import { Busy, Forbidden } from "../sql-schema/schema-database.ts";
import { compensate, type FlywayTool } from "./compensate.ts";
import { type FlywayFiles, flywayConcerns, obstacles } from "./flyway-concerns.ts";
import { type FlywayPlace, lookAt, type NewRecord, record } from "./flyway-database.ts";
import { versionOf } from "./flyway-history.ts";
import { drifted, type FlywayLook, objection, observed, rankOf } from "./flyway-record.ts";
import { goingBack } from "./going-back.ts";
import { type MigrationFile, normalVersion, readMigration, readMigrations } from "./migration-files.ts";

/** One database that Flyway migrates. */
export interface FlywayDatabase {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; Flyway is told to use the same. */
  readonly url: string;
  /** Folder of the migrations, as Flyway's location has it. */
  readonly migrations: string;
  /** By the version that it takes back: the file of a forward migration, outside that folder. */
  readonly compensations: Readonly<Record<string, string>>;
  /** Versions that nothing takes back. */
  readonly irreversible?: readonly string[];
  readonly schema?: string;
  /** Flyway's table; `flyway_schema_history` without it. */
  readonly table?: string;
  readonly tool: FlywayTool;
  /** How long a statement waits for a lock, in milliseconds; 2000 without it. */
  readonly lockTimeoutMs?: number;
}

export interface FlywayAdapterOptions {
  /** The scheme of the addresses: the connection's name. */
  readonly scheme: string;
  readonly databases: Readonly<Record<string, FlywayDatabase>>;
}

export interface FlywayAdapter extends RestoreAdapter {
  close(): Promise<void>;
}

/**
 * Brings back a schema that Flyway migrates, at `SCHEME://DATABASE`, by running declared forward migrations through the
 * user's own Flyway. History rows are Flyway's alone. Never throws; see docs/adapters/flyway.md.
 */
export function createFlywayAdapter({ scheme, databases }: FlywayAdapterOptions): FlywayAdapter {
  const prefix = `${scheme}://`;
  const places = new Map<string, FlywayPlace>();

  function at(address: string): { readonly database: FlywayDatabase; readonly place: FlywayPlace } {
    const name = address.startsWith(prefix) ? address.slice(prefix.length) : "";
    if (!Object.hasOwn(databases, name)) throw new Forbidden(`there is no database "${name}" in this connection`);
    const database = databases[name]!;
    const { url, schema = "public", table = "flyway_schema_history", lockTimeoutMs = 2000 } = database;
    const place = places.get(name) ?? { link: createPostgresLink(url), schema, table, lockTimeoutMs };
    places.set(name, place);
    return { database, place };
  }

  async function apply(request: RestoreRequest, signal: AbortSignal): Promise<Applied> {
    if (!isDigest(request.desired)) return { kind: "refused", reason: "the desired digest is not a digest" };
    const { database, place } = at(request.at);
    const look = await lookAt(place, signal);
    const no = objection(look, request);
    if (no) return no;
    const files = await readFiles(database);
    const way = goingBack(look, files.ways, request.desired);
    if (way.kind === "none") return { kind: "refused", reason: way.reason };
    if (way.kind === "here") return await noteHere(place, request, signal);
    const obstacle = obstacles(look, files)[0];
    if (obstacle) return { kind: "refused", reason: obstacle.text };
    return await compensate({ place, request, look, files, steps: way.steps, database }, signal);
  }

  return {
    name: "flyway",
    guarantee: "cas",
    // What a step does with stored data is known to whoever wrote the migration.
    undo: () => undefined,
    serves: (address) => address.startsWith(prefix) && address.length > prefix.length,
    async read(address, signal) {
      try {
        return observed(await lookAt(at(address).place, signal));
      } catch (error) {
        return { kind: "unreachable", reason: reasonOf(error) };
      }
    },
    async holds(address, digest, signal) {
      try {
        const { database, place } = at(address);
        const [look, files] = [await lookAt(place, signal), await readFiles(database)];
        const way = goingBack(look, files.ways, digest).kind;
        return way === "here" || (way === "way" && obstacles(look, files).length === 0);
      } catch {
        return false;
      }
    },
    apply: (request, signal) => apply(request, signal).catch(failed),
    async resolve(address, reference, signal) {
      try {
        return await record(at(address).place, signal, (look) => resolved(look, reference));
      } catch (error) {
        return { kind: error instanceof Forbidden ? "unknown" : "unreachable", reason: reasonOf(error) };
      }
    },
    async concerns(address, digest, signal): Promise<readonly Concern[]> {
      try {
        const { database, place } = at(address);
        const [look, files] = [await lookAt(place, signal), await readFiles(database)];
        const server = await place.link.use(signal, (client) => postgresConcerns(client, { views: "", expands: true }));
        return [...flywayConcerns(look, files, digest), ...server];
      } catch (error) {
        return [{ level: "blocking", text: `The schema at ${address} cannot be looked at: ${reasonOf(error)}.` }];
      }
    },
    async identify(address, signal) {
      try {
        return { kind: "identified", identity: (await lookAt(at(address).place, signal)).identity };
      } catch (error) {
        return { kind: "unreachable", reason: reasonOf(error) };
      }
    },
    async close() {
      await Promise.all([...places.values()].map(({ link }) => link.close()));
    },
  };
}

/** Nothing has to run: the key and the fence are remembered all the same. */
async function noteHere(place: FlywayPlace, request: RestoreRequest, signal: AbortSignal): Promise<Applied> {
  const { desired, fence, key } = request;
  return await record<Applied>(place, signal, (look) => {
    const no = objection(look, request);
    if (no) return { answer: no };
    return { row: { ...nowOf(look), state: "live", digest: desired, fence, key }, answer: { kind: "applied" } };
  });
}

/** What a name means; what is live is taken into keeping. */
function resolved(look: FlywayLook, reference: string): { readonly row?: NewRecord; readonly answer: Resolved } {
  const unknown = (reason: string) => ({ answer: { kind: "unknown", reason } as const });
  const revision = (digest: Digest, version: string | null): Resolved => {
    return { kind: "revision", revision: { digest, label: version === null ? "no migration" : `flyway ${version}` } };
  };
  const { version } = nowOf(look);
  const numbered = /^\d+([._]\d+)*$/.test(reference);
  if (!numbered && reference !== "live") return unknown(`"${reference}" is neither a version nor "live"`);
  const isLive = !numbered || (version !== null && normalVersion(version) === normalVersion(reference));
  if (!isLive || drifted(look)) {
    const kept = look.rows.findLast(
      (row) => row.version !== null && normalVersion(row.version) === normalVersion(reference),
    );
    if (numbered && kept) return { answer: revision(kept.digest, kept.version) };
    if (isLive) return unknown(`${observed(look).label} was changed by hand after it was taken into keeping`);
    return unknown(`version ${reference} is not live, and was not taken into keeping while it was`);
  }
  if (look.history.some(({ success }) => !success)) return unknown("the history has a failed row");
  const answer = revision(look.digest, version);
  if (look.rows.some((row) => row.rank === rankOf(look.history) && row.digest === look.digest)) return { answer };
  return { row: { ...nowOf(look), state: "known", digest: look.digest, fence: 0, key: null }, answer };
}

function nowOf({ history }: FlywayLook): { readonly version: string | null; readonly rank: number } {
  return { version: versionOf(history) ?? null, rank: rankOf(history) };
}

async function readFiles({ migrations, compensations, irreversible = [] }: FlywayDatabase): Promise<FlywayFiles> {
  const declared = await Promise.all(
    Object.entries(compensations).map(async ([version, path]): Promise<[string, MigrationFile]> => {
      const file = await readMigration(path, basename(path));
      if (file?.kind !== "V")
        throw new Error(`the compensation for ${version} must be named like V12.1__name.sql: ${path}`);
      return [normalVersion(version), file];
    }),
  );
  return { migrations: await readMigrations(migrations), ways: { compensations: new Map(declared), irreversible } };
}

function failed(error: unknown): Applied {
  if (error instanceof Forbidden) return { kind: "refused", reason: error.message };
  if (error instanceof Busy) return { kind: "unknown", reason: `nothing was changed: ${error.message}` };
  return { kind: "unknown", reason: reasonOf(error) };
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
