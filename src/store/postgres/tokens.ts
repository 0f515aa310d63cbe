import type { TokenRecord } from "../../core/ports.ts";
import { entitiesIn, toBody } from "../body.ts";
import type { Database } from "./database.ts";
import { newestOf } from "./newest-of.ts";
import { type Statement, sql } from "./statement.ts";

export function putTokens(given: readonly TokenRecord[]): Statement {
  const tokens = newestOf(given, ({ id }) => id);
  return sql`INSERT INTO tokens (id, body)
    SELECT * FROM unnest(${tokens.map(({ id }) => id)}::text[], ${tokens.map(toBody)}::text[])
    ON CONFLICT (id) DO UPDATE SET body = excluded.body`;
}

export function tokenTable(database: Database) {
  return {
    all: async () => entitiesIn<TokenRecord>(await database.rows(sql`SELECT body FROM tokens ORDER BY sequence`)),
  };
}
