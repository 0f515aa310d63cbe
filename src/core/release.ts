import { type Digest, digestOfJson } from "./digest.ts";
import type { Instant } from "./time.ts";

/** Name of a restorable part of an AI system, as the playbook's `what` spells it: `model`, `schema`, `data` ... */
export type ComponentName = string;

/** An immutable version of one component. */
export interface Revision {
  readonly digest: Digest;
  /** What people call it, for example `credit-model 12`. */
  readonly label: string;
  /** What this revision can live with: for each component named, the digests it was proved to work against. */
  readonly accepts?: Readonly<Record<ComponentName, readonly Digest[]>>;
  /** Which older readers this revision was proved to keep working: a schema that was only expanded, say. */
  readonly keeps?: Readonly<Record<ComponentName, readonly Digest[]>>;
}

/** The id of a release is the digest of its content: system and revisions. */
export type ReleaseId = Digest;

/** An immutable set of revisions that belong together. */
export interface Release {
  readonly id: ReleaseId;
  readonly system: string;
  readonly label: string;
  readonly revisions: Readonly<Record<ComponentName, Revision>>;
}

/** Builds a release; its id covers every revision with what it accepts and keeps, and not the labels, so renaming is free. */
export function defineRelease(
  system: string,
  label: string,
  revisions: Readonly<Record<ComponentName, Revision>>,
): Release {
  const content = Object.fromEntries(
    Object.entries(revisions).map(([name, { digest, accepts, keeps }]) => [name, { digest, accepts, keeps }]),
  );
  return { id: digestOfJson({ system, revisions: content }), system, label, revisions };
}

/** A release may not be deployed again until the people named lift this. */
export interface Quarantine {
  readonly release: ReleaseId;
  readonly system: string;
  readonly since: Instant;
  readonly reason: string;
  readonly liftedBy?: string;
}

/**
 * A release that served production and whose fixed criteria were proved. The one written last is the last known good,
 * whatever `provedAt` says: a clock may be set back.
 */
export interface KnownGood {
  readonly system: string;
  readonly release: ReleaseId;
  readonly provedAt: Instant;
}
