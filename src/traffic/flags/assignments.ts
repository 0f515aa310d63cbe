import type { Clock } from "../../core/ports.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import type { AssignmentState } from "../routing/assignment-state.ts";
import { type ChangeStream, createChangeStream } from "./change-stream.ts";
import type { OfrepAnswer } from "./ofrep.ts";
import type { FlagTraffic } from "./release-flag.ts";

/** Who assigns by itself, and how far it has come. */
export interface AppliedRoute {
  readonly epoch: number;
  /** Clients heard of lately. */
  readonly clients: number;
  /** Those of them that have not said that they apply this epoch. */
  readonly behind: number;
}

/** What clients that assign in their own process live on: the route, its lease, and the values. */
export interface Assignments {
  /** Serves one more system from here on. */
  join(flag: FlagTraffic): void;
  /**
   * `GET /v1/assignments/{system}`: the state as JSON. A client that names itself and the epoch that it applies
   * (`?client=ID&epoch=N`) is remembered for `applied`. 404 for a system without a release flag or without a route.
   */
  answer(system: string, query?: { readonly client?: string; readonly epoch?: string }): OfrepAnswer;
  /** The same path with `Accept: text/event-stream`: the state at once and with every change. */
  stream(system: string, signal: AbortSignal): Response;
  /** The change stream of OFREP 0.3 (ADR 0008): tells to evaluate again. `GET` of the path that bulk answers name. */
  changes(signal: AbortSignal): Response;
  /** To be called when a built-in flag has changed; release flags tell by themselves. */
  flagChanged(): void;
  applied(system: string): AppliedRoute | undefined;
  /** How many follow a system's stream. */
  listeners(system: string): number;
  close(): void;
}

const HEARD_LATELY: Milliseconds = 90_000;
const MOST_CLIENTS = 20_000;
const REFETCH = JSON.stringify({ type: "refetchEvaluation" });

/** Serves the release flags given, for as long as they live. */
export function createAssignments(clock: Clock, flags: readonly FlagTraffic[] = []): Assignments {
  const changes = createChangeStream();
  const systems = new Map<string, ReturnType<typeof servedOf>>();
  const closed = new AbortController();
  const join = (flag: FlagTraffic) => {
    const served = servedOf(flag, clock);
    systems.set(flag.system, served);
    flag.onChange((change) => {
      const state = stateOf(flag, clock);
      if (state && change !== "lapsed") served.stream.publish(JSON.stringify(state));
      if (change !== "renewed") changes.publish(REFETCH);
    }, closed.signal);
  };
  for (const flag of flags) join(flag);
  return {
    join,
    answer(system, query = {}) {
      const served = systems.get(system);
      const state = served && stateOf(served.flag, clock);
      if (!state) return missing(system);
      if (query.client) served.heard.note(query.client, Number(query.epoch ?? -1));
      const headers = { "content-type": "application/json", "cache-control": "no-store" };
      return { status: 200, headers, body: JSON.stringify(state) };
    },
    stream(system, signal) {
      const served = systems.get(system);
      const state = served && stateOf(served.flag, clock);
      if (served) return served.stream.connect(signal, state && JSON.stringify(state));
      const { status, headers, body } = missing(system);
      return new Response(body, { status, headers });
    },
    changes: (signal) => changes.connect(signal),
    flagChanged: () => changes.publish(REFETCH),
    applied(system) {
      const served = systems.get(system);
      const epoch = served?.flag.traffic.current(system)?.epoch;
      return served && epoch !== undefined ? served.heard.against(epoch) : undefined;
    },
    listeners: (system) => systems.get(system)?.stream.listeners ?? 0,
    close() {
      closed.abort();
      changes.close();
      for (const { stream } of systems.values()) stream.close();
    },
  };
}

interface Served {
  readonly flag: FlagTraffic;
  readonly stream: ChangeStream;
  readonly heard: Heard;
}

function servedOf(flag: FlagTraffic, clock: Clock): Served {
  return { flag, stream: createChangeStream(), heard: createHeard(clock) };
}

function stateOf(flag: FlagTraffic, clock: Clock): AssignmentState | undefined {
  const live = flag.live();
  return live && { ...live, now: clock.now() };
}

/** Problem details (RFC 9457), as the rest of the API answers. */
function missing(system: string): OfrepAnswer {
  const title = `There is no release flag of ${system} with a route.`;
  const body = JSON.stringify({ type: "about:blank", title, status: 404 });
  return { status: 404, headers: { "content-type": "application/problem+json" }, body };
}

interface Heard {
  note(client: string, epoch: number): void;
  against(epoch: number): AppliedRoute;
}

/** Remembers the newest word of each client, of the newest 20,000. */
function createHeard(clock: Clock): Heard {
  const clients = new Map<string, { readonly epoch: number; readonly at: Instant }>();
  return {
    note(client, epoch) {
      const id = client.slice(0, 100);
      clients.delete(id);
      clients.set(id, { epoch, at: clock.now() });
      // Asked first: a map that is emptied from its front is slow to begin with.
      if (clients.size > MOST_CLIENTS) clients.delete(clients.keys().next().value!);
    },
    against(epoch) {
      for (const [id, { at }] of clients) if (at + HEARD_LATELY <= clock.now()) clients.delete(id);
      const behind = [...clients.values()].filter((client) => !(client.epoch >= epoch)).length;
      return { epoch, clients: clients.size, behind };
    },
  };
}
