import type { Route } from "../../core/entry.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Variant } from "../routing/assignment.ts";

/** The two places that releases are deployed to in turn. Neither is stable by itself. */
export type SlotName = "blue" | "green";

/** What has to outlive the process: which slot is stable, and which release was in it when that was written. */
export interface SlotState {
  readonly stable: SlotName;
  readonly release?: ReleaseId;
}

/** Which slot serves which variant. The gateway asks it for every request. */
export interface Slots {
  /** Where each slot answers, for example `http://127.0.0.1:7001`; a path is put before the request's. */
  readonly addresses: Readonly<Record<SlotName, string | URL>>;
  of(variant: Variant): SlotName;
  state(): SlotState;
  /**
   * Exchanges the slots: what was the candidate's is stable's from now on, and the other is free for the next release.
   * To be called in the same turn as `traffic.set` with the route that it belongs to; `release` is that route's stable.
   * Requests under way end where they began.
   */
  swap(release?: ReleaseId): SlotState;
  /**
   * After a restart: makes the slot stable that holds the route's stable release, whether the crash came before or
   * after the other of the two was written. A state without a release is taken at its word.
   */
  settle(route: Pick<Route, "stable">): SlotState;
}

/** Begins with `blue` as stable, or with what was kept. */
export function createSlots(addresses: Slots["addresses"], kept: SlotState = { stable: "blue" }): Slots {
  let state = kept;
  const swap = (release?: ReleaseId): SlotState => {
    state = { stable: otherThan(state.stable), ...(release ? { release } : {}) };
    return state;
  };
  return {
    addresses,
    of: (variant) => (variant === "stable" ? state.stable : otherThan(state.stable)),
    state: () => state,
    swap,
    settle({ stable }) {
      if (state.release === undefined) state = { ...state, release: stable };
      return state.release === stable ? state : swap(stable);
    },
  };
}

function otherThan(slot: SlotName): SlotName {
  return slot === "blue" ? "green" : "blue";
}
