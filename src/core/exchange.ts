import type { Json } from "./digest.ts";
import type { Route } from "./entry.ts";
import type { FlagState } from "./ports.ts";
import type { Lease } from "./rollout.ts";
import type { Sample } from "./sample.ts";
import type { Instant, Milliseconds } from "./time.ts";

/** So many posts are fetched at once. */
export const MOST_POSTS = 2000;

/**
 * What the replicas of one store tell one another. Only a store that several processes share has it. Every call ends
 * within about a second, with an error when the store does not answer.
 */
export interface Exchange {
  /** Extends the leases that still carry their fence, by the store's clock; answers those. */
  renew(renewals: readonly Renewal[], ttl: Milliseconds): Promise<readonly Lease[]>;
  /** Gives a lease back before its time. */
  free(lease: Lease): Promise<void>;
  /** How the systems stand now. */
  look(systems: readonly string[]): Promise<View>;
  /** Makes an order durable. */
  give(order: GivenOrder): Promise<void>;
  /** Marks an order as begun; false when it was answered, or when a newer holder has begun it. */
  begin(order: string, lease: Lease): Promise<boolean>;
  answer(order: string, answer: Json): Promise<void>;
  answerTo(order: string): Promise<Json | undefined>;
  /** Counts for the holder, each list of one system. */
  post(posts: readonly { readonly system: string; readonly samples: readonly Sample[] }[]): Promise<void>;
  /** What was posted of these systems, oldest first, `MOST_POSTS` at most; the posts in `done` are taken away first. */
  collect(systems: readonly string[], done: readonly string[]): Promise<readonly Post[]>;
  /** Tells people who watch at other replicas. Kept for some minutes. */
  tell(by: string, events: readonly Json[]): Promise<void>;
  /** What others than this replica have told, oldest first, of the newest that are kept; each with its number. */
  told(to: string, after: number): Promise<readonly { readonly number: number; readonly event: Json }[]>;
  /** The value that all replicas agree on: this one, if nobody was quicker. */
  agree(name: string, value: string): Promise<string>;
  /** Tells all replicas that there is something new to look at. A hint only: it may get lost. */
  hint(): void;
  /** Calls back with every hint, until the signal ends it. */
  onHint(told: () => void, signal: AbortSignal): void;
  close(): Promise<void>;
}

export interface Renewal {
  readonly lease: Lease;
  /** How long ago the holder last saw to the candidate's share. */
  readonly exposedFor?: Milliseconds;
}

export interface View {
  /** The store's clock. */
  readonly now: Instant;
  readonly systems: readonly SystemView[];
  /** Orders of these systems that were not answered yet, oldest first. */
  readonly orders: readonly OpenOrder[];
  readonly flags: readonly FlagState[];
}

export interface SystemView {
  readonly system: string;
  readonly route?: Route;
  /** Its newest rollout. */
  readonly rollout?: string;
  readonly holder?: string;
  readonly fence: number;
  /** How much longer the holder's lease lasts. */
  readonly left: Milliseconds;
  /** How long ago its holder last saw to the candidate's share; absent: this holder never has. */
  readonly exposedFor?: Milliseconds;
}

/** What a person, or a program in their name, wants of one system: an operation with its input. */
export interface GivenOrder {
  readonly id: string;
  readonly system: string;
  readonly operation: string;
  readonly input: Json;
  readonly by: string;
}

export interface OpenOrder extends GivenOrder {
  /** A holder has begun it before. */
  readonly taken: boolean;
}

export interface Post {
  readonly id: string;
  readonly system: string;
  readonly samples: readonly Sample[];
}
