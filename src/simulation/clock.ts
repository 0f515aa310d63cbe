import type { Clock } from "../core/ports.ts";
import { formatDuration, type Instant, type Milliseconds } from "../core/time.ts";
import { createSleeperQueue, type Sleeper } from "./sleeper-queue.ts";

/** A clock that only moves when it is told to, so that hours pass in milliseconds and every run is the same. */
export interface SimulatedClock extends Clock {
  /**
   * Drives virtual time until the promise settles, and answers as it does. Time moves only when nothing else is left
   * to do, and then straight to the earliest sleeper; sleepers of the same instant wake in the order they lay down.
   * Throws when nobody sleeps and the promise still waits, or when a limit of `DriveLimits` is reached.
   */
  run<T>(promise: Promise<T>, limits?: DriveLimits): Promise<T>;
  /** Moves time by the span and wakes, in order, everyone whose time has come. */
  advance(span: Milliseconds): Promise<void>;
  /** How many sleepers there are. */
  asleep(): number;
}

export interface DriveLimits {
  /** Virtual time that the promise may take; no limit without it. */
  readonly within?: Milliseconds;
  /** Sleepers woken before the run counts as endless; 1,000,000 without it. */
  readonly wakes?: number;
}

const DEFAULT_WAKES = 1_000_000;
/** Rounds of the event loop that a promise may need without any sleeper, before it counts as never settling. */
const PATIENCE = 100;

export interface SimulatedClockOptions {
  /** Nothing in this world waits for real I/O, so that the event loop need not be asked; three times as fast. */
  readonly closed?: boolean;
}

/** Makes a clock that stands at `start` (milliseconds since 1970). Real I/O does not hold virtual time back. */
export function createSimulatedClock(start: Instant, { closed = false }: SimulatedClockOptions = {}): SimulatedClock {
  const queue = createSleeperQueue();
  let now = start;
  let order = 0;
  let driving = false;

  function sleep(span: Milliseconds, signal?: AbortSignal): Promise<void> {
    if (Number.isNaN(span)) return Promise.reject(new RangeError("A sleep needs a span in milliseconds."));
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        sleeper.awake = true;
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper: Sleeper = { due: now + Math.max(0, span), order: order++, span, wake, awake: false };
      signal?.addEventListener("abort", wake, { once: true });
      queue.push(sleeper);
    });
  }

  function wakeEarliest(): void {
    const sleeper = queue.pop()!;
    now = sleeper.due;
    sleeper.wake();
  }

  async function exclusively<T>(drive: () => Promise<T>): Promise<T> {
    if (driving) throw new Error("This simulated clock is already being driven; drive it from one place.");
    driving = true;
    try {
      return await drive();
    } finally {
      driving = false;
    }
  }

  async function runUntilSettled(settled: () => boolean, limits: DriveLimits): Promise<void> {
    const deadline = limits.within === undefined ? Number.POSITIVE_INFINITY : now + limits.within;
    let wakesLeft = limits.wakes ?? DEFAULT_WAKES;
    let idle = 0;
    while (!settled()) {
      await (closed && idle === 0 ? microtasksDone() : drained());
      if (settled()) return;
      const next = queue.peek();
      if (next === undefined) {
        if (++idle > PATIENCE) throw stalled("nobody is asleep and the promise still waits", []);
        continue;
      }
      if (next.due > deadline) {
        throw stalled(`the promise is not settled after ${formatDuration(limits.within ?? 0)}`, queue.sleepers());
      }
      if (wakesLeft-- === 0) throw stalled("sleepers woke without end", queue.sleepers());
      idle = 0;
      wakeEarliest();
    }
  }

  function stalled(what: string, sleepers: readonly Sleeper[]): Error {
    const names = sleepers.slice(0, 10).map((one) => `${formatDuration(one.span)} until ${iso(one.due)}`);
    const list = names.length === 0 ? "" : ` Asleep (${sleepers.length}): ${names.join("; ")}.`;
    return new Error(`Simulated time stands still at ${iso(now)}: ${what}.${list}`);
  }

  return {
    now: () => now,
    sleep,
    asleep: () => queue.sleepers().length,
    run: (promise, limits = {}) =>
      exclusively(async () => {
        let settled = false;
        const settle = () => {
          settled = true;
        };
        promise.then(settle, settle);
        await runUntilSettled(() => settled, limits);
        return promise;
      }),
    advance: (span) =>
      exclusively(async () => {
        const until = now + span;
        await drained();
        for (let next = queue.peek(); next !== undefined && next.due <= until; next = queue.peek()) {
          wakeEarliest();
          await drained();
        }
        now = until;
      }),
  };
}

/** Every promise that can go on has gone on. */
function drained(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The same for promises that rest on nothing but promises: ticks come after them, and before the event loop goes on. */
function microtasksDone(): Promise<void> {
  return Promise.resolve().then(() => new Promise((resolve) => process.nextTick(resolve)));
}

function iso(at: Instant): string {
  return new Date(at).toISOString();
}
