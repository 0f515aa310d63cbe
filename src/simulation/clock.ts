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

  function exclusively<T>(drive: () => Promise<T>): Promise<T> {
    if (driving)
      return Promise.reject(new Error("This simulated clock is already being driven; drive it from one place."));
    driving = true;
    return drive().finally(() => {
      driving = false;
    });
  }

  /** Wakes one sleeper after the other, each when nothing else can go on; `over` is called when time must stand still. */
  function drive(settled: () => boolean, limits: DriveLimits, over: (error?: Error) => void): void {
    const deadline = limits.within === undefined ? Number.POSITIVE_INFINITY : now + limits.within;
    let wakesLeft = limits.wakes ?? DEFAULT_WAKES;
    let idle = 0;
    const next = () => (closed && idle === 0 ? afterMicrotasks(step) : void setImmediate(step));
    const step = () => {
      if (settled()) return over();
      const earliest = queue.peek();
      if (earliest === undefined) {
        if (++idle > PATIENCE) return over(stalled("nobody is asleep and the promise still waits", []));
      } else if (earliest.due > deadline) {
        const what = `the promise is not settled after ${formatDuration(limits.within ?? 0)}`;
        return over(stalled(what, queue.sleepers()));
      } else if (wakesLeft-- === 0) return over(stalled("sleepers woke without end", queue.sleepers()));
      else {
        idle = 0;
        wakeEarliest();
      }
      next();
    };
    next();
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
        await new Promise<void>((resolve, reject) => {
          drive(
            () => settled,
            limits,
            (error) => (error ? reject(error) : resolve()),
          );
        });
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

const NOW = Promise.resolve();

/** The same for promises that rest on nothing but promises: ticks come after them, and before the event loop goes on. */
function afterMicrotasks(step: () => void): void {
  void NOW.then(() => process.nextTick(step));
}

function iso(at: Instant): string {
  return new Date(at).toISOString();
}
