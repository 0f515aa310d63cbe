import type { Plan } from "./plan.ts";
import type { ReleaseId } from "./release.ts";
import type { Instant, Milliseconds } from "./time.ts";

/** The way back as it stands now: planned, checked and priced before it is needed. */
export interface WayBack {
  /** False is red: going back now would fail, be undone or not be recorded. Nothing goes forward on that. */
  readonly ready: boolean;
  readonly checkedAt: Instant;
  /** Of a red one: since when this process has found it so. */
  readonly redSince?: Instant;
  /** The rollout that it would undo; without one it is what a person's cord would do between releases. */
  readonly rollout?: string;
  readonly from: NamedRelease;
  readonly to: NamedRelease;
  /** Absent where none can be made; the faults say why. */
  readonly plan?: Plan;
  readonly digest?: string;
  readonly faults: readonly WayBackFault[];
  /** What people should know, though nothing is in the way. */
  readonly warnings: readonly string[];
  /** Components whose revision is staged at the place that it would be restored to: that needs nothing farther away. */
  readonly staged?: readonly string[];
  readonly price: Price;
}

export interface NamedRelease {
  readonly id: ReleaseId;
  readonly label: string;
}

/** Something in the way. `about` stays the same while the words change: a component, `plan`, `store`, `audience` ... */
export interface WayBackFault {
  readonly about: string;
  readonly text: string;
}

/** What going back would cost, as far as past runs tell. */
export interface Price {
  /** From the first step to the last, along the longest chain of steps; absent while some step has no past run. */
  readonly restore?: Spread;
  readonly steps: readonly StepPrice[];
  /** How long the proof of `fixed` takes at least. */
  readonly verifyAtLeast: Milliseconds;
  readonly capacity: Capacity;
  /** Components whose change nobody here can take back, or that cannot be changed again once they are back. */
  readonly cannotBeUndone: readonly string[];
}

export interface StepPrice {
  readonly component: string;
  /** Absent: neither it nor another component of its kind was ever changed here. */
  readonly took?: Spread;
  /** The times are those of other components behind the same adapter. */
  readonly borrowed?: boolean;
}

/** Of `n` past runs; a nearest-rank median and 90th percentile, in milliseconds. */
export interface Spread {
  readonly median: Milliseconds;
  readonly p90: Milliseconds;
  readonly n: number;
}

/** What the release before it has to take over at once. */
export interface Capacity {
  /** Percent of all traffic. */
  readonly percent: number;
  /** The same in requests a second, by the traffic that the playbook states. */
  readonly perSecond?: number;
  /** Is it in place beside what serves? Absent where every component has one place only. */
  readonly warm?: boolean;
}
