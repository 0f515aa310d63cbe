import type {
  Clock,
  Ids,
  Notifier,
  Policy,
  RestoreAdapter,
  SignalSource,
  Store,
  TrafficAdapter,
} from "../core/ports.ts";
import type { Rollout, StepRecord } from "../core/rollout.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { UnderWay } from "../core/under-way.ts";
import type { Verdict } from "../core/verdict.ts";
import type { AtCrashPoint } from "../restore/crash-point.ts";
import type { Seat } from "./seat.ts";

/** Everything that the control loop needs of the world. */
export interface ControlPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly traffic: TrafficAdapter;
  /** What our own edge has not answered yet. Absent: it does not see requests. */
  readonly requests?: () => UnderWay;
  readonly signals: SignalSource;
  readonly adapterFor: (at: string) => RestoreAdapter;
  /** Absent: nobody else can be there, or every rollout takes the lease for itself. */
  readonly seat?: Seat;
  /** Absent: no playbook may name a policy. */
  readonly policyFor?: (at: string) => Policy;
  /** Why this is not the environment that the playbook names; empty when it is. */
  readonly elsewhere?: () => Promise<readonly string[]>;
  /** Does anything reach this audience? Absent: nobody knows. */
  readonly reaches?: (audience: string) => boolean;
  /** Asks the polled sources at once, out of turn. */
  readonly askSources?: () => Promise<void>;
  /** Signs a tree head over all entries so far. Never awaited on the path of containment. */
  readonly checkpoint: () => Promise<void>;
  readonly notifier: Notifier;
  readonly emit: (event: RolloutEvent) => void;
  /** A fault of our own, with its stack, for whoever runs the process. */
  readonly log?: (text: string) => void;
  readonly atCrashPoint: AtCrashPoint;
}

/** Cadences and patience; none of them decides what counts as harm. */
export interface Settings {
  /** How often arrived data is taken and written, and judged where no release is on trial. */
  readonly tickMs: Milliseconds;
  /** How often arrived data of a release on trial is judged, while it goes out; see `judgingSpan`. */
  readonly judgeMs: Milliseconds;
  /** How long the candidate keeps its share without a living controller that sees its signals. */
  readonly exposureMs: Milliseconds;
  /** How long the right to act on a system lasts without renewal. */
  readonly leaseMs: Milliseconds;
  /** How long stable is watched alone before the release: the reference of `fixed`. */
  readonly baselineMs: Milliseconds;
  /**
   * So many observations it has of each signal that `fixed` compares with it, though that takes up to eight times as long.
   * Absent: whatever comes in its time.
   */
  readonly baselineCounts?: number;
  /** The candidate is blind when it got requests but no outcome for this long. */
  readonly blindMs: Milliseconds;
  /** A rollout without a decision for this long goes back. */
  readonly patienceMs: Milliseconds;
  /** "Fixed" must be proved within this time after the restore. */
  readonly proofMs: Milliseconds;
  /** How often components are read while nothing is going on, to notice who changes them without Rollbook. */
  readonly pollMs: Milliseconds;
  /** How often the way back is planned and checked anew while nothing that it depends on is known to have changed. */
  readonly readinessMs: Milliseconds;
  /** Who we are, in leases. */
  readonly holder: string;
}

export type RolloutEventKind =
  | "resumed"
  | "baseline"
  | "deploying"
  | "exposed"
  | "judged"
  | "blind"
  | "harm"
  | "contained"
  | "step"
  | "restored"
  | "thawed"
  | "waiting"
  | "late"
  | "proving"
  | "promoted"
  | "settled"
  | "ordered"
  | "noticed"
  | "looked"
  | "observed-harm"
  | "drifted"
  | "ended";

/** What happens, for people who watch: the page, the terminal, the event stream. */
export interface RolloutEvent {
  readonly kind: RolloutEventKind;
  readonly at: Instant;
  readonly rollout: Rollout;
  readonly text: string;
  readonly verdict?: Verdict;
  readonly step?: StepRecord;
}
