import type { Digest } from "../../core/digest.ts";
import type { Route } from "../../core/entry.ts";
import type { ReleaseId } from "../../core/release.ts";
import { assign, type Variant } from "../routing/assignment.ts";
import type { AssignmentState, FlagValue } from "../routing/assignment-state.ts";

/** What a targeting key gets. One object for all keys of an arm: nothing is made for an assignment. */
export interface Assignment {
  readonly variant: Variant;
  readonly release: ReleaseId;
  readonly value: FlagValue;
  readonly epoch: number;
}

/** The route as this process knows it. */
export interface LiveRoute {
  /** Who gets what now. Undefined as long as no state has ever come. */
  assign(targetingKey: string): Assignment | undefined;
  /**
   * Takes a state over, unless it is of an older epoch; answers whether it did. With `sentAt`, the local time at which
   * it was asked for, the server's clock is reckoned anew; a state that was pushed is read with the last reckoning.
   */
  take(state: AssignmentState, sentAt?: number): boolean;
  /** Is the candidate's share cut off because nobody renewed it? */
  lapsed(): boolean;
  /** The server's clock, in milliseconds since 1970; local time as long as it was never heard. */
  serverNow(): number;
  readonly state: AssignmentState | undefined;
}

/**
 * Holds one route in memory. `clock` is any clock that never goes back, in milliseconds.
 *
 * The lease ends by the server's clock. An answer was made after it was asked for, so (server's time) - (local time of
 * asking) is at least the true difference of the clocks: a lease read with it never lasts longer here than it was
 * granted, however slow the network and however late a pushed state arrives.
 */
export function createLiveRoute(clock: () => number): LiveRoute {
  let state: AssignmentState | undefined;
  let ahead: number | undefined;
  let leaseUntil = 0;
  let stable: Assignment | undefined;
  let candidate: Assignment | undefined;
  // Only while a candidate has a share: otherwise an assignment is one comparison.
  let split: Route | undefined;

  function armOf(next: AssignmentState, variant: Variant): Assignment | undefined {
    const release: Digest | undefined = next.route[variant];
    if (release === undefined) return undefined;
    return Object.freeze({ variant, release, value: next.values[variant]!, epoch: next.route.epoch });
  }

  return {
    assign(targetingKey) {
      if (split === undefined || clock() >= leaseUntil) return stable;
      return assign(split, targetingKey) === "candidate" ? candidate : stable;
    },
    take(next, sentAt) {
      if (state && next.route.epoch < state.route.epoch) return false;
      // A pushed state that comes before any answer could be as old as it likes.
      if (sentAt !== undefined) ahead = next.now - sentAt;
      leaseUntil = ahead === undefined ? 0 : next.leaseUntil - ahead;
      state = next;
      stable = armOf(next, "stable");
      candidate = armOf(next, "candidate");
      split = candidate && next.route.candidatePpm > 0 ? next.route : undefined;
      return true;
    },
    lapsed: () => split !== undefined && clock() >= leaseUntil,
    serverNow: () => (ahead === undefined ? Date.now() : clock() + ahead),
    get state() {
      return state;
    },
  };
}
