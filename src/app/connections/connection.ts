import { z } from "zod";
import type { ReasonToLook } from "../../adapters/alertmanager/index.ts";
import type { Signal } from "../../core/playbook.ts";
import type { Channel, Clock, Policy, PolledSource, RestoreAdapter } from "../../core/ports.ts";
import type { Release } from "../../core/release.ts";
import type { Milliseconds } from "../../core/time.ts";
import { undoWords } from "../../playbook/language/what-keys.ts";

export type { ReasonToLook };

/** One kind of outside system that a connections file can name. */
export interface ConnectionKind<Settings> {
  readonly kind: string;
  readonly summary: string;
  /** The keys that it takes, checked when the file is read. */
  readonly settings: z.ZodType<Settings>;
  /** Makes it; nothing is called yet. The connection's name is the scheme of the addresses that it serves. */
  connect(name: string, settings: Settings, world: ConnectionWorld): Connection;
}

/** What a connection can do; each part is one port. */
export interface Connection {
  readonly restore?: RestoreAdapter;
  /** Makes the source of one system's signals. */
  readonly source?: (context: SourceContext) => PolledSource;
  readonly policy?: Policy;
  readonly channel?: Channel;
  readonly alerts?: Alerts;
  close?(): Promise<void>;
}

/** Alerts of others, as reasons to look; each is told once. */
export interface Alerts {
  /** Reasons in what was posted to `/v1/alerts/NAME`. @throws REQUEST_INVALID */
  take(body: unknown): readonly ReasonToLook[];
  /** Lets a reason be told again, because nothing came of it. */
  forget(reason: ReasonToLook): void;
  /** Asks for alerts that were not posted; rejects when there is no good answer. */
  poll?(signal: AbortSignal): Promise<readonly ReasonToLook[]>;
  readonly everyMs?: Milliseconds;
}

/** What a connection may use of this process. */
export interface ConnectionWorld {
  /** Folder of the connections file: relative paths begin there. */
  readonly folder: string;
  /** Folder that Rollbook keeps its own data in. */
  readonly data: string;
  readonly clock: Clock;
  readonly secret: (reference: SecretReference) => string;
}

/** One protected system, as a signal source sees it. */
export interface SourceContext {
  readonly system: string;
  /** The playbook's signals that name this connection. */
  readonly signals: readonly Signal[];
  /** Names the source in samples; new with every start. */
  readonly node: string;
  /** Which releases are being compared now; `candidate` only while one is out. */
  readonly arms: () => { readonly stable?: Release; readonly candidate?: Release };
}

/** Where a secret lies; never the secret itself. */
export const secretReference = z.union([
  z.strictObject({ env: z.string().min(1).max(200) }),
  z.strictObject({ file: z.string().min(1).max(1000) }),
]);
export type SecretReference = z.infer<typeof secretReference>;

/** What a change of a component is, in the playbook's words; an adapter is given the class. */
export const undoWord = z
  .enum(Object.keys(undoWords) as [keyof typeof undoWords, ...(keyof typeof undoWords)[]])
  .transform((word) => undoWords[word]);
