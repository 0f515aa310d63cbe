import type { Route } from "../core/entry.ts";
import { RollbookError } from "../core/errors.ts";
import type { Clock, Random, SignalSource, TrafficAdapter } from "../core/ports.ts";
import type { ReleaseId } from "../core/release.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import { drawBinomial, drawPoisson } from "./draws.ts";

/** The truth about a signal of one release: from this moment on, this rate (probability, or occurrences a request). */
export interface TrueRate {
  readonly from: Instant;
  readonly rate: number;
}

export interface SimulatedSignal {
  readonly name: string;
  /** `share` draws binomial counts, `count` Poisson ones; `share` without it. */
  readonly kind?: "share" | "count";
  /** For each release its true rate, or the rates that follow one another in time. */
  readonly rates: Readonly<Record<ReleaseId, number | readonly TrueRate[]>>;
  /** How long after its request an outcome is known. */
  readonly delay?: Milliseconds;
}

export interface SimulatedTrafficOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly route: Route;
  readonly requestsPerSecond: number;
  readonly signals: readonly SimulatedSignal[];
  readonly node?: string;
  /** Which pre-signed ways the edge has; what goes there is served by none of the releases. */
  readonly fallbacks?: { readonly else: boolean; readonly safe: boolean };
}

/** Traffic with known truth, split as the route and the lease say, counted as a gateway counts. */
export interface SimulatedTraffic extends TrafficAdapter, SignalSource {
  /** Requests that each release has served so far, and what became of them: known now or only later. */
  served(release: ReleaseId): { readonly requests: number; readonly counts: Readonly<Record<string, number>> };
  /** When the last stretch of at most a second began in which a release served a request. */
  lastServed(release: ReleaseId): Instant | undefined;
}

interface Block extends Omit<Sample, "node" | "sequence"> {
  readonly knownAt: Instant;
}

interface Served {
  requests: number;
  last: Instant;
  readonly counts: Record<string, number>;
}

const SECOND = 1000;
const EVERYTHING = 1_000_000;

/**
 * Arrivals are Poisson; nothing runs in the background: each call first lives through the time since the last one, in
 * stretches over which route, lease and rates are constant. Throws `REQUEST_INVALID` on a release without a rate.
 */
export function createSimulatedTraffic(options: SimulatedTrafficOptions): SimulatedTraffic {
  const { clock, random, requestsPerSecond, signals, node = "simulated" } = options;
  const served = new Map<ReleaseId, Served>();
  const changes = changesOf(signals);
  let route = options.route;
  let leaseUntil: Instant = Number.NEGATIVE_INFINITY;
  let lived = clock.now();
  let waiting: Block[] = [];
  let sequence = 0;

  /** Lives through the time up to now. */
  function catchUp(): void {
    const now = clock.now();
    while (lived < now) {
      const end = Math.min(now, nextSecond(lived), leaseUntil > lived ? leaseUntil : now, changes.after(lived));
      serve(lived, end);
      lived = end;
    }
  }

  function serve(from: Instant, to: Instant): void {
    const arrivals = drawPoisson(random, (requestsPerSecond * (to - from)) / SECOND);
    if (route.contained !== undefined) return;
    const ppm = from < leaseUntil && route.candidate !== undefined ? route.candidatePpm : 0;
    const toCandidate = drawBinomial(random, arrivals, ppm / EVERYTHING);
    if (route.candidate !== undefined) observe(route.candidate, toCandidate, from, to);
    observe(route.stable, arrivals - toCandidate, from, to);
  }

  function observe(release: ReleaseId, n: number, at: Instant, to: Instant): void {
    if (n === 0) return;
    const total = served.get(release) ?? { requests: 0, last: at, counts: {} };
    served.set(release, total);
    total.requests += n;
    total.last = at;
    const bucket = at - (at % SECOND);
    for (const signal of signals) {
      const rate = rateAt(signal, release, at);
      const k = signal.kind === "count" ? drawPoisson(random, n * rate) : drawBinomial(random, n, rate);
      total.counts[signal.name] = (total.counts[signal.name] ?? 0) + k;
      waiting.push({ bucket, signal: signal.name, release, n, k, knownAt: to + (signal.delay ?? 0) });
    }
  }

  return {
    ...(options.fallbacks ? { fallbacks: () => options.fallbacks! } : {}),
    current: (system) => (system === route.system ? route : undefined),
    set(next) {
      if (next.system !== route.system) throw new RollbookError("NOT_FOUND", { what: `system ${next.system}` });
      catchUp();
      if (next.epoch >= route.epoch) route = next;
    },
    renew(system, until) {
      if (system !== route.system) return;
      catchUp();
      leaseUntil = Math.max(leaseUntil, until);
    },
    drain() {
      catchUp();
      const known = waiting.filter((block) => block.knownAt <= clock.now());
      if (known.length === 0) return [];
      waiting = waiting.filter((block) => block.knownAt > clock.now());
      sequence++;
      const now = clock.now();
      return merged(known).map(({ knownAt: _, ...block }) => ({ node, sequence, ...block, known: now }));
    },
    served(release) {
      catchUp();
      const { requests, counts } = served.get(release) ?? { requests: 0, counts: {} };
      return { requests, counts: { ...counts } };
    },
    lastServed(release) {
      catchUp();
      return served.get(release)?.last;
    },
  };
}

function nextSecond(at: Instant): Instant {
  return at - (at % SECOND) + SECOND;
}

function rateAt({ name, rates }: SimulatedSignal, release: ReleaseId, at: Instant): number {
  const rate = rates[release];
  const found = typeof rate === "object" ? rate.findLast((one) => one.from <= at)?.rate : rate;
  if (found === undefined) {
    throw new RollbookError("REQUEST_INVALID", { reason: `the signal ${name} has no rate for ${release} at ${at}` });
  }
  return found;
}

/** When any rate changes: a stretch never spans two rates. */
function changesOf(signals: readonly SimulatedSignal[]): { after(at: Instant): Instant } {
  const steps = signals.flatMap(({ rates }) => Object.values(rates).filter((rate) => typeof rate === "object"));
  const moments = steps.flatMap((rates) => rates.map(({ from }) => from)).sort((a, b) => a - b);
  return { after: (at) => moments.find((moment) => moment > at) ?? Number.POSITIVE_INFINITY };
}

/** One block for each bucket, signal and release, as the key of a sample asks. */
function merged(blocks: readonly Block[]): readonly Block[] {
  const byKey = new Map<string, Block>();
  for (const block of blocks) {
    const key = `${block.bucket} ${block.signal} ${block.release}`;
    const same = byKey.get(key);
    byKey.set(key, same === undefined ? block : { ...same, n: same.n + block.n, k: same.k + block.k });
  }
  return [...byKey.values()];
}
