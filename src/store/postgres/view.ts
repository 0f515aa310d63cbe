import type { Route } from "../../core/entry.ts";
import type { SystemView, View } from "../../core/exchange.ts";
import type { FlagState } from "../../core/ports.ts";
import type { Database } from "./database.ts";
import { orderIn } from "./orders.ts";
import { sql } from "./statement.ts";

interface Row {
  readonly system: string;
  readonly route: string | null;
  readonly rollout: string | null;
  readonly holder: string | null;
  readonly fence: string | null;
  readonly left: number | null;
  readonly exposed: number | null;
}

/** How systems stand, in one round trip. A lease of another timeline is void. */
export async function viewOf(database: Database, systems: readonly string[]): Promise<View> {
  const [row] = await database.rows<{
    now: number;
    systems: Row[] | null;
    orders: { body: string; taken: boolean }[] | null;
    flags: string[] | null;
  }>(
    sql`SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now,
      (SELECT json_agg(row_to_json(one)) FROM (
        SELECT s.system, r.body AS route, n.id AS rollout, l.holder, l.fence::text AS fence,
          CASE WHEN l.fence > fence_floor() THEN extract(epoch FROM l.until - clock_timestamp()) * 1000 ELSE 0 END AS left,
          CASE WHEN l.exposed_fence = l.fence
            THEN extract(epoch FROM clock_timestamp() - l.exposed_at) * 1000 END AS exposed
        FROM unnest(${[...systems]}::text[]) AS s (system)
          LEFT JOIN routes r ON r.system = s.system
          LEFT JOIN LATERAL (SELECT id FROM rollouts WHERE rollouts.system = s.system
            ORDER BY sequence DESC LIMIT 1) AS n ON true
          LEFT JOIN leases l ON l.resource = 'system:' || s.system) AS one) AS systems,
      (SELECT json_agg(json_build_object('body', body, 'taken', taken IS NOT NULL) ORDER BY number) FROM orders
        WHERE answer IS NULL AND system = ANY (${[...systems]}::text[])) AS orders,
      (SELECT json_agg(body ORDER BY key) FROM flags) AS flags`,
  );
  return {
    now: row?.now ?? 0,
    systems: (row?.systems ?? []).map(viewIn),
    orders: (row?.orders ?? []).map(orderIn),
    flags: (row?.flags ?? []).map((body) => JSON.parse(body) as FlagState),
  };
}

function viewIn({ system, route, rollout, holder, fence, left, exposed }: Row): SystemView {
  return {
    system,
    ...(route === null ? {} : { route: JSON.parse(route) as Route }),
    ...(rollout === null ? {} : { rollout }),
    ...(holder === null ? {} : { holder }),
    fence: Number(fence ?? 0),
    left: Number(left ?? 0),
    ...(exposed === null ? {} : { exposedFor: Math.max(0, Number(exposed)) }),
  };
}
