import type { Digest, Json } from "./digest.ts";
import type { Instant } from "./time.ts";

/** What is handed to the ledger; it becomes a leaf as the exact bytes of `leafOf`. No personal data, ever. */
export interface EntryDraft {
  readonly type: EntryType;
  readonly at: Instant;
  readonly system: string;
  readonly actor: string;
  readonly rollout?: string;
  readonly data: { readonly [key: string]: Json | undefined };
}

export type EntryType =
  | "restore-point"
  | "rollout-started"
  | "way-back"
  | "exposure"
  | "verdict"
  | "contained"
  | "moved-on"
  | "parameters"
  | "counts"
  | "evidence-held"
  | "saga-started"
  | "step-intent"
  | "step-done"
  | "step-stuck"
  | "saga-turned"
  | "saga-ended"
  | "quarantined"
  | "rollback-ended"
  | "promoted"
  | "settled"
  | "ordered"
  | "noticed"
  | "observed"
  | "looked"
  | "drifted"
  | "acknowledged"
  | "rollout-ended"
  | "sealed"
  | "refused";

/** A leaf of the ledger: its index and the bytes that were hashed. */
export interface Entry {
  readonly index: number;
  readonly leaf: string;
}

/** A signed tree head: a C2SP signed note over origin, size and root. */
export interface Checkpoint {
  readonly size: number;
  readonly root: string;
  readonly note: string;
}

/** The state that the exposure of one system is in: which share of traffic each release gets. */
export interface Route {
  readonly system: string;
  readonly epoch: number;
  readonly stable: Digest;
  readonly candidate?: Digest;
  /** Parts per million of traffic that the candidate gets. */
  readonly candidatePpm: number;
  /** Stable and candidate have changed their places since the start: stable answers where the candidate did. */
  readonly swapped?: boolean;
  /** All traffic goes to this pre-signed way instead, whatever the shares say, until somebody lets the route count again. */
  readonly contained?: "else" | "safe";
}
