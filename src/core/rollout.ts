import type { Digest } from "./digest.ts";
import type { Deadlines } from "./phase-clock.ts";
import type { Plan } from "./plan.ts";
import type { ReleaseId } from "./release.ts";
import type { Cells, Sample } from "./sample.ts";
import type { Instant, Milliseconds } from "./time.ts";
import type { Verdict } from "./verdict.ts";

/** `aborted`: a person or a verdict stopped it. `degraded`: contained, but not yet proved fixed. */
export type RolloutPhase = "pending" | "progressing" | "paused" | "degraded" | "healthy" | "aborted";

/** Moving traffic to a release, from its warm-up to its end. */
export interface Rollout {
  readonly id: string;
  readonly system: string;
  readonly playbook: Digest;
  readonly candidate: ReleaseId;
  readonly stable: ReleaseId;
  readonly phase: RolloutPhase;
  /** Index into the playbook's steps; -1 before the first exposure. */
  readonly step: number;
  readonly stepSince: Instant;
  readonly startedAt: Instant;
  /** When the first request could reach the candidate: evidence starts here. */
  readonly exposedAt?: Instant;
  readonly endedAt?: Instant;
  /** Stable's counts before exposure, frozen: the reference of `fixed` and the forecast of the tests. */
  readonly frozen: readonly FrozenWindow[];
  readonly verdict?: Verdict;
  /** Set when the rollout was rolled back. */
  readonly rollback?: Rollback;
  readonly note?: string;
  /** Of one that has ended without a rollback: what people must be told of it, and are not known to have been told. */
  readonly owed?: Owed;
  /** Which place the candidate is in; `at` without it. */
  readonly place?: Place;
  /** Somebody changed a component without Rollbook: no gate, no concurrent stable, judged against the frozen window. */
  readonly unannounced?: boolean;
  /** A person's standing order. */
  readonly order?: Order;
  /** When it had proved itself; while the rollout goes on after it, the holdback is watched. */
  readonly promotedAt?: Instant;
  /** Who promoted it while its evidence did not say that it is healthy. */
  readonly promotedOn?: PromotedOn;
  /** Under `authority: observe`: when it would have gone back first, and why. */
  readonly wouldHave?: WouldHave;
}

/** Where a component lives, for those that have two places: `beside` the first. */
export type Place = "at" | "beside";

/** `rollback` and `abort` go back, `abort` without a quarantine; `pause` stays at its step; `promote` ends all waiting. */
export interface Order {
  readonly kind: "rollback" | "abort" | "pause" | "promote";
  readonly by: string;
  readonly reason: string;
}

/** A person's word, and the verdict at that moment. */
export interface PromotedOn {
  readonly by: string;
  readonly reason: string;
  readonly verdict: Verdict["kind"];
}

export interface WouldHave {
  readonly at: Instant;
  readonly because: readonly string[];
  readonly verdict: Verdict;
}

export interface FrozenWindow {
  readonly signal: string;
  readonly n: number;
  readonly k: number;
  /** The values' distribution, of a `mean` or a `time`. */
  readonly cells?: Cells;
  /** Counts of each group that a trigger tells apart. */
  readonly groups?: Readonly<Record<string, Pick<FrozenWindow, "n" | "k" | "cells">>>;
  /** How many times the variance of independent outcomes there is at least: above 1 where outcomes come in bursts. */
  readonly dispersion?: number;
  /** The same hour of an earlier week, where that was known; absent: the time right before. */
  readonly season?: Instant;
}

/** What stable did in one hour, of one signal, whichever release it was; plain JSON. Of one hour and signal, they add up. */
export interface SeasonHour extends Pick<FrozenWindow, "signal" | "n" | "k" | "cells" | "groups"> {
  /** Its beginning. */
  readonly hour: Instant;
}

/** The clocks and the end of one rollback. */
export interface Rollback {
  readonly saga: string;
  readonly cause: readonly string[];
  readonly decidedAt: Instant;
  readonly containedAt?: Instant;
  readonly restoredAt?: Instant;
  readonly fixedAt?: Instant;
  readonly endedAt?: Instant;
  readonly outcome?: RollbackOutcome;
  readonly fixed?: Verdict;
  /** A person halted the restore. */
  readonly halted?: Order;
  /** It goes on only when a person says so, and by no restart. */
  readonly held?: boolean;
  /** Where it leads now, when the release before was proved harmful after its restore. */
  readonly target?: ReleaseId;
  /** How long each phase may take before people are told. */
  readonly deadlines?: Deadlines;
  /** When the restore began anew, by a new saga or for a new target. */
  readonly restoringSince?: Instant;
  /** What was restored before that. */
  readonly tried?: readonly Tried[];
  /** What people must be told of it and are not known to have been told: whoever goes on with it tells them. */
  readonly owed?: Owed;
}

/** A notice that is recorded with what it tells of, so that no crash in between loses it. */
export interface Owed {
  readonly what: string;
  readonly lines: readonly string[];
}

/** A release that was restored, and proved harmful by the criteria of `fixed`. */
export interface Tried {
  readonly release: ReleaseId;
  readonly label: string;
  readonly harmfulAt: Instant;
  readonly because: readonly string[];
  /** Absent in what was recorded before it was kept. */
  readonly logEvidence?: number;
}

/** `verified`: restored and proved fixed. `unverified`: restored, not proved in time. `stuck`: people must decide. */
export type RollbackOutcome = "verified" | "unverified" | "stuck";

export interface Saga {
  readonly id: string;
  readonly rollout: string;
  readonly plan: Plan;
  readonly planDigest: Digest;
  /** `compensated`: what its forward steps had changed is as it was before. */
  readonly status: "running" | "completed" | "compensated" | "stuck";
  /** `compensate` from the moment on when it was turned round; absent: forward. */
  readonly direction?: Direction;
  readonly startedAt: Instant;
  readonly endedAt?: Instant;
  readonly note?: string;
  /**
   * How often it was started: counted before anything is done, so that one that kills its controller is found out. Absent
   * in what was recorded before starts were counted.
   */
  readonly starts?: number;
}

/** A step's own way, or back to what served before it. */
export type Direction = "forward" | "compensate";

/** `intent`: may have happened; `done`: read back; `stuck`: undecidable. */
export type StepStatus = "intent" | "done" | "stuck";

/** What the journal knows of one step of a saga in one direction. A step without a record was never tried. */
export interface StepRecord {
  readonly saga: string;
  readonly step: string;
  /** Absent: forward. Each direction has its own record and its own key. */
  readonly direction?: Direction;
  readonly status: StepStatus;
  readonly key: string;
  /** Of the system's lease: under which it was written. */
  readonly fence: number;
  /**
   * Of the lease of its target: what is sent under it carries it. Absent where nothing is sent, and in the first intents,
   * which are durable with the commit that asks for the leases.
   */
  readonly targetFence?: number;
  readonly attempts: number;
  readonly before: Digest;
  readonly desired: Digest;
  readonly found?: Digest;
  /** Of a freeze: the state that it found, which its thaw brings back. */
  readonly state?: string;
  readonly intentAt: Instant;
  readonly endedAt?: Instant;
  readonly recovered: boolean;
  readonly note?: string;
}

/** Who may write for a resource, and until when. The fence grows with every holder. */
export interface Lease {
  readonly resource: string;
  readonly holder: string;
  readonly fence: number;
  readonly until: Instant;
}

/**
 * Leases that a commit takes on its way, free, expired or already ours: all of them or none. The commit is made either way.
 * They get a fence above every one that was given before, for whatever: who wrote at a target under another is older.
 */
export interface Claim {
  readonly resources: readonly string[];
  readonly holder: string;
  readonly ttl: Milliseconds;
  readonly now: Instant;
}

/** Everything that belongs to one rollout: what a report is made of. */
export interface RolloutRecord {
  readonly rollout: Rollout;
  /** Sums by second of what is packed, and the others as they are. */
  readonly samples: readonly Sample[];
  readonly sagas: readonly Saga[];
  readonly steps: readonly StepRecord[];
}
