import type { TokenRecord } from "../../core/ports.ts";
import { entitiesIn, toBody } from "../body.ts";
import type { Connection } from "./connection.ts";

export function tokenTable(connection: Connection) {
  const put = connection.prepare(
    "INSERT INTO tokens (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
  );
  const all = connection.prepare("SELECT body FROM tokens ORDER BY sequence");
  return {
    put: (token: TokenRecord) => put.run(token.id, toBody(token)),
    all: () => entitiesIn<TokenRecord>(all.all()),
  };
}
