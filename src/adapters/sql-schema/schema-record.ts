import { type Digest, digestOfJson, shortDigest } from "../../core/digest.ts";
import type { Applied, Observed, RestoreRequest } from "../../core/ports.ts";

/**
 * One line of the table `rollbook_schema`, which is only ever added to. `ready`: expanded, and its views are kept in
 * the database. `live`: readers were switched to it. `contracted`: its contract ran; there is no way below it.
 */
export interface SchemaRow {
  readonly seq: number;
  readonly state: "ready" | "live" | "contracted";
  readonly version: number;
  readonly digest: Digest;
  /** What the database itself says the views of this version are, digested. */
  readonly catalogue: Digest;
  readonly fence: number;
  readonly key: string | null;
  /** The database that it was written in: a copy of it has the same rows, and another identity. */
  readonly identity: string;
  /** The statements that make the views, where the database cannot keep them beside the live ones (SQLite). */
  readonly ddl: string | null;
}

/** What one consistent look at a database shows. */
export interface SchemaLook {
  readonly identity: string;
  readonly rows: readonly SchemaRow[];
  /** The digest of the views that readers reach now; undefined when there are none. */
  readonly live: Digest | undefined;
  /** The version that the live views are marked with, where the database has a place for a mark. */
  readonly mark: number | undefined;
}

/** What a database is at before its first version. */
export const NOTHING: Digest = digestOfJson({ "sql-schema": "no version is live" });

/** The row of the version whose views are exactly the live ones. */
export function liveRow({ rows, live, mark }: SchemaLook): SchemaRow | undefined {
  const matching = rows.filter((row) => row.state !== "contracted" && row.catalogue === live);
  const recorded = rows.findLast((row) => row.state === "live");
  return (
    matching.find((row) => row.version === mark) ??
    matching.find((row) => row.version === recorded?.version) ??
    matching.at(-1)
  );
}

/** What is live, by identity; views that no version creates have an identity of their own. */
export function liveDigest(look: SchemaLook): Digest {
  const row = liveRow(look);
  if (row !== undefined) return row.digest;
  if (look.live === undefined && !look.rows.some((one) => one.state === "live")) return NOTHING;
  return digestOfJson({ "sql-schema": "drift", catalogue: look.live ?? null });
}

export function observed(look: SchemaLook): Extract<Observed, { kind: "live" }> {
  const row = liveRow(look);
  const digest = liveDigest(look);
  const writes = look.rows.filter(({ state }) => state === "live").length;
  const label = row ? `schema ${row.version}` : digest === NOTHING ? "no version" : "views that no version creates";
  return { kind: "live", digest, version: `${writes}-${shortDigest(look.live ?? NOTHING)}`, label };
}

/** Why a request must not be carried out against what is there now; undefined when it may. */
export function objection(look: SchemaLook, { key, fence, before, desired }: RestoreRequest): Applied | undefined {
  const earlier = look.rows.find((row) => row.state === "live" && row.key === key);
  if (earlier) {
    if (earlier.digest === desired) return { kind: "already" };
    return { kind: "refused", reason: "this key was used for another revision" };
  }
  const highest = look.rows.reduce((most, row) => Math.max(most, row.fence), 0);
  if (fence < highest) return { kind: "stale", reason: `fence ${highest} has written` };
  const now = observed(look);
  if (now.digest !== before.digest || now.version !== before.version) {
    return { kind: "conflict", reason: `${now.label} is live at ${now.version}, which is not what was read before` };
  }
  return undefined;
}

/** The newest row that says this version is ready. */
export function readyRow(rows: readonly SchemaRow[], version: number): SchemaRow | undefined {
  return rows.findLast((row) => row.state === "ready" && row.version === version);
}

/** The lowest version that there is still a way back to. */
export function floorOf(rows: readonly SchemaRow[]): number {
  return rows.reduce((floor, row) => (row.state === "contracted" ? Math.max(floor, row.version) : floor), 0);
}
