import type { Route } from "../../core/entry.ts";
import type { SystemView } from "../../core/exchange.ts";
import type { TrafficAdapter } from "../../core/ports.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Milliseconds } from "../../core/time.ts";
import { systemClock } from "../system-clock.ts";
import type { ReplicaSeat } from "./seats.ts";

/** Terms begin so far apart in epochs: what a holder that lost its place set and never recorded is older than all that follows. */
const TERM = 1000;

/** The edge of one system on one of several replicas. */
export interface FollowedEdge {
  /** For the controller: the edge here, and the word to other replicas that the candidate's share is seen to. */
  readonly traffic: TrafficAdapter;
  /** Follows the holder: its route, and the candidate's share for as long as it has seen to it lately. */
  follow(view: SystemView, asked: number, exposureMs: Milliseconds): void;
  /** We hold the seat now, and this is the newest route. A share that people gave, and not a rollout, is given anew. */
  takeOver(route: Route | undefined, acts: boolean): void;
  /** The candidate gets nothing here, whatever the route says, until `letGo`. Answers at once, and needs nothing. */
  brake(): void;
  letGo(): void;
  /** Does the route itself give the candidate nothing? */
  contained(): boolean;
}

export function followEdge(system: string, edge: TrafficAdapter, seat: ReplicaSeat): FollowedEdge {
  let braked: ReleaseId | undefined;
  /** The newest route that we were told of, as it would be without the brake. */
  let told: Route | undefined;
  const set = (route: Route) => {
    told = route;
    const stopped = braked !== undefined && route.candidate === braked && route.candidatePpm > 0;
    const next = stopped ? { ...route, candidatePpm: 0 } : route;
    if (!same(edge.current(system), next)) edge.set(next);
  };
  return {
    traffic: {
      current: edge.current,
      set,
      renew(asked, until) {
        edge.renew(asked, until);
        if (until > systemClock.now()) seat.exposes(until === Number.MAX_SAFE_INTEGER);
      },
    },
    follow({ route, exposedFor }, asked, exposureMs) {
      const current = edge.current(system);
      if (route && (!current || route.epoch >= current.epoch)) set(route);
      if (exposedFor !== undefined) edge.renew(system, asked + exposureMs - exposedFor);
    },
    takeOver(route, acts) {
      const current = edge.current(system);
      const newest = route && (!current || route.epoch >= current.epoch) ? route : current;
      const epoch = (Math.floor((newest?.epoch ?? 0) / TERM) + 1) * TERM;
      if (newest) set({ ...newest, epoch, ...(acts ? {} : { candidatePpm: 0 }) });
    },
    brake() {
      const current = edge.current(system);
      braked = current?.candidate;
      if (current) set(told ?? current);
    },
    letGo() {
      braked = undefined;
      if (told) set(told);
    },
    contained: () => (told ?? edge.current(system))?.candidatePpm === 0,
  };
}

function same(a: Route | undefined, b: Route): boolean {
  return (
    a !== undefined &&
    a.epoch === b.epoch &&
    a.candidatePpm === b.candidatePpm &&
    a.stable === b.stable &&
    a.candidate === b.candidate &&
    a.swapped === b.swapped
  );
}
