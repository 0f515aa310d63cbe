import type { SeasonUpdate } from "../../core/ports.ts";
import type { SeasonHour } from "../../core/rollout.ts";
import { entitiesIn, toBody } from "../body.ts";
import type { Connection } from "./connection.ts";

export function seasonTable(connection: Connection) {
  const put = connection.prepare(
    `INSERT INTO seasons (system, hour, signal, body) VALUES (?, ?, ?, ?)
     ON CONFLICT (system, hour, signal) DO UPDATE SET body = excluded.body`,
  );
  const forget = connection.prepare("DELETE FROM seasons WHERE system = ? AND hour < ?");
  const ofSystem = connection.prepare("SELECT body FROM seasons WHERE system = ? ORDER BY hour, signal");
  return {
    put: ({ system, hours, oldest }: SeasonUpdate) => {
      for (const hour of hours) put.run(system, hour.hour, hour.signal, toBody(hour));
      forget.run(system, oldest);
    },
    ofSystem: (system: string) => entitiesIn<SeasonHour>(ofSystem.all(system)),
  };
}
