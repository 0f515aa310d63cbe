import type { Route } from "../core/entry.ts";
import { RollbookError } from "../core/errors.ts";
import { isRoute, type Playbook } from "../core/playbook.ts";
import type { RestoreAdapter, TrafficAdapter } from "../core/ports.ts";
import type { ReleaseId } from "../core/release.ts";
import type { Instant } from "../core/time.ts";
import type { UnderWay } from "../core/under-way.ts";
import type { Counter } from "../traffic/attribution/counter.ts";
import { createFlagTraffic, type FlagTraffic } from "../traffic/flags/release-flag.ts";
import type { Fallback } from "../traffic/gateway/containment.ts";
import { createGateway } from "../traffic/gateway/gateway.ts";
import type { FlagValue } from "../traffic/routing/assignment-state.ts";
import { createExposure } from "../traffic/routing/exposure.ts";
import { systemClock } from "./system-clock.ts";

/** Where a system's traffic passes, or what decides where it goes. */
export interface EdgeSettings {
  /** Where stable and candidate answer at the start; without it there is no gateway. */
  readonly upstreams?: { readonly stable: string; readonly candidate: string };
  readonly gatewayPort?: number;
  /** A taken port is refused and not replaced: traffic that goes to the old one would pass unprotected. */
  readonly exactPort?: boolean;
  readonly fallback?: Fallback;
  /** What the release flag of `route: flags://KEY` says, by the label of a release or of one of its revisions. */
  readonly values?: (release: ReleaseId) => FlagValue | undefined;
  /** Adapters for this system alone; they come before those of the connections. */
  readonly adapters?: readonly RestoreAdapter[];
}

/** The place where traffic is contained: a gateway, a release flag, or nothing of ours. */
export interface Edge {
  readonly traffic: TrafficAdapter;
  /** The route as requests see it: without the candidate's share once its lease has lapsed. */
  served(): Route | undefined;
  /** Address of the gateway, if there is one. */
  readonly gateway?: string;
  readonly moved: boolean;
  readonly flag?: FlagTraffic;
  /** Requests that it has not answered yet, where it sees requests. */
  readonly underWay?: () => UnderWay;
  /** When something was last sent to the candidate. */
  lastToCandidate(): Instant | undefined;
  close(): Promise<void>;
}

export async function openEdge(
  playbook: Playbook,
  settings: EdgeSettings,
  counter: Counter,
  requestKey: Uint8Array,
): Promise<Edge> {
  const { system } = playbook;
  const route = playbook.components.find(isRoute)?.at ?? "";
  if (route.startsWith("flags://"))
    return flagEdge(system, route.slice("flags://".length), settings, counter, requestKey);
  if (settings.upstreams) return gatewayEdge(system, settings.upstreams, settings, counter, requestKey);
  const traffic = createExposure(system, systemClock);
  return {
    traffic,
    served: traffic.effective,
    moved: false,
    lastToCandidate: () => undefined,
    close: async () => undefined,
  };
}

function flagEdge(
  system: string,
  key: string,
  { values }: EdgeSettings,
  counter: Counter,
  requestKey: Uint8Array,
): Edge {
  const flag = createFlagTraffic({
    system,
    key,
    clock: systemClock,
    counter,
    requestKey,
    ...(values ? { values } : {}),
  });
  return {
    traffic: flag.traffic,
    served: flag.traffic.effective,
    moved: false,
    flag,
    lastToCandidate: () => flag.lastCandidateEvaluation(),
    close: async () => flag.close(),
  };
}

async function gatewayEdge(
  system: string,
  upstreams: NonNullable<EdgeSettings["upstreams"]>,
  { gatewayPort = 0, exactPort = false, fallback }: EdgeSettings,
  counter: Counter,
  requestKey: Uint8Array,
): Promise<Edge> {
  const options = { system, clock: systemClock, counter, requestKey, upstreams, ...(fallback ? { fallback } : {}) };
  const gateway = createGateway(options);
  const { port, moved } = await gateway.listen(gatewayPort, "127.0.0.1");
  if (moved && exactPort) {
    await gateway.close();
    throw new RollbookError("PORT_TAKEN", { system, port: gatewayPort });
  }
  return {
    traffic: gateway.traffic,
    served: gateway.traffic.effective,
    underWay: gateway.underWay,
    gateway: `http://127.0.0.1:${port}`,
    moved,
    lastToCandidate: () => gateway.lastDispatchToCandidate(),
    close: () => gateway.close(),
  };
}
