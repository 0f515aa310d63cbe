import type { Rollout } from "../../core/rollout.ts";
import { entitiesIn, entityIn, toBody } from "../body.ts";
import type { Database, Session } from "./database.ts";
import { newestOf } from "./newest-of.ts";
import { type Statement, sql } from "./statement.ts";

export function putRollouts(given: readonly Rollout[]): Statement {
  const rollouts = newestOf(given, ({ id }) => id);
  return sql`INSERT INTO rollouts (id, system, started_at, body)
    SELECT * FROM unnest(${rollouts.map(({ id }) => id)}::text[], ${rollouts.map(({ system }) => system)}::text[],
      ${rollouts.map(({ startedAt }) => startedAt)}::float8[], ${rollouts.map(toBody)}::text[])
    ON CONFLICT (id) DO UPDATE SET system = excluded.system, started_at = excluded.started_at, body = excluded.body`;
}

export async function rolloutIn(from: Pick<Session, "query">, id: string): Promise<Rollout | undefined> {
  return entityIn<Rollout>((await from.query(sql`SELECT body FROM rollouts WHERE id = ${id}`))[0]);
}

export function rolloutTable(database: Database) {
  return {
    get: (id: string) => database.repeatable((session) => rolloutIn(session, id)),
    open: async (system?: string) => {
      const all = sql`SELECT body FROM rollouts WHERE may_be_open(body) ORDER BY sequence DESC`;
      const ofSystem = sql`SELECT body FROM rollouts WHERE may_be_open(body) AND system = ${system ?? ""}
        ORDER BY sequence DESC`;
      const rows = system === undefined ? all : ofSystem;
      return entitiesIn<Rollout>(await database.rows(rows)).filter(({ endedAt }) => endedAt === undefined);
    },
    promoted: async (system: string, limit: number) =>
      entitiesIn<Rollout>(
        await database.rows(
          sql`SELECT body FROM rollouts WHERE system = ${system} AND position('"promotedAt":' in body) > 0
            ORDER BY sequence DESC LIMIT ${limit}::bigint`,
        ),
      ),
    newestFirst: async (system?: string, limit = Number.MAX_SAFE_INTEGER) => {
      const all = sql`SELECT body FROM rollouts ORDER BY sequence DESC LIMIT ${limit}::bigint`;
      const ofSystem = sql`SELECT body FROM rollouts WHERE system = ${system ?? ""}
        ORDER BY sequence DESC LIMIT ${limit}::bigint`;
      return entitiesIn<Rollout>(await database.rows(system === undefined ? all : ofSystem));
    },
  };
}
