import type { SeasonUpdate } from "../../core/ports.ts";
import type { SeasonHour } from "../../core/rollout.ts";
import { entitiesIn, toBody } from "../body.ts";
import type { Database } from "./database.ts";
import { newestOf } from "./newest-of.ts";
import { type Statement, sql } from "./statement.ts";

/** Two writes of different rows: hours that are forgotten in the same commit are not written first. */
export function putSeasons(updates: readonly SeasonUpdate[]): readonly Statement[] {
  const oldest = new Map<string, number>();
  for (const update of updates)
    oldest.set(update.system, Math.max(update.oldest, oldest.get(update.system) ?? Number.NEGATIVE_INFINITY));
  const given = updates.flatMap(({ system, hours }) => hours.map((hour) => ({ system, hour })));
  const rows = newestOf(given, ({ system, hour }) => JSON.stringify([system, hour.hour, hour.signal])).filter(
    ({ system, hour }) => hour.hour >= oldest.get(system)!,
  );
  return [
    sql`INSERT INTO seasons (system, hour, signal, body)
      SELECT * FROM unnest(${rows.map(({ system }) => system)}::text[], ${rows.map(({ hour }) => hour.hour)}::float8[],
        ${rows.map(({ hour }) => hour.signal)}::text[], ${rows.map(({ hour }) => toBody(hour))}::text[])
      ON CONFLICT (system, hour, signal) DO UPDATE SET body = excluded.body`,
    sql`DELETE FROM seasons USING unnest(${[...oldest.keys()]}::text[], ${[...oldest.values()]}::float8[])
        AS forgotten (system, oldest)
      WHERE seasons.system = forgotten.system AND seasons.hour < forgotten.oldest`,
  ];
}

export function seasonTable(database: Database) {
  return {
    ofSystem: async (system: string) =>
      entitiesIn<SeasonHour>(
        await database.rows(sql`SELECT body FROM seasons WHERE system = ${system} ORDER BY hour, signal`),
      ),
  };
}
