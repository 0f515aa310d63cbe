import type { Guard } from "../core/ports.ts";
import type { Claim, Lease } from "../core/rollout.ts";
import type { Instant } from "../core/time.ts";

// The leases of a store in memory, by resource.

export function take(leases: Map<string, Lease>, wanted: Omit<Lease, "fence">, now: Instant): Lease | undefined {
  const current = leases.get(wanted.resource);
  if (!isFree(current, wanted.holder, now)) return undefined;
  return given(leases, { ...wanted, fence: (current?.fence ?? 0) + 1 });
}

function given(leases: Map<string, Lease>, lease: Lease): Lease {
  leases.set(lease.resource, Object.freeze(lease));
  return lease;
}

export function takeAll(
  leases: Map<string, Lease>,
  { resources, holder, ttl, now: asked }: Claim,
  ownNow: (() => Instant) | undefined,
): readonly Lease[] | undefined {
  const now = ownNow?.() ?? asked;
  if (resources.some((resource) => !isFree(leases.get(resource), holder, now))) return undefined;
  const fence = 1 + Math.max(0, ...[...leases.values()].map((lease) => lease.fence));
  return [...new Set(resources)]
    .toSorted()
    .map((resource) => given(leases, { resource, holder, fence, until: now + ttl }));
}

function isFree(current: Lease | undefined, holder: string, now: Instant): boolean {
  return current === undefined || current.until <= now || current.holder === holder;
}

export function renew(
  leases: Map<string, Lease>,
  { resource, holder, fence }: Lease,
  until: Instant,
): Lease | undefined {
  const current = leases.get(resource);
  if (current?.fence !== fence || current.holder !== holder) return undefined;
  return given(leases, { resource, holder, fence, until });
}

/** Who holds the resource instead, when the guard does not hold; nobody's name is empty. */
export function usurperOf(leases: ReadonlyMap<string, Lease>, { resource, fence, also }: Guard): string | undefined {
  const lease = leases.get(resource);
  if (lease?.fence !== fence) return lease?.holder ?? "";
  return also && usurperOf(leases, also);
}
