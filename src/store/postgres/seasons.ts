import type { SeasonUpdate } from "../../core/ports.ts";
import type { SeasonHour } from "../../core/rollout.ts";
import { entitiesIn, toBody } from "../body.ts";
import type { Database } from "./database.ts";
import { newestOf } from "./newest-of.ts";
import { type Statement, sql } from "./statement.ts";

/** Two writes of different rows, as if one update came after the other: an hour that a later one forgets is not written. */
export function putSeasons(updates: readonly SeasonUpdate[]): readonly Statement[] {
  const oldest = new Map<string, number>();
  const given = updates.toReversed().flatMap((update) => {
    const { system, hours } = update;
    const from = Math.max(update.oldest, oldest.get(system) ?? Number.NEGATIVE_INFINITY);
    oldest.set(system, from);
    return hours.filter(({ hour }) => hour >= from).map((hour) => ({ system, hour }));
  });
  const rows = newestOf(given.toReversed(), ({ system, hour }) => JSON.stringify([system, hour.hour, hour.signal]));
  const systems = rows.map(({ system }) => system);
  const hours = rows.map(({ hour }) => hour.hour);
  const signals = rows.map(({ hour }) => hour.signal);
  return [
    sql`INSERT INTO seasons (system, hour, signal, body)
      SELECT * FROM unnest(${systems}::text[], ${hours}::float8[], ${signals}::text[],
        ${rows.map(({ hour }) => toBody(hour))}::text[])
      ON CONFLICT (system, hour, signal) DO UPDATE SET body = excluded.body`,
    sql`DELETE FROM seasons USING unnest(${[...oldest.keys()]}::text[], ${[...oldest.values()]}::float8[])
        AS forgotten (system, oldest)
      WHERE seasons.system = forgotten.system AND seasons.hour < forgotten.oldest AND NOT EXISTS (
        SELECT FROM unnest(${systems}::text[], ${hours}::float8[], ${signals}::text[]) AS kept (system, hour, signal)
        WHERE kept.system = seasons.system AND kept.hour = seasons.hour AND kept.signal = seasons.signal)`,
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
