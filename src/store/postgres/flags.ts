import type { FlagState } from "../../core/ports.ts";
import { entitiesIn, toBody } from "../body.ts";
import type { Database } from "./database.ts";
import { newestOf } from "./newest-of.ts";
import { type Statement, sql } from "./statement.ts";

export function putFlags(given: readonly FlagState[]): Statement {
  const flags = newestOf(given, ({ key }) => key);
  return sql`INSERT INTO flags (key, body)
    SELECT * FROM unnest(${flags.map(({ key }) => key)}::text[], ${flags.map(toBody)}::text[])
    ON CONFLICT (key) DO UPDATE SET body = excluded.body`;
}

export function flagTable(database: Database) {
  return {
    all: async () => entitiesIn<FlagState>(await database.rows(sql`SELECT body FROM flags ORDER BY key`)),
  };
}
