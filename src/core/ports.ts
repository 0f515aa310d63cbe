import type { Digest, Json } from "./digest.ts";
import type { Checkpoint, Entry, EntryDraft, EntryType, Route } from "./entry.ts";
import type { KnownGood, Quarantine, Release, ReleaseId } from "./release.ts";
import type { Claim, Lease, Rollout, RolloutRecord, Saga, SeasonHour, StepRecord } from "./rollout.ts";
import type { Sample } from "./sample.ts";
import type { SamplePack } from "./sample-pack.ts";
import type { Instant, Milliseconds } from "./time.ts";

export type {
  Applied,
  Concern,
  Guarantee,
  Identified,
  Observed,
  Resolved,
  RestoreAdapter,
  RestoreRequest,
  Rival,
  RivalAddress,
  RivalObserved,
  RivalRequest,
  Seen,
  Staged,
} from "./restore-port.ts";

/** Time. Only the composition root makes a real one. */
export interface Clock {
  now(): Instant;
  /** Resolves after the span, or at once when the signal aborts. */
  sleep(span: Milliseconds, signal?: AbortSignal): Promise<void>;
}

/** Chance: uniform in [0, 1). */
export interface Random {
  next(): number;
}

/** New ids: unique, sortable where the implementation can. */
export interface Ids {
  next(kind: string): string;
}

/** One write. A commit takes a list of them and does all or nothing. */
export type Change =
  | { readonly kind: "release"; readonly release: Release }
  | { readonly kind: "known-good"; readonly knownGood: KnownGood }
  | { readonly kind: "quarantine"; readonly quarantine: Quarantine }
  | { readonly kind: "rollout"; readonly rollout: Rollout }
  | { readonly kind: "saga"; readonly saga: Saga }
  | { readonly kind: "step"; readonly record: StepRecord }
  | { readonly kind: "samples"; readonly rollout: string; readonly samples: readonly Sample[] }
  | ({ readonly kind: "pack" } & PackUpdate)
  | ({ readonly kind: "season" } & SeasonUpdate)
  | { readonly kind: "route"; readonly route: Route }
  | { readonly kind: "flag"; readonly flag: FlagState }
  | { readonly kind: "token"; readonly token: TokenRecord }
  | { readonly kind: "checkpoint"; readonly checkpoint: Checkpoint }
  | { readonly kind: "entry"; readonly entry: EntryDraft };

/** A pack takes the place of the samples that it holds. The next number of its rollout, or the commit fails. */
export interface PackUpdate {
  readonly rollout: string;
  readonly pack: SamplePack;
}

/** The newest sums of some hours of a system take the place of what was known of them; what is before `oldest` is forgotten. */
export interface SeasonUpdate {
  readonly system: string;
  readonly hours: readonly SeasonHour[];
  readonly oldest: Instant;
}

/** The guard of a commit: the lease of this resource must still carry this fence. */
export interface Guard {
  readonly resource: string;
  readonly fence: number;
  /** Another lease, which must carry that fence too. */
  readonly also?: Pick<Guard, "resource" | "fence">;
}

/** `claimed`: the leases of the claim, which are ours. Absent: another holds one, or nobody knows; a commit of nothing tells. */
export type Committed =
  | { readonly kind: "committed"; readonly claimed?: readonly Lease[] }
  | { readonly kind: "fenced"; readonly holder: string };

/**
 * Durable state. A commit that answers `committed` survives a crash of the process and of the machine.
 * Every implementation passes `describeStore`.
 */
export interface Store {
  /** Writes all changes or none. Samples already known by their key are ignored. Entries get the next indices in order. */
  commit(changes: readonly Change[], guard?: Guard, claim?: Claim): Promise<Committed>;
  /** Takes or takes over a lease that is free, expired or already ours; each take grows the fence. */
  acquireLease(resource: string, holder: string, ttl: Milliseconds, now: Instant): Promise<Lease | undefined>;
  /** Extends a lease that still carries this fence. */
  renewLease(lease: Lease, ttl: Milliseconds, now: Instant): Promise<Lease | undefined>;
  /** The same for several by one write; answers those that it has extended, in any order. */
  renewLeases(leases: readonly Lease[], ttl: Milliseconds, now: Instant): Promise<readonly Lease[]>;
  release(id: ReleaseId): Promise<Release | undefined>;
  lastKnownGood(system: string): Promise<KnownGood | undefined>;
  quarantine(release: ReleaseId): Promise<Quarantine | undefined>;
  rollout(id: string): Promise<Rollout | undefined>;
  /** Newest first, by the order in which they were written first; all of them without a limit. */
  rollouts(system?: string, limit?: number): Promise<readonly Rollout[]>;
  /** Those with a `promotedAt`, in the same order. */
  promoted(system: string, limit: number): Promise<readonly Rollout[]>;
  /** Those of a system, or of all, that have not ended, in the same order. Costs the same however many have. */
  openRollouts(system?: string): Promise<readonly Rollout[]>;
  record(rollout: string): Promise<RolloutRecord | undefined>;
  /** In the order in which they were written first. */
  sagas(rollout: string): Promise<readonly Saga[]>;
  runningSagas(): Promise<readonly Saga[]>;
  steps(saga: string): Promise<readonly StepRecord[]>;
  /** All of them, packed or not. */
  samples(rollout: string): Promise<readonly Sample[]>;
  /** Those that are in no pack. */
  unpacked(rollout: string): Promise<readonly Sample[]>;
  /** Packs from a number on, in order. */
  packs(rollout: string, from: number, limit: number): Promise<readonly SamplePack[]>;
  /** What stable did, by hour and signal. */
  seasons(system: string): Promise<readonly SeasonHour[]>;
  route(system: string): Promise<Route | undefined>;
  flags(): Promise<readonly FlagState[]>;
  tokens(): Promise<readonly TokenRecord[]>;
  /** Entries from an index on, in order. */
  entries(from: number, limit: number): Promise<readonly Entry[]>;
  /** Newest first, of one type or any: about a rollout, by its id, or about a system and no rollout, by its name. */
  entriesAbout(about: string, limit: number, type?: EntryType): Promise<readonly Entry[]>;
  entryCount(): Promise<number>;
  checkpoint(): Promise<Checkpoint | undefined>;
  close(): Promise<void>;
}

/** A built-in flag: its value for everyone, as one revision. */
export interface FlagState {
  readonly key: string;
  readonly digest: Digest;
  readonly variant: string;
  readonly variants: Readonly<Record<string, boolean | string | number>>;
}

/** An API token, of which only the SHA-256 is kept. */
export interface TokenRecord {
  readonly id: string;
  readonly sha256: string;
  readonly role: "admin" | "reporter";
  readonly createdAt: Instant;
}

/** Traffic at our own edge. `set` takes effect before it returns: containment needs nothing else. */
export interface TrafficAdapter {
  current(system: string): Route | undefined;
  set(route: Route): void;
  /** Keeps the candidate's share alive for this long; without it traffic falls back to stable by itself. */
  renew(system: string, until: Instant): void;
  /** Which ways besides stable and candidate a route's `contained` may name here. Absent: none. */
  fallbacks?(system: string): { readonly else: boolean; readonly safe: boolean };
}

/** Counts since the last call, as blocks of this node. */
export interface SignalSource {
  drain(): readonly Sample[];
}

/** A source that has to be asked. What it learnt waits for `drain`. */
export interface PolledSource extends SignalSource {
  /** How often it should be asked. */
  readonly everyMs: Milliseconds;
  /** Asks once; never throws. `no-data` and `error` say why nothing, or not everything, was learnt. */
  poll(signal: AbortSignal): Promise<SourceHealth>;
}

export type SourceHealth = { readonly kind: "ok" } | { readonly kind: "no-data" | "error"; readonly reason: string };

/** Policy as code. It may gate forward and may add reasons to go back; it never suppresses one. */
export interface Policy {
  readonly name: string;
  serves(at: string): boolean;
  decide(at: string, question: Json, signal: AbortSignal): Promise<PolicyAnswer>;
}

/** `reasons` speak against going on; none means that the policy has nothing against it. */
export type PolicyAnswer =
  | { readonly kind: "answered"; readonly reasons: readonly string[]; readonly decision?: string }
  | { readonly kind: "undefined" | "unreachable"; readonly reason: string };

/** A way to people: one kind of audience address, `slack://credit-incidents` say. */
export interface Channel {
  readonly name: string;
  serves(audience: string): boolean;
  /** Throws when the notice was not accepted. `key` is the same for repeats of one notice. */
  tell(audience: string, notice: Notice, signal: AbortSignal): Promise<void>;
}

export interface Notice {
  readonly key: string;
  /** What it is about: all notices of one rollout have this in common, and are one incident. */
  readonly about: string;
  readonly subject: string;
  readonly text: string;
}

/** Tells people. Never on the path of containment. */
export interface Notifier {
  notify(audience: readonly string[], subject: string, text: string, about: string): Promise<void>;
}
