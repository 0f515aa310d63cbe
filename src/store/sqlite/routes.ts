import type { Route } from "../../core/entry.ts";
import { entityIn, toBody } from "../body.ts";
import type { Connection } from "./connection.ts";

export function routeTable(connection: Connection) {
  const put = connection.prepare(
    "INSERT INTO routes (system, body) VALUES (?, ?) ON CONFLICT (system) DO UPDATE SET body = excluded.body",
  );
  const get = connection.prepare("SELECT body FROM routes WHERE system = ?");
  return {
    put: (route: Route) => put.run(route.system, toBody(route)),
    get: (system: string) => entityIn<Route>(get.get(system)),
  };
}
