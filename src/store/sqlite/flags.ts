import type { FlagState } from "../../core/ports.ts";
import { entitiesIn, toBody } from "../body.ts";
import type { Connection } from "./connection.ts";

export function flagTable(connection: Connection) {
  const put = connection.prepare(
    "INSERT INTO flags (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body",
  );
  const all = connection.prepare("SELECT body FROM flags ORDER BY key");
  return {
    put: (flag: FlagState) => put.run(flag.key, toBody(flag)),
    all: () => entitiesIn<FlagState>(all.all()),
  };
}
