import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ReleaseId } from "../../core/release.ts";
import type { Outcome } from "./outcome.ts";
import { createOutcomeBacklog, type Report } from "./outcome-backlog.ts";

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

export interface OutcomeQueue {
  /** Outcomes of one request, by its id. */
  addRequest(request: string, outcome: Outcome): void;
  /** Outcomes of one unit that was served with this release in this second; summed up with others of its kind. */
  addArm(system: string, release: ReleaseId, second: number, outcome: Outcome): void;
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

const LONGEST_PAUSE = 30_000;

/**
 * Gathers outcomes and delivers each at least once; the server counts it once, because a report that is sent again has
 * the same key or request id. Memory is bounded, and no failure reaches the application.
 */
export function createOutcomeQueue(options: OutcomeQueueOptions): OutcomeQueue {
  const { everyMs = 1_000, most = 50_000, closeMs = 5_000 } = options;
  const stopped = new AbortController();
  const backlog = createOutcomeBacklog(randomUUID(), most);
  const counted = { sent: 0, rejected: 0, lastFlaw: undefined as string | undefined };
  let pause = everyMs;
  let sending: Promise<boolean> | undefined;

  /** Sends one batch; answers whether it is worth going on at once. */
  async function send(signal?: AbortSignal): Promise<boolean> {
    const batch = backlog.next();
    if (batch.length === 0) return false;
    const answer = await post(options, batch, signal);
    if (answer.reason !== undefined) counted.lastFlaw = answer.reason;
    pause = answer.kind === "retry" ? Math.min(LONGEST_PAUSE, pause * 2) : everyMs;
    if (answer.kind === "retry") return false;
    backlog.done(batch.length);
    counted.sent += batch.length - answer.rejected;
    counted.rejected += answer.rejected;
    return backlog.size > 0;
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
      const span = pause * (0.8 + Math.random() * 0.4);
      await sleep(span, undefined, { signal: stopped.signal, ref: false }).catch(() => {});
      if (!stopped.signal.aborted) await flush();
    }
  }
  void run();

  return {
    addRequest: (...outcome) => stopped.signal.aborted || backlog.addRequest(...outcome),
    addArm: (...outcome) => stopped.signal.aborted || backlog.addArm(...outcome),
    flush: () => flush(),
    async close() {
      stopped.abort();
      const signal = AbortSignal.timeout(closeMs);
      while (!signal.aborted && backlog.size > 0) {
        await flush(signal);
        if (backlog.size > 0) await sleep(100, undefined, { signal }).catch(() => {});
      }
      backlog.clear();
    },
    get stats() {
      return { ...counted, waiting: backlog.size, dropped: backlog.dropped };
    },
  };
}

type Answer =
  | { readonly kind: "taken"; readonly rejected: number; readonly reason?: string }
  | { readonly kind: "retry"; readonly reason: string };

async function post(options: OutcomeQueueOptions, outcomes: readonly Report[], until?: AbortSignal): Promise<Answer> {
  const { url, token, timeoutMs = 5_000 } = options;
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = until ? AbortSignal.any([limit, until]) : limit;
  try {
    const response = await fetch(`${url.replace(/\/$/, "")}/v1/outcomes`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: JSON.stringify({ outcomes }),
      signal,
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
