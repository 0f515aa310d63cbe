import type { Guard } from "../../core/ports.ts";
import type { Claim, Lease } from "../../core/rollout.ts";
import type { Instant } from "../../core/time.ts";
import type { Connection } from "./connection.ts";

/** No lease of a process that lived a moment ago reaches further. */
const LONGEST_MS = 3000;

/** Who may write for which resource. A row is never deleted, so a fence never goes back. */
export function leaseTable(connection: Connection) {
  const take = connection.prepare(
    `INSERT INTO leases (resource, holder, fence, until) VALUES (:resource, :holder, 1, :until)
     ON CONFLICT (resource) DO UPDATE SET holder = excluded.holder, fence = fence + 1, until = excluded.until
       WHERE until <= :now OR holder = excluded.holder`,
  );
  const claim = connection.prepare(
    `INSERT INTO leases (resource, holder, fence, until) VALUES (:resource, :holder, :fence, :until)
     ON CONFLICT (resource) DO UPDATE SET holder = excluded.holder, fence = excluded.fence, until = excluded.until`,
  );
  const highest = connection.prepare("SELECT coalesce(max(fence), 0) AS fence FROM leases");
  const renew = connection.prepare("UPDATE leases SET until = ? WHERE resource = ? AND holder = ? AND fence = ?");
  const get = connection.prepare("SELECT resource, holder, fence, until FROM leases WHERE resource = ?");
  const takeOne = (resource: string, holder: string, until: Instant, now: Instant) =>
    take.run({ resource, holder, until, now }).changes === 1 ? current(resource) : undefined;
  const isFree = (resource: string, holder: string, now: Instant): boolean => {
    const lease = current(resource);
    return lease === undefined || lease.until <= now || lease.holder === holder;
  };
  const current = (resource: string): Lease | undefined => {
    const row = get.get(resource) as unknown as Lease | undefined;
    return row && { ...row };
  };
  const usurper = ({ resource, fence, also }: Guard): string | undefined => {
    const lease = current(resource);
    if (lease?.fence !== fence) return lease?.holder ?? "";
    return also && usurper(also);
  };
  return {
    /**
     * When the store is opened nobody lives who could hold a lease, for the folder is ours alone. One that ends late was
     * given while the clock was ahead, and would lock everybody out until the clock comes there once more.
     */
    shorten: (now: Instant): void => {
      const longest = now + LONGEST_MS;
      connection.prepare("UPDATE leases SET until = ? WHERE until > ?").run(longest, longest);
    },
    take: takeOne,
    takeAll: ({ resources, holder, ttl, now }: Claim): readonly Lease[] | undefined => {
      if (!resources.every((resource) => isFree(resource, holder, now))) return undefined;
      const fence = (highest.get()?.["fence"] as number) + 1;
      return [...new Set(resources)].toSorted().map((resource) => {
        const lease = { resource, holder, fence, until: now + ttl };
        claim.run(lease);
        return lease;
      });
    },
    renew: ({ resource, holder, fence }: Lease, until: Instant) =>
      renew.run(until, resource, holder, fence).changes === 1 ? current(resource) : undefined,
    /** Who holds the resource instead, when the guard does not hold; nobody's name is empty. */
    usurper,
  };
}
