import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { Lease } from "../../core/rollout.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { NOON } from "./fixtures.ts";

/** Time as the leases of one kind of store see it. */
export interface LeaseTime {
  /** Of leases that are still to last when the case looks at them. */
  readonly ttl: Milliseconds;
  /** What the caller passes. */
  now(): Instant;
  /** Lets time pass; back, too, where the caller's clock may go back. */
  pass(span: Milliseconds): Promise<void>;
  /** Does the lease end so long from now? */
  assertEnd(lease: Lease | undefined, span: Milliseconds): void;
}

/** The caller's clock is an argument, so it moves at will. */
function callerTime(): LeaseTime {
  let now = NOON;
  return {
    ttl: 3000,
    now: () => now,
    pass: async (span) => {
      now += span;
    },
    assertEnd: (lease, span) => assert.equal(lease?.until, now + span),
  };
}

/** The store's clock takes its time; the caller's, noon of some day, stands still and must not matter. */
function storeTime(): LeaseTime {
  const MARGIN = 20;
  return {
    ttl: 600,
    now: () => NOON,
    pass: async (span) => {
      if (span > 0) await setTimeout(span + MARGIN);
    },
    assertEnd: (lease, span) => {
      const left = (lease?.until ?? Number.NaN) - Date.now();
      assert.ok(left > span - 1500 && left < span + 1500, `it ends ${left} ms from now and not ${span}`);
    },
  };
}

export function leaseTime(clock: "caller" | "store" | undefined): LeaseTime {
  return clock === "store" ? storeTime() : callerTime();
}
