import type { Json } from "../../core/digest.ts";
import type { GivenOrder, OpenOrder } from "../../core/exchange.ts";
import type { Lease } from "../../core/rollout.ts";
import type { Database } from "./database.ts";
import { sql } from "./statement.ts";

interface Row {
  readonly body: string;
  readonly taken: boolean;
}

export function orderIn({ body, taken }: Row): OpenOrder {
  return { ...(JSON.parse(body) as GivenOrder), taken };
}

/** What people want of a system, until its holder has done it. Answered ones are forgotten after a day. */
export function orderTable(database: Database) {
  return {
    async give(order: GivenOrder): Promise<void> {
      await database.rows(
        sql`WITH old AS (DELETE FROM orders WHERE answer IS NOT NULL AND given_at < clock_timestamp() - interval '1 day')
          INSERT INTO orders (id, system, body) VALUES (${order.id}, ${order.system}, ${JSON.stringify(order)})
          ON CONFLICT (id) DO NOTHING`,
      );
    },
    async begin(order: string, { resource, fence }: Lease): Promise<boolean> {
      const rows = await database.rows(
        sql`UPDATE orders SET taken = ${fence} WHERE id = ${order} AND answer IS NULL
            AND (taken IS NULL OR taken <= ${fence})
            AND EXISTS (SELECT FROM leases WHERE resource = ${resource} AND leases.fence = ${fence}
              AND ${fence} > fence_floor())
          RETURNING id`,
      );
      return rows.length > 0;
    },
    async answer(order: string, answer: Json): Promise<void> {
      await database.rows(
        sql`UPDATE orders SET answer = ${JSON.stringify(answer)} WHERE id = ${order} AND answer IS NULL`,
      );
    },
    async answerTo(order: string): Promise<Json | undefined> {
      const [row] = await database.rows<{ answer: string | null }>(sql`SELECT answer FROM orders WHERE id = ${order}`);
      return row?.answer == null ? undefined : (JSON.parse(row.answer) as Json);
    },
  };
}
