import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type AssignmentState, readAssignmentState } from "../routing/assignment-state.ts";
import { readEvents } from "./event-reader.ts";
import type { LiveRoute } from "./live-route.ts";

export interface RouteClientOptions {
  /** Base URL of Rollbook, for example `http://127.0.0.1:7464`. */
  readonly url: string;
  readonly system: string;
  /** Sent as `Authorization: Bearer`, where reading needs a token. */
  readonly token?: string;
  /** Between two looks while the stream is up: 30 s. They keep the reckoning of the clock and find a dead stream. */
  readonly pollMs?: number;
  /** Between two looks while there is no stream: 1 s. Longer than the exposure lease would lose the candidate's share. */
  readonly fallbackPollMs?: number;
  /** How long one look may take: 5 s. */
  readonly timeoutMs?: number;
}

export interface RouteClientEvents {
  /** Another route, or the first one. */
  readonly changed: (state: AssignmentState) => void;
  /** Rollbook cannot be reached, or answers nonsense; said once until it is `found`. */
  readonly lost: (reason: string) => void;
  readonly found: () => void;
}

/** Keeps a live route up to date: a stream for the changes, and looks of its own for when that fails. */
export interface RouteClient {
  /** Resolves after the first look, successful or not. */
  start(): Promise<void>;
  close(): void;
}

export function createRouteClient(
  options: RouteClientOptions,
  route: LiveRoute,
  clock: () => number,
  events: RouteClientEvents,
): RouteClient {
  const { system, token, timeoutMs = 5_000 } = options;
  const path = new URL(`${options.url.replace(/\/$/, "")}/v1/assignments/${encodeURIComponent(system)}`);
  const authorisation = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const client = randomUUID();
  const closed = new AbortController();
  let stream = new AbortController();
  let streaming = false;
  let reachable: boolean | undefined;

  function take(text: string, sentAt?: number): AssignmentState | undefined {
    const state = readAssignmentState(text, system);
    if ("flaw" in state) throw new TypeError(state.flaw);
    const before = route.state?.route;
    const lapsed = route.lapsed();
    const taken = route.take(state, sentAt);
    const fresh = taken && JSON.stringify(before) !== JSON.stringify(state.route);
    // A look that learns what the stream should have said: the stream is dead and does not know.
    if (sentAt !== undefined && streaming && before && (fresh || (lapsed && !route.lapsed()))) stream.abort();
    if (fresh) events.changed(state);
    if (reachable === false) events.found();
    reachable = true;
    return fresh ? state : undefined;
  }

  function fail(error: unknown): void {
    if (closed.signal.aborted) return;
    if (reachable !== false) events.lost(reasonOf(error));
    reachable = false;
  }

  async function look(): Promise<void> {
    const epoch = route.state?.route.epoch;
    path.search = new URLSearchParams({ client, ...(epoch === undefined ? {} : { epoch: `${epoch}` }) }).toString();
    const signal = AbortSignal.any([closed.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const sentAt = clock();
      const response = await fetch(path, { headers: { accept: "application/json", ...authorisation }, signal });
      const text = await response.text();
      if (!response.ok) throw new TypeError(`${response.status} from ${path.origin}${path.pathname}`);
      take(text, sentAt);
    } catch (error) {
      fail(error);
    }
  }

  async function follow(): Promise<void> {
    stream = new AbortController();
    const signal = AbortSignal.any([closed.signal, stream.signal]);
    const target = `${path.origin}${path.pathname}`;
    try {
      const response = await fetch(target, { headers: { accept: "text/event-stream", ...authorisation }, signal });
      if (!response.ok || !response.body) throw new TypeError(`${response.status} from ${target}`);
      streaming = true;
      // The second look says that the pushed route is applied.
      for await (const text of readEvents(response.body)) if (take(text)) void look();
    } catch {
      // A look says whether Rollbook is there; a stream alone may be what a proxy does not let through.
    } finally {
      streaming = false;
    }
  }

  async function repeat(once: () => Promise<void>, pause: () => number): Promise<void> {
    while (!closed.signal.aborted) {
      await once();
      await sleep(pause(), undefined, { signal: closed.signal, ref: false }).catch(() => {});
    }
  }

  return {
    async start() {
      await look();
      const { pollMs = 30_000, fallbackPollMs = 1_000 } = options;
      void repeat(look, () => (streaming ? pollMs : fallbackPollMs));
      // Not all at the same moment, when a server comes back.
      void repeat(follow, () => 200 + Math.random() * 800);
    },
    close: () => closed.abort(),
  };
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
