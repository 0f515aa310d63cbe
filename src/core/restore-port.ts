import type { Digest } from "./digest.ts";
import type { Undo } from "./playbook.ts";
import type { Revision } from "./release.ts";

/**
 * `cas`: the target refuses a write whose expected before-state is wrong. `idempotent`: a repeated key has one effect.
 * `blind`: neither; an acting playbook relies on one only where `seen` verifies what serves.
 */
export type Guarantee = "cas" | "idempotent" | "blind";

/** What serves now, by identity. `version` is the target's own token for conditional writes. */
export type Observed =
  | {
      readonly kind: "live";
      readonly digest: Digest;
      readonly version: string;
      readonly label?: string;
      /** Of a rival: the state itself, which has to be brought back. */
      readonly state?: string;
    }
  | { readonly kind: "unreachable"; readonly reason: string };

export interface RestoreRequest {
  readonly at: string;
  readonly desired: Digest;
  /** What we read before: the strongest condition that the target offers is built from it. */
  readonly before: { readonly digest: Digest; readonly version: string };
  readonly key: string;
  /** Of the lease of this target: it grows with whoever may write there, of all systems. */
  readonly fence: number;
}

/**
 * `applied`: done now. `already`: this key had its effect before. `conflict`: live state is not what we read.
 * `stale`: a newer fence has written. `refused`: the target will never do it. `unknown`: no answer; it may have happened.
 */
export type Applied =
  | { readonly kind: "applied" | "already" }
  | { readonly kind: "stale" | "conflict" | "refused" | "unknown"; readonly reason: string };

/** Reads and changes one kind of outside system. Every implementation passes `describeRestoreAdapter`. */
export interface RestoreAdapter {
  readonly name: string;
  readonly guarantee: Guarantee;
  /** Does this adapter serve the address? */
  serves(at: string): boolean;
  /**
   * What a change at this address is, where whoever wrote the adapter can know: `compensatable` where going back is moving a
   * pointer to what is kept. Undefined: it depends on what stands there, so the playbook must say `undo`. Asks nobody.
   */
  undo(at: string): Undo | undefined;
  read(at: string, signal: AbortSignal): Promise<Observed>;
  /** Can the target still bring this digest back (retained, intact)? */
  holds(at: string, digest: Digest, signal: AbortSignal): Promise<boolean>;
  apply(request: RestoreRequest, signal: AbortSignal): Promise<Applied>;
  /**
   * The revision that people call by this name at the target (`12`, a tag, a commit). Absent: only digests name one.
   * `live` is what serves now; an adapter that keeps revisions itself takes it into keeping.
   */
  resolve?(at: string, reference: string, signal: AbortSignal): Promise<Resolved>;
  /**
   * Does what really serves have it, beyond the place that points at it (a registry's alias, a spec)? Asked after a
   * read-back until it is `seen` or the restore's time is over. Absent: the place itself serves.
   */
  seen?(at: string, digest: Digest, signal: AbortSignal): Promise<Seen>;
  /** Does `seen` ask at this address what really serves? Absent: wherever there is `seen`. */
  sees?(at: string): boolean;
  /**
   * Brings what `apply` of this digest needs as near to the address as it can lie, in place of what was staged there before,
   * so that a restore does not depend on anything farther away. Changes nothing that serves; again is the same as once. It
   * may take longer than the signal allows, and goes on then. Absent: there is nothing to stage.
   */
  stage?(at: string, digest: Digest, signal: AbortSignal): Promise<Staged>;
  /** Lets go of everything that is staged at an address, by whomever. Present with `stage`. */
  unstage?(at: string, signal: AbortSignal): Promise<void>;
  /** What to know before relying on this way back: who would undo it, what expires, who must approve. Changes nothing. */
  concerns?(at: string, digest: Digest, signal: AbortSignal): Promise<readonly Concern[]>;
  /** Who would undo a restore at this address, and can be frozen. Changes nothing. */
  rivals?(at: string, signal: AbortSignal): Promise<readonly Rival[]>;
  readRival?(rival: RivalAddress, signal: AbortSignal): Promise<RivalObserved>;
  /** Brings a rival into a state: its frozen one, or exactly the one that was read before. Nothing else of it changes. */
  writeRival?(request: RivalRequest, signal: AbortSignal): Promise<Applied>;
  /** Who answers at this address, by something that a copy does not share: a cluster's, an account's, a database's id. */
  identify?(at: string, signal: AbortSignal): Promise<Identified>;
}

/** Where a rival is, and the address of a target that it would undo: the adapter that serves that one speaks to it. */
export interface RivalAddress {
  readonly at: string;
  readonly through: string;
}

/** Somebody who would undo a restore: a controller that keeps a target as it is written down elsewhere. */
export interface Rival extends RivalAddress {
  /** For people: `the Argo CD Application loans`. */
  readonly label: string;
  readonly guarantee: Guarantee;
  /** The state in which it undoes nothing, written as `readRival` would answer it. */
  readonly frozen: string;
}

/** `state` is all that is needed to bring it back; `version` moves with it. */
export type RivalObserved =
  | { readonly kind: "live"; readonly state: string; readonly version: string }
  | { readonly kind: "unreachable"; readonly reason: string };

export interface RivalRequest extends RivalAddress {
  readonly state: string;
  /** What we read before. */
  readonly before: { readonly version: string };
  readonly key: string;
  readonly fence: number;
}

export type Resolved =
  | { readonly kind: "revision"; readonly revision: Revision }
  | { readonly kind: "unknown" | "unreachable"; readonly reason: string };

/** `pending`: not yet, and a restore works all the same. `failed`: a restore would fail for the same reason. */
export type Staged = { readonly kind: "staged" } | { readonly kind: "pending" | "failed"; readonly reason: string };

export type Seen = { readonly kind: "seen" } | { readonly kind: "pending" | "unreachable"; readonly reason: string };

/** `blocking`: the way back would fail or be undone. `warning`: people should know. */
export interface Concern {
  readonly level: "blocking" | "warning";
  readonly text: string;
}

export type Identified =
  | { readonly kind: "identified"; readonly identity: string }
  | { readonly kind: "unreachable"; readonly reason: string };
