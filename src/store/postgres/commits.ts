import type { Change, Committed, Guard } from "../../core/ports.ts";
import type { Claim, Lease } from "../../core/rollout.ts";
import type { Milliseconds } from "../../core/time.ts";
import { type Kind, writesOf, writesOfNothing } from "./changes.ts";
import type { Database, Session } from "./database.ts";
import { isConflict, isLost, PostgresError, sqlStateOf } from "./failure.ts";
import { giveBack, takeLeases } from "./leases.ts";
import { type Statement, sql, together } from "./statement.ts";

/** Tries of a commit that was undone because of others, or that is known not to have been made. */
const TRIES = 8;

/** SQLSTATEs of `begin_commit`. */
const FENCED = "RB001";
const REFUSED = "RB002";

/** What the text of a commit depends on. */
export interface Shape {
  readonly kinds: readonly Kind[];
  readonly claims?: true;
}

interface Sent {
  readonly client: string;
  readonly number: number;
}

interface Wanted {
  readonly writes: readonly Statement[];
  readonly guard: Guard | undefined;
  readonly claim: Claim | undefined;
}

/** What one try came to. `lost`: sent, and nobody said whether it was made. */
type Try =
  | { readonly kind: "answered"; readonly answer: Committed }
  | { readonly kind: "undone"; readonly error: unknown }
  | { readonly kind: "lost"; readonly error: unknown; readonly client: string; readonly number: number };

/**
 * Commits as one statement each: atomic without a transaction of several round trips. Each carries its connection's id
 * and a number, so that one whose answer was lost can be looked up, or forbidden, and is never made twice.
 */
export class Commits {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Throws COMMIT_UNDECIDED when the server stays away before it could say whether the commit was made,
   * STORE_UNREACHABLE when it never got there; TypeError, or what Postgres says, when it cannot be made.
   */
  async commit(changes: readonly Change[], guard?: Guard, claimed?: Claim): Promise<Committed> {
    const writes = await this.#writes(changes, guard);
    const claim = claimed && { ...claimed, resources: [...new Set(claimed.resources)] };
    if (writes.length === 0 && !guard && !claim) return { kind: "committed" };
    const { elapsed, patience } = this.#database.options;
    const giveUp = elapsed() + patience;
    for (let tries = 1; ; tries += 1) {
      const end = await this.#try({ writes, guard, claim }, giveUp);
      if (end.kind === "answered") return end.answer;
      if (end.kind === "lost" && (await this.#settle(end))) return { kind: "committed" };
      if (tries === TRIES) throw end.error;
    }
  }

  /** What cannot be written is told to the newest holder only: to others, as in every store, the fence comes first. */
  async #writes(changes: readonly Change[], guard: Guard | undefined): Promise<readonly Statement[]> {
    try {
      return writesOf(changes);
    } catch (error) {
      const answer = guard && (await this.commit([], guard));
      if (answer?.kind === "fenced") return [];
      throw error;
    }
  }

  async #try(wanted: Wanted, giveUp: Milliseconds): Promise<Try> {
    let sent: Sent | undefined;
    try {
      return await this.#database.once(async (session) => {
        sent = await nextOf(session);
        return { kind: "answered", answer: await send(session, sent, wanted) };
      }, giveUp);
    } catch (error) {
      if (isConflict(error) || sqlStateOf(error) === REFUSED) return { kind: "undone", error };
      if (!isLost(error)) throw error;
      if (sent !== undefined) return { kind: "lost", error, ...sent };
      await this.#database.waitOrGiveUp(giveUp, error);
      return { kind: "undone", error };
    }
  }

  /** Was it made? If not, it never will be. */
  async #settle({ client, number, error }: Try & { kind: "lost" }): Promise<boolean> {
    try {
      const rows = await this.#database.rows<{ made: boolean }>(
        sql`SELECT settle_commit(${client}, ${number}) AS made`,
      );
      return rows[0]?.made === true;
    } catch (cause) {
      const reason = `the answer to a commit was lost (${(error as Error).message}) and cannot be had`;
      throw new PostgresError("COMMIT_UNDECIDED", `${reason}: ${(cause as Error).message}`, cause);
    }
  }
}

/** Lets a connection plan commits of these kinds, one after the other, by such that write nothing. */
export async function planCommits(session: Session, shapes: readonly Shape[]): Promise<void> {
  for (const { kinds, claims } of shapes) {
    const claim = claims ? { resources: [], holder: "", ttl: 0, now: 0 } : undefined;
    await send(session, await nextOf(session), { writes: writesOfNothing(kinds), guard: undefined, claim });
  }
}

const UNREPLICATED =
  "the commit was made, and its wait for a synchronous standby was cancelled: a failover may lose it";

async function send(session: Session, sent: Sent, { writes, guard, claim }: Wanted): Promise<Committed> {
  let taken: readonly Lease[];
  try {
    const all = claim ? [takeLeases(claim), ...writes] : writes;
    const [row] = await session.query<{ taken?: readonly Lease[] | null }>(
      together(all, beginning(sent, guard, claim)),
    );
    taken = row?.taken ?? [];
  } catch (error) {
    const state = sqlStateOf(error);
    // After a failover the server may not know this connection's row any more; the next try makes a new one.
    if (state === REFUSED) session.client = undefined;
    if (state === FENCED) return { kind: "fenced", holder: (error as { detail?: string }).detail ?? "" };
    throw error;
  }
  if (session.unreplicated) throw new PostgresError("COMMIT_UNDECIDED", UNREPLICATED);
  if (claim && taken.length === claim.resources.length) return { kind: "committed", claimed: taken };
  // What cannot be given back ends by itself: who waits holds nothing.
  const some = taken.map(({ resource }) => resource);
  if (claim && some.length > 0) await session.query(giveBack(claim.holder, some)).catch(() => undefined);
  return { kind: "committed" };
}

/** A claim is the first of the writes. With one guard it is asked as the version before does. */
function beginning({ client, number }: Sent, guard: Guard | undefined, claim: Claim | undefined): Statement {
  const { resource = null, fence = null, also } = guard ?? {};
  const begun = also
    ? sql`SELECT begin_commit(${client}::uuid, ${number}::bigint, ${resource}::text, ${fence}::bigint,
        ${also.resource}::text, ${also.fence}::bigint)`
    : sql`SELECT begin_commit(${client}::uuid, ${number}::bigint, ${resource}::text, ${fence}::bigint)`;
  return claim ? withTaken(begun) : begun;
}

function withTaken({ pieces, values }: Statement): Statement {
  const taken = ", (SELECT json_agg(write_0) FROM write_0) AS taken";
  return { pieces: [...pieces.slice(0, -1), `${pieces.at(-1)}${taken}`], values };
}

async function nextOf(session: Session): Promise<Sent> {
  const client = await clientOf(session);
  client.number += 1;
  return { client: client.id, number: client.number };
}

/** The connection's row, made at its first commit. Rows of connections that are long gone are swept out on the way. */
async function clientOf(session: Session): Promise<{ readonly id: string; number: number }> {
  if (session.client === undefined) {
    const rows = await session.query<{ id: string }>(
      sql`WITH swept AS (DELETE FROM clients WHERE seen < clock_timestamp() - interval '2 days')
        INSERT INTO clients DEFAULT VALUES RETURNING id`,
    );
    session.client = { id: (rows[0] as { id: string }).id, number: 0 };
  }
  return session.client;
}
