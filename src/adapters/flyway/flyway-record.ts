import { type Digest, shortDigest } from "../../core/digest.ts";
import type { Applied, Observed, RestoreRequest } from "../../core/ports.ts";
import { type HistoryRow, versionOf } from "./flyway-history.ts";

/** One line of the table `rollbook_flyway`. `known`: taken into keeping while it was live. `live`: brought back by us. */
export interface RecordRow {
  readonly state: "known" | "live";
  /** The highest version of the history at that time. */
  readonly version: string | null;
  /** The highest rank of the history at that time. */
  readonly rank: number;
  readonly digest: Digest;
  readonly fence: number;
  readonly key: string | null;
  /** How many compensating migrations it is made of, and how many of them have run. */
  readonly steps: number;
  readonly done: number;
}

/** What one look at a database shows. */
export interface FlywayLook {
  readonly identity: string;
  readonly digest: Digest;
  readonly history: readonly HistoryRow[];
  readonly rows: readonly RecordRow[];
}

export function observed({ digest, history, rows }: FlywayLook): Extract<Observed, { kind: "live" }> {
  const rank = rankOf(history);
  const writes = rows.filter(({ state }) => state === "live").length;
  const version = versionOf(history);
  const label = version === undefined ? "no migration" : `flyway ${version}`;
  return { kind: "live", digest, version: `${rank}-${writes}-${shortDigest(digest)}`, label };
}

export function rankOf(history: readonly HistoryRow[]): number {
  return history.reduce((most, { rank }) => Math.max(most, rank), 0);
}

/** Was it changed since by something that Flyway's history does not show? */
export function drifted({ rows, history, digest }: FlywayLook): boolean {
  const rank = rankOf(history);
  const then = rows.filter((row) => row.rank === rank);
  return then.length > 0 && !then.some((row) => row.digest === digest);
}

/** Why a request must not be carried out against what is there now; undefined when it may. */
export function objection(look: FlywayLook, { key, fence, before, desired }: RestoreRequest): Applied | undefined {
  const earlier = look.rows.find((row) => row.key === key);
  if (earlier && earlier.digest !== desired) {
    return { kind: "refused", reason: "this key was used for another revision" };
  }
  if (earlier && earlier.done < earlier.steps) {
    const reason = `only ${earlier.done} of ${earlier.steps} compensating migrations ran: one of them cannot run in a transaction`;
    return { kind: "unknown", reason };
  }
  if (earlier) return { kind: "already" };
  const highest = look.rows.reduce((most, row) => Math.max(most, row.fence), 0);
  if (fence < highest) return { kind: "stale", reason: `fence ${highest} has written` };
  const now = observed(look);
  if (now.digest !== before.digest || now.version !== before.version) {
    return { kind: "conflict", reason: `${now.label} is live at ${now.version}, which is not what was read before` };
  }
  return undefined;
}
