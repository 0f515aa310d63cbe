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
  const { pollMs = 30_000, fallbackPollMs = 1_000 } = options;
  const closed = new AbortController();
  const ask = askerOf(options, closed.signal);
  const reached = reachOf(events);
  let stream = new AbortController();
  let streaming = false;

  /** Answers whether the route is another one now. */
  function take(text: string, sentAt?: number): boolean {
    const state = readAssignmentState(text, options.system);
    if ("flaw" in state) throw new TypeError(state.flaw);
    const before = route.state?.route;
    const lapsed = route.lapsed();
    const fresh = route.take(state, sentAt) && JSON.stringify(before) !== JSON.stringify(state.route);
    // A look that learns what the stream should have said: the stream is dead and does not know.
    if (sentAt !== undefined && streaming && before && (fresh || (lapsed && !route.lapsed()))) stream.abort();
    if (fresh) events.changed(state);
    reached.yes();
    return fresh;
  }

  async function look(): Promise<void> {
    try {
      const sentAt = clock();
      const response = await ask.state(route.state?.route.epoch);
      take(await response.text(), sentAt);
    } catch (error) {
      if (!closed.signal.aborted) reached.no(error);
    }
  }

  async function follow(): Promise<void> {
    stream = new AbortController();
    try {
      const body = await ask.stream(stream.signal);
      streaming = true;
      // The look says that the pushed route is applied.
      for await (const text of readEvents(body)) if (take(text)) void look();
    } catch {
      // A look says whether Rollbook is there; a stream alone may be what a proxy does not let through.
    } finally {
      streaming = false;
    }
  }

  return {
    async start() {
      await look();
      void repeat(closed.signal, look, () => (streaming ? pollMs : fallbackPollMs));
      // Not all at the same moment, when a server comes back.
      void repeat(closed.signal, follow, () => 200 + Math.random() * 800);
    },
    close: () => closed.abort(),
  };
}

async function repeat(until: AbortSignal, once: () => Promise<void>, pause: () => number): Promise<void> {
  while (!until.aborted) {
    await once();
    await sleep(pause(), undefined, { signal: until, ref: false }).catch(() => {});
  }
}

/** The two questions to `GET /v1/assignments/{system}`; each throws unless the answer is a good one. */
function askerOf({ url, system, token, timeoutMs = 5_000 }: RouteClientOptions, closed: AbortSignal) {
  const path = `${url.replace(/\/$/, "")}/v1/assignments/${encodeURIComponent(system)}`;
  const authorisation = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const client = randomUUID();
  const get = async (query: string, accept: string, signal: AbortSignal): Promise<Response> => {
    const headers = { accept, ...authorisation };
    const response = await fetch(path + query, { headers, signal: AbortSignal.any([closed, signal]) });
    if (!response.ok) throw new TypeError(`${response.status} from ${path}`);
    return response;
  };
  return {
    state(epoch: number | undefined): Promise<Response> {
      const query = new URLSearchParams({ client, ...(epoch === undefined ? {} : { epoch: `${epoch}` }) });
      return get(`?${query}`, "application/json", AbortSignal.timeout(timeoutMs));
    },
    async stream(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
      const { body } = await get("", "text/event-stream", signal);
      if (!body) throw new TypeError(`nothing from ${path}`);
      return body;
    },
  };
}

/** Says each change once. */
function reachOf({ lost, found }: RouteClientEvents) {
  let there: boolean | undefined;
  return {
    yes(): void {
      if (there === false) found();
      there = true;
    },
    no(error: unknown): void {
      if (there !== false) lost(reasonOf(error));
      there = false;
    },
  };
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
