import { randomInt } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock, TrafficAdapter } from "../../core/ports.ts";
import type { Instant } from "../../core/time.ts";
import type { UnderWay } from "../../core/under-way.ts";
import type { Counter } from "../attribution/counter.ts";
import { requestKeyOf } from "../attribution/request-key.ts";
import type { Variant } from "../routing/assignment.ts";
import { createExposure, type Exposure } from "../routing/exposure.ts";
import type { DataPlane } from "./attempt.ts";
import { type Containment, type Fallback, isStaticAnswer } from "./containment.ts";
import { Exchange } from "./exchange.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { createRequestsUnderWay } from "./requests-under-way.ts";
import { openUpstream } from "./upstream.ts";

export interface GatewayOptions {
  readonly system: string;
  readonly clock: Clock;
  readonly counter: Counter;
  /** 32 bytes that sign request ids, the same as the counter's. */
  readonly requestKey: Uint8Array;
  /**
   * Where each variant answers at the start, for example `http://127.0.0.1:7001`; a path is put before the request's.
   * Under a route that says `swapped` they have changed their parts.
   */
  readonly upstreams: Readonly<Record<Variant, string | URL>>;
  /** Where a containment goes when stable will not do. */
  readonly fallback?: Fallback;
  readonly limits?: Partial<Limits>;
}

export interface Gateway {
  /** Serves on this port, or on a free one when it is taken; may be called for several. Rejects when there is none. */
  listen(port: number, host: string): Promise<Listening>;
  /** Serves one request; for a server of one's own. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  readonly traffic: TrafficAdapter & Pick<Exposure, "effective">;
  /**
   * Sends every request there, whatever the route says, before it returns; undefined goes back to the route. `else`
   * goes on to `safe` when it cannot be reached or was not declared; without a safe answer it is 503. Under `else`
   * and `safe` nobody's outcomes are counted, because none of our releases serves.
   */
  contain(to: Containment | undefined): void;
  contained(): Containment | undefined;
  /** Requests since the shares last changed, and those of them that have not ended. */
  underWay(): UnderWay;
  /** When a request was last dispatched to the candidate: the clock of containment stops here. */
  lastDispatchToCandidate(): Instant | undefined;
  /** Takes no more requests, waits a little for those in flight, and ends the connections. */
  close(): Promise<void>;
}

/** `moved`: the port that was asked for is taken, so this is another. */
export interface Listening {
  readonly port: number;
  readonly host: string;
  readonly moved: boolean;
}

const LAST_SEQUENCE = 2 ** 48 - 1;

/** The HTTP data plane of one AI system: splits, attributes and counts its traffic and passes everything on as it is. */
export function createGateway(options: GatewayOptions): Gateway {
  const { clock, counter } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const underWay = createRequestsUnderWay();
  const exposure = createExposure(options.system, clock, () => {
    counter.endStretch();
    underWay.restart();
  });
  const upstreams = {
    stable: openUpstream(options.upstreams.stable, limits),
    candidate: openUpstream(options.upstreams.candidate, limits),
  };
  const fallback = openFallback(options.fallback ?? {}, limits);
  let containment: Containment | undefined;
  let sequence = randomInt(LAST_SEQUENCE);
  let lastToCandidate: Instant | undefined;
  const plane: DataPlane = {
    exposure,
    counter,
    clock,
    key: requestKeyOf(options.requestKey),
    limits,
    upstreamOf: (variant, swapped) => upstreams[swapped ? otherThan(variant) : variant],
    fallback,
    containment: () => containment ?? exposure.effective()?.contained,
    nextSequence: () => (sequence = sequence === LAST_SEQUENCE ? 0 : sequence + 1),
    dispatchedToCandidate: () => (lastToCandidate = clock.now()),
    begin: underWay.begin,
  };
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    new Exchange(plane, request, response).start();
  };
  const servers: Server[] = [];
  return {
    handle,
    async listen(port, host) {
      const server = createServer(handle);
      const bound = await listenOn(server, port, host);
      servers.push(server);
      return { port: bound, host, moved: port !== 0 && bound !== port };
    },
    traffic: {
      current: exposure.current,
      effective: exposure.effective,
      renew: exposure.renew,
      // Without an answer of its own the safe state is 503: people take over.
      fallbacks: () => ({ else: fallback.else !== undefined, safe: true }),
      set(route) {
        counter.know(route.stable);
        if (route.candidate) counter.know(route.candidate);
        counter.restartUnits();
        exposure.set(route);
      },
    },
    underWay: underWay.now,
    contain(to) {
      containment = to;
    },
    contained: plane.containment,
    lastDispatchToCandidate: () => lastToCandidate,
    async close() {
      await Promise.all(servers.splice(0).map((server) => drained(server, clock, limits.drain)));
      const all = [upstreams.stable, upstreams.candidate, fallback.else, fallback.safe];
      await Promise.all(all.map((each) => (each && "pool" in each ? each.pool.destroy() : undefined)));
    },
  };
}

function otherThan(variant: Variant): Variant {
  return variant === "stable" ? "candidate" : "stable";
}

function openFallback({ else: other, safe }: Fallback, limits: Limits): DataPlane["fallback"] {
  return {
    ...(other === undefined ? {} : { else: openUpstream(other, limits) }),
    ...(safe === undefined ? {} : { safe: isStaticAnswer(safe) ? safe : openUpstream(safe, limits) }),
  };
}

async function listenOn(server: Server, port: number, host: string): Promise<number> {
  try {
    return await bind(server, port, host);
  } catch (error) {
    if (port === 0 || !/^(EADDRINUSE|EACCES)$/.test((error as { code?: string }).code ?? "")) throw error;
    return await bind(server, 0, host);
  }
}

function bind(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function drained(server: Server, clock: Clock, span: number): Promise<void> {
  const waiting = new AbortController();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await Promise.race([closed, clock.sleep(span, waiting.signal)]);
  waiting.abort();
  server.closeAllConnections();
  await closed;
}
