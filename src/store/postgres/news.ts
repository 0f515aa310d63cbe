import type { Json } from "../../core/digest.ts";
import type { Database } from "./database.ts";
import { sql } from "./statement.ts";

/** As many as a page that comes late is shown. */
const MOST = 400;

/** What happens, for people who watch at another replica. */
export function newsTable(database: Database) {
  return {
    async tell(by: string, events: readonly Json[]): Promise<void> {
      await database.rows(
        sql`WITH old AS (DELETE FROM news WHERE told_at < clock_timestamp() - interval '10 minutes')
          INSERT INTO news (teller, event) SELECT ${by}::text, event
          FROM unnest(${events.map((event) => JSON.stringify(event))}::text[]) AS event`,
      );
    },
    async told(to: string, after: number): Promise<readonly { readonly number: number; readonly event: Json }[]> {
      const rows = await database.rows<{ number: string; event: string }>(
        sql`SELECT * FROM (SELECT number, event FROM news WHERE number > ${after} AND teller <> ${to}
          ORDER BY number DESC LIMIT ${MOST}) AS newest ORDER BY number`,
      );
      return rows.map(({ number, event }) => ({ number: Number(number), event: JSON.parse(event) as Json }));
    },
  };
}
