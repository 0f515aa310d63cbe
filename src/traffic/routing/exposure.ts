import type { Route } from "../../core/entry.ts";
import { RollbookError } from "../../core/errors.ts";
import type { Clock, TrafficAdapter } from "../../core/ports.ts";
import type { Instant } from "../../core/time.ts";
import { BUCKETS, effectiveRoute } from "./assignment.ts";

/** So far a clock may be set back, in milliseconds, as clocks that are kept right are. */
const STEP = 1000;
/** A share that people gave until they say something else. */
const FOR_EVER = Number.MAX_SAFE_INTEGER;

/** The route of one system and its lease, as the data plane reads it for every request. */
export interface Exposure extends TrafficAdapter {
  /** The route after the lease; the same object until something changes. Undefined before the first `set`. */
  effective(): Route | undefined;
  /** Until when the candidate's share counts. */
  readonly leaseUntil: Instant;
}

/**
 * Holds the exposure of one system. There is no lease before the first `renew`, so a new process serves stable until
 * a living controller says otherwise. A route of an older epoch than the current one comes from a controller that
 * lost its place and is ignored. `onChange` is told of another effective route when it is first asked for. Throws NOT_FOUND for another system and REQUEST_INVALID for a share outside 0..10^6.
 */
export function createExposure(system: string, clock: Clock, onChange: () => void = () => undefined): Exposure {
  let effective: Route | undefined;
  let route: Route | undefined;
  let contained: Route | undefined;
  let leaseUntil = 0;
  let renewedAt = 0;
  /** A clock that is set back must not lengthen what was granted by it. */
  const lasts = () => clock.now() < leaseUntil && (clock.now() >= renewedAt - STEP || leaseUntil === FOR_EVER);
  return {
    current: (asked) => (asked === system ? route : undefined),
    set(next) {
      if (next.system !== system) throw new RollbookError("NOT_FOUND", { what: `gateway for ${next.system}` });
      const ppm = next.candidatePpm;
      if (!Number.isInteger(ppm) || ppm < 0 || ppm > BUCKETS) {
        throw new RollbookError("REQUEST_INVALID", { reason: `a share of ${ppm} parts per million` });
      }
      if (route && next.epoch < route.epoch) return;
      route = next;
      contained = effectiveRoute(next, 0, 0);
    },
    renew(asked, until) {
      if (asked !== system) return;
      leaseUntil = until;
      renewedAt = clock.now();
    },
    effective() {
      const now = route && lasts() ? route : contained;
      if (now !== effective) onChange();
      effective = now;
      return now;
    },
    get leaseUntil() {
      return leaseUntil;
    },
  };
}
