import type { Exchange } from "../../core/exchange.ts";
import type { Milliseconds } from "../../core/time.ts";
import { Database } from "./database.ts";
import { createHints } from "./hints.ts";
import { leaseTable } from "./leases.ts";
import { newsTable } from "./news.ts";
import { orderTable } from "./orders.ts";
import type { PostgresStoreOptions } from "./postgres-store.ts";
import { postTable } from "./posts.ts";
import { sql } from "./statement.ts";
import { viewOf } from "./view.ts";

/** Those who wait for these answers act without them soon. */
const PATIENCE: Milliseconds = 1000;

/**
 * What replicas tell one another over one Postgres, on connections of its own: a busy store holds no lease up. The
 * schema is there already.
 */
export function openExchange(options: PostgresStoreOptions): Exchange {
  const { schema = "rollbook" } = options;
  const database = new Database({ ...options, schema, connections: 4, patience: PATIENCE, limit: PATIENCE });
  const leases = leaseTable(database);
  const orders = orderTable(database);
  const posts = postTable(database);
  const news = newsTable(database);
  const hints = createHints(database, { ...options, schema });
  return {
    renew: leases.renewAll,
    free: leases.free,
    look: (systems) => viewOf(database, systems),
    give: orders.give,
    begin: orders.begin,
    answer: orders.answer,
    answerTo: orders.answerTo,
    post: posts.post,
    collect: posts.collect,
    tell: news.tell,
    told: news.told,
    async agree(name, value) {
      await database.rows(
        sql`INSERT INTO agreements (name, value) VALUES (${name}, ${value}) ON CONFLICT (name) DO NOTHING`,
      );
      const [row] = await database.rows<{ value: string }>(sql`SELECT value FROM agreements WHERE name = ${name}`);
      return row?.value ?? value;
    },
    hint: hints.tell,
    onHint: hints.listen,
    async close() {
      await hints.close();
      await database.close();
    },
  };
}
