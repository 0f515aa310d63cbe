import type { Digest } from "../core/digest.ts";
import type { Step } from "../core/plan.ts";
import type { Clock, RestoreAdapter, Store } from "../core/ports.ts";
import type { Direction, Lease, Saga, StepRecord } from "../core/rollout.ts";
import type { AtCrashPoint } from "./crash-point.ts";
import type { FenceAt } from "./resource-leases.ts";

/** What a step needs of the outside. */
export interface SagaPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly adapterFor: (at: string) => RestoreAdapter;
  readonly atCrashPoint: AtCrashPoint;
  readonly onStep: (record: StepRecord) => void;
  /** What is sent to a target carries it. */
  readonly fenceAt: FenceAt;
  /**
   * Another system's rollback that has frozen this rival and not let it go yet, and what it was found like. Absent: nobody
   * else freezes anybody.
   */
  readonly frozenBy?: (at: string) => Promise<FrozenBy | undefined>;
  /** Asked right before each effect: a process that was stopped and wakes may send nothing. Absent: it may. */
  readonly mayAct?: () => boolean;
  /** Addresses where an older write may still be under way, and could land after ours was found to be needless. */
  readonly underWay?: ReadonlySet<string>;
  /**
   * Is this revision known to have served there before the saga began? What only a plan expected, and nobody saw, is never
   * put back by a person's order. Absent: whatever a plan expects has served.
   */
  readonly served?: (at: string, digest: Digest) => boolean;
  /** Why nothing more may be begun, once somebody said so; a call that is under way is waited for. Absent: nobody can. */
  readonly halted?: () => string | undefined;
}

export interface FrozenBy extends Pick<StepRecord, "before"> {
  readonly system: string;
  readonly state: string;
}

export interface Patience {
  /** After this many, and on a way back when its time is over too, the step is stuck. */
  readonly attempts: number;
  /** One call to a target may take this long. */
  readonly callMs: number;
  /** Pause before the second attempt; it doubles with each. */
  readonly pauseMs: number;
}

/** What a step's records are made of. */
export interface StepScope {
  readonly clock: Clock;
  readonly saga: Saga;
  readonly step: Step;
  readonly lease: Lease;
  readonly direction: Direction;
  /** What was sent to the same target for another state before, and may still come: this has a key of its own. */
  readonly instead?: Pick<StepRecord, "key" | "attempts">;
}

/** One step being run by this process. */
export interface StepRun extends StepScope {
  readonly ports: SagaPorts;
  readonly patience: Patience;
  /**
   * Makes a record durable, and with one that ends the step whatever becomes possible by it; false when we are fenced. That of a
   * rival, from which other systems see who needs it, only while `fence` is the newest of its lease.
   */
  readonly write: (record: StepRecord, fence?: number) => Promise<boolean>;
}
