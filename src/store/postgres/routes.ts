import type { Route } from "../../core/entry.ts";
import { entityIn, toBody } from "../body.ts";
import type { Database } from "./database.ts";
import { newestOf } from "./newest-of.ts";
import { type Statement, sql } from "./statement.ts";

export function putRoutes(given: readonly Route[]): Statement {
  const routes = newestOf(given, ({ system }) => system);
  return sql`INSERT INTO routes (system, body)
    SELECT * FROM unnest(${routes.map(({ system }) => system)}::text[], ${routes.map(toBody)}::text[])
    ON CONFLICT (system) DO UPDATE SET body = excluded.body`;
}

export function routeTable(database: Database) {
  return {
    get: async (system: string) =>
      entityIn<Route>((await database.rows(sql`SELECT body FROM routes WHERE system = ${system}`))[0]),
  };
}
