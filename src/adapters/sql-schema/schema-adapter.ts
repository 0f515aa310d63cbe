import { setTimeout } from "node:timers/promises";
import { isDigest } from "../../core/digest.ts";
import type { Applied, Concern, Resolved, RestoreAdapter, RestoreRequest } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import {
  type ContractRequest,
  contracted,
  held,
  readyOne,
  resolved,
  type SchemaPlace,
  type Seen,
  switched,
  versionOf,
} from "./schema-changes.ts";
import { schemaConcerns } from "./schema-concerns.ts";
import { Busy, type Decision, Forbidden, Unsettled } from "./schema-database.ts";
import { readSchemaFiles, type SchemaVersion } from "./schema-files.ts";
import { objection, observed, readyRow, type SchemaLook } from "./schema-record.ts";

export interface SqlSchemaOptions {
  /** The scheme of the addresses: the connection's name. */
  readonly scheme: string;
  readonly databases: Readonly<Record<string, SchemaPlace>>;
  /** How long a change is tried again while somebody holds a lock; 4 s without it. */
  readonly patienceMs?: Milliseconds;
}

export interface SqlSchemaAdapter extends RestoreAdapter {
  /** Expands the tables for a version and keeps its views, without showing them: what takes long is done before. */
  prepare(at: string, reference: string, signal: AbortSignal): Promise<Applied>;
  /** Runs a version's contract: the point of no return. Lower versions cannot be shown again. */
  contract(request: ContractRequest, signal: AbortSignal): Promise<Applied>;
  close(): Promise<void>;
}

const PAUSE_MS = 40;
const PATIENCE_MS = 4000;

/**
 * Restores the schema that readers see, at `SCHEME://DATABASE`: versions are kept as views, and one transaction
 * switches readers from one version to another (expand and contract). Never throws; see docs/adapters/sql-schema.md.
 */
export function createSqlSchemaAdapter(options: SqlSchemaOptions): SqlSchemaAdapter {
  const { scheme, databases, patienceMs = PATIENCE_MS } = options;
  const prefix = `${scheme}://`;
  const nameOf = (at: string) => (at.startsWith(prefix) ? at.slice(prefix.length) : "");

  function placeOf(at: string): SchemaPlace {
    const name = nameOf(at);
    if (!Object.hasOwn(databases, name)) throw new Forbidden(`there is no database "${name}" in this connection`);
    return databases[name]!;
  }

  async function looked<T>(at: string, signal: AbortSignal, work: (seen: Seen) => Promise<T>): Promise<T> {
    const place = placeOf(at);
    signal.throwIfAborted();
    return await place.database.read(async (session) => {
      const look = await session.look();
      assertIdentity(place, look);
      return await work({ place, session, look });
    }, signal);
  }

  /** One write, again and again while locks are in the way. */
  async function written(at: string, signal: AbortSignal, work: (seen: Seen) => Promise<Decision<Applied>>) {
    const until = performance.now() + patienceMs;
    for (;;) {
      try {
        const place = placeOf(at);
        if (signal.aborted) return { kind: "unknown", reason: "given up before the write" } as const;
        return await place.database.write(async (session) => {
          const look = await session.look();
          assertIdentity(place, look);
          return await work({ place, session, look });
        }, signal);
      } catch (error) {
        if (!(error instanceof Busy) || performance.now() > until) return failed(error);
        await setTimeout(PAUSE_MS);
      }
    }
  }

  /** Makes ready what is below and at a version, each version in a transaction of its own. */
  async function makeReady(at: string, version: number, signal: AbortSignal, request?: RestoreRequest) {
    for (const step of await unready(at, version, signal)) {
      const answer = await written(at, signal, async ({ session, look }) => {
        const no = request && objection(look, request);
        if (no) return { keep: false, answer: no };
        if (!readyRow(look.rows, step.version)) await readyOne(session, look, step, request?.fence ?? 0);
        return { keep: true, answer: { kind: "applied" } };
      });
      if (answer.kind !== "applied") return answer;
    }
    return undefined;
  }

  async function unready(at: string, version: number, signal: AbortSignal): Promise<readonly SchemaVersion[]> {
    return await looked(at, signal, async ({ place, look }) => {
      if (readyRow(look.rows, version)) return [];
      const files = await readSchemaFiles(place.migrations);
      return files.filter((file) => file.version <= version && !readyRow(look.rows, file.version));
    });
  }

  async function apply(request: RestoreRequest, signal: AbortSignal): Promise<Applied> {
    if (!isDigest(request.desired)) return { kind: "refused", reason: "the desired digest is not a digest" };
    let ready = false;
    const first = await looked(request.at, signal, async (seen) => {
      const version = await versionOf(seen, request.desired);
      ready = version !== undefined && readyRow(seen.look.rows, version) !== undefined;
      return objection(seen.look, request) ?? version;
    });
    if (first === undefined) return { kind: "refused", reason: "no version of this schema has this digest" };
    if (typeof first !== "number") return first;
    const stopped = ready ? undefined : await makeReady(request.at, first, signal, request);
    return stopped ?? (await written(request.at, signal, (seen) => switched(seen, first, request)));
  }

  return {
    name: "sql-schema",
    guarantee: "cas",
    // Views are switched, and what a version did to the tables beneath is known to whoever wrote it.
    undo: () => undefined,
    serves: (at) => at.startsWith(prefix) && at.length > prefix.length,
    async read(at, signal) {
      try {
        return await looked(at, signal, async ({ look }) => observed(look));
      } catch (error) {
        return { kind: "unreachable", reason: reasonOf(error) };
      }
    },
    async holds(at, digest, signal) {
      return await looked(at, signal, (seen) => held(seen, digest)).catch(() => false);
    },
    apply: (request, signal) => apply(request, signal).catch(failed),
    resolve: (at, reference, signal) =>
      looked(at, signal, (seen) => resolved(seen, reference)).catch((error: unknown): Resolved => {
        return { kind: error instanceof Forbidden ? "unknown" : "unreachable", reason: reasonOf(error) };
      }),
    concerns: (at, digest, signal) =>
      looked(at, signal, async ({ place, session, look }) => {
        return await schemaConcerns(session, look, await readSchemaFiles(place.migrations), digest);
      }).catch((error: unknown): readonly Concern[] => [
        { level: "blocking", text: `The schema at ${at} cannot be looked at: ${reasonOf(error)}.` },
      ]),
    async identify(at, signal) {
      try {
        return await looked(at, signal, async ({ look }) => ({ kind: "identified", identity: look.identity }));
      } catch (error) {
        return { kind: "unreachable", reason: reasonOf(error) };
      }
    },
    async prepare(at, reference, signal) {
      try {
        const found = await looked(at, signal, (seen) => resolved(seen, reference));
        if (found.kind !== "revision") return { kind: "refused", reason: found.reason };
        return (await makeReady(at, Number(reference), signal)) ?? { kind: "applied" };
      } catch (error) {
        return failed(error);
      }
    },
    contract: (request, signal) => written(request.at, signal, (seen) => contracted(seen, request)).catch(failed),
    async close() {
      await Promise.all(Object.values(databases).map(({ database }) => database.close()));
    },
  };
}

function failed(error: unknown): Applied {
  if (error instanceof Forbidden) return { kind: "refused", reason: error.message };
  if (error instanceof Busy) return { kind: "unknown", reason: `nothing was changed: ${error.message}` };
  if (error instanceof Unsettled) return { kind: "unknown", reason: `it may have happened: ${error.message}` };
  return { kind: "unknown", reason: reasonOf(error) };
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}

function assertIdentity({ is }: SchemaPlace, { identity }: SchemaLook): void {
  if (is === undefined || is === identity) return;
  throw new Forbidden(`this is the database ${identity}, and the settings say that it must be ${is}`);
}
