import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ReleaseId } from "../../core/release.ts";

export interface OutcomeQueueOptions {
  /** Base URL of Rollbook. */
  readonly url: string;
  /** A token of role `reporter`. */
  readonly token: string;
  /** How long outcomes are gathered before they are sent: 1 s. */
  readonly everyMs?: number;
  /** How many reports wait at most; beyond it the oldest are given up: 50,000. */
  readonly most?: number;
  /** How long one sending may take: 5 s. */
  readonly timeoutMs?: number;
  /** How long `close` goes on trying: 5 s. */
  readonly closeMs?: number;
}

type Counts = Readonly<Record<string, number>>;

export interface OutcomeQueue {
  /** Outcomes of one request, by its id. */
  addRequest(request: string, counts: Counts): void;
  /** Outcomes of one unit that was served with this release in this second; summed up with others of its kind. */
  addArm(system: string, release: ReleaseId, second: number, counts: Counts): void;
  /** Sends what there is; resolves when it has arrived or was given up for now. */
  flush(): Promise<void>;
  /** Sends what there is, trying again for a while, and takes no more. */
  close(): Promise<void>;
  readonly stats: Readonly<OutcomeStats>;
}

/** In reports: `sent` were taken, `rejected` refused for good, `dropped` given up unsent. */
export interface OutcomeStats {
  waiting: number;
  sent: number;
  rejected: number;
  dropped: number;
  /** Why the last sending failed or something was rejected. */
  lastFlaw: string | undefined;
}

type Report = Readonly<Record<string, unknown>>;
interface OpenSum {
  readonly system: string;
  readonly release: ReleaseId;
  readonly second: number;
  readonly counts: Record<string, number>;
}

const BATCH = 1_000;
const MOST_IN_ONE = 1_000_000;
const LONGEST_PAUSE = 30_000;

/**
 * Gathers outcomes and delivers each at least once; the server counts it once, because a report that is sent again has
 * the same key or request id. Memory is bounded, and no failure reaches the application.
 */
export function createOutcomeQueue(options: OutcomeQueueOptions): OutcomeQueue {
  const { everyMs = 1_000, most = 50_000, closeMs = 5_000 } = options;
  const own = randomUUID();
  const stopped = new AbortController();
  const sums = new Map<string, OpenSum>();
  const waiting: Report[] = [];
  const counted = { sent: 0, rejected: 0, dropped: 0, lastFlaw: undefined as string | undefined };
  let serial = 0;
  let pause = everyMs;
  let sending: Promise<boolean> | undefined;

  function seal(): void {
    for (const sum of sums.values()) waiting.push({ ...sum, key: `${own}:${++serial}` });
    sums.clear();
    // What is being sent stands first and stays; it is at most one batch.
    const begin = sending ? BATCH : 0;
    if (waiting.length > most) counted.dropped += waiting.splice(begin, waiting.length - most).length;
  }

  /** Sends one batch; answers whether it is worth going on at once. */
  async function send(signal?: AbortSignal): Promise<boolean> {
    seal();
    const batch = waiting.slice(0, BATCH);
    if (batch.length === 0) return false;
    const answer = await post(options, batch, signal);
    if (answer.kind === "retry") {
      counted.lastFlaw = answer.reason;
      pause = Math.min(LONGEST_PAUSE, pause * 2);
      return false;
    }
    pause = everyMs;
    waiting.splice(0, batch.length);
    counted.sent += batch.length - answer.rejected;
    counted.rejected += answer.rejected;
    if (answer.reason !== undefined) counted.lastFlaw = answer.reason;
    return waiting.length > 0;
  }

  async function flush(signal?: AbortSignal): Promise<void> {
    for (let more = true; more; ) {
      sending ??= send(signal).finally(() => {
        sending = undefined;
      });
      more = await sending;
    }
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      // Spread, so that a thousand clients of one server that comes back do not report in the same second.
      await sleep(pause * (0.8 + Math.random() * 0.4), undefined, { signal: stopped.signal, ref: false }).catch(
        () => {},
      );
      if (!stopped.signal.aborted) await flush();
    }
  }
  void run();

  return {
    addRequest(request, counts) {
      if (!stopped.signal.aborted) waiting.push({ request, counts });
      if (waiting.length > most + BATCH) seal();
    },
    addArm(system, release, second, counts) {
      if (stopped.signal.aborted) return;
      const kind = `${system} ${release} ${second} ${Object.keys(counts).sort().join(" ")}`;
      const sum = sums.get(kind);
      if (sum && fits(sum.counts, counts)) for (const name in counts) sum.counts[name]! += counts[name]!;
      else {
        if (sum || sums.size >= most) seal();
        sums.set(kind, { system, release, second, counts: { ...counts } });
      }
    },
    flush: () => flush(),
    async close() {
      stopped.abort();
      const signal = AbortSignal.timeout(closeMs);
      while (!signal.aborted && (waiting.length > 0 || sums.size > 0)) {
        await flush(signal);
        if (waiting.length > 0) await sleep(100, undefined, { signal }).catch(() => {});
      }
      counted.dropped += waiting.splice(0).length;
    },
    get stats() {
      return { ...counted, waiting: waiting.length + sums.size };
    },
  };
}

function fits(sum: Counts, more: Counts): boolean {
  for (const name in more) if (sum[name]! + more[name]! > MOST_IN_ONE) return false;
  return true;
}

type Answer =
  | { readonly kind: "taken"; readonly rejected: number; readonly reason?: string }
  | { readonly kind: "retry"; readonly reason: string };

async function post(options: OutcomeQueueOptions, outcomes: readonly Report[], until?: AbortSignal): Promise<Answer> {
  const { url, token, timeoutMs = 5_000 } = options;
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(`${url.replace(/\/$/, "")}/v1/outcomes`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ outcomes }),
      signal: until ? AbortSignal.any([limit, until]) : limit,
    });
    const text = await response.text();
    const reason = `${response.status} ${text.slice(0, 300)}`;
    if (response.status >= 500 || [401, 403, 408, 425, 429].includes(response.status)) return { kind: "retry", reason };
    if (!response.ok) return { kind: "taken", rejected: outcomes.length, reason };
    const { rejected = 0 } = JSON.parse(text) as { rejected?: number };
    return rejected > 0 ? { kind: "taken", rejected, reason } : { kind: "taken", rejected };
  } catch (error) {
    return { kind: "retry", reason: (error as Error).message };
  }
}
