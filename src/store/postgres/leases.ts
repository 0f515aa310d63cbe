import type { Renewal } from "../../core/exchange.ts";
import type { Claim, Lease } from "../../core/rollout.ts";
import type { Milliseconds } from "../../core/time.ts";
import type { Database } from "./database.ts";
import { type Statement, sql } from "./statement.ts";

interface Row {
  readonly resource: string;
  readonly holder: string;
  readonly fence: string;
  readonly until: number;
}

/**
 * Takes all of these leases or none; where others take one at the same moment, perhaps some, which are to be given back.
 * The fence is above all that were given before, whatever for; each row sees to its own where two are taken at once.
 */
export function takeLeases({ resources, holder, ttl }: Omit<Claim, "now">): Statement {
  return sql`INSERT INTO leases (resource, holder, fence, until)
    SELECT resource, ${holder}, greatest((SELECT max(fence) FROM leases), fence_floor()) + 1,
        clock_timestamp() + ${ttl} * interval '1 millisecond'
      FROM unnest(${resources}::text[]) AS resource
      WHERE NOT EXISTS (SELECT FROM leases AS held WHERE held.resource = ANY(${resources}::text[])
        AND held.until > clock_timestamp() AND held.holder <> ${holder})
      ORDER BY resource COLLATE "C"
    ON CONFLICT (resource) DO UPDATE SET holder = excluded.holder,
      fence = greatest(leases.fence + 1, excluded.fence),
      until = clock_timestamp() + ${ttl} * interval '1 millisecond'
      WHERE leases.until <= clock_timestamp() OR leases.holder = excluded.holder
    RETURNING resource, holder, fence, floor(extract(epoch FROM until) * 1000)::float8 AS until`;
}

export function giveBack(holder: string, taken: readonly string[]): Statement {
  return sql`UPDATE leases SET until = clock_timestamp() WHERE holder = ${holder} AND resource = ANY(${taken}::text[])`;
}

/**
 * Who may write for which resource, by the database's clock: replicas need not agree on the time. Both statements may
 * be repeated when their answer was lost: a holder takes its own lease again, with a greater fence.
 */
export function leaseTable(database: Database) {
  const lease = ([row]: readonly Row[]): Lease | undefined => row && { ...row, fence: Number(row.fence) };
  return {
    // The end is reckoned again in the update: waiting for the row takes time.
    take: async (resource: string, holder: string, ttl: Milliseconds) =>
      lease(
        await database.rows<Row>(
          sql`INSERT INTO leases (resource, holder, fence, until)
            VALUES (${resource}, ${holder}, fence_floor() + 1, clock_timestamp() + ${ttl} * interval '1 millisecond')
            ON CONFLICT (resource) DO UPDATE SET holder = excluded.holder,
              fence = greatest(leases.fence, fence_floor()) + 1,
              until = clock_timestamp() + ${ttl} * interval '1 millisecond'
              WHERE leases.until <= clock_timestamp() OR leases.holder = excluded.holder
            RETURNING resource, holder, fence, floor(extract(epoch FROM until) * 1000)::float8 AS until`,
        ),
      ),
    renew: async ({ resource, holder, fence }: Lease, ttl: Milliseconds) =>
      lease(
        await database.rows<Row>(
          sql`UPDATE leases SET until = clock_timestamp() + ${ttl} * interval '1 millisecond'
            WHERE resource = ${resource} AND holder = ${holder} AND fence = ${fence} AND fence > fence_floor()
            RETURNING resource, holder, fence, floor(extract(epoch FROM until) * 1000)::float8 AS until`,
        ),
      ),
    /** Of one holder, in one statement. */
    renewAll: async (renewals: readonly Renewal[], ttl: Milliseconds): Promise<readonly Lease[]> => {
      const rows = await database.rows<Row>(
        sql`UPDATE leases SET until = clock_timestamp() + ${ttl} * interval '1 millisecond',
            exposed_at = coalesce(clock_timestamp() - mine.exposed * interval '1 millisecond', exposed_at),
            exposed_fence = CASE WHEN mine.exposed IS NULL THEN exposed_fence ELSE mine.fence END
          FROM unnest(${renewals.map(({ lease: { resource } }) => resource)}::text[],
            ${renewals.map(({ lease: { holder } }) => holder)}::text[],
            ${renewals.map(({ lease: { fence } }) => fence)}::bigint[],
            ${renewals.map(({ exposedFor }) => exposedFor ?? null)}::float8[]) AS mine (resource, holder, fence, exposed)
          WHERE leases.resource = mine.resource AND leases.holder = mine.holder AND leases.fence = mine.fence
            AND leases.fence > fence_floor()
          RETURNING leases.resource, leases.holder, leases.fence,
            floor(extract(epoch FROM until) * 1000)::float8 AS until`,
      );
      return rows.map((row) => lease([row]) as Lease);
    },
    free: async ({ resource, holder, fence }: Lease): Promise<void> => {
      await database.rows(
        sql`UPDATE leases SET until = clock_timestamp()
          WHERE resource = ${resource} AND holder = ${holder} AND fence = ${fence}`,
      );
    },
  };
}
