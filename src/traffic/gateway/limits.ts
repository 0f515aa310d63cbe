import type { Milliseconds } from "../../core/time.ts";

/** What the gateway bears before it gives up. */
export interface Limits {
  /** Largest request body, in bytes; beyond it 413. 10 MB. */
  readonly bodyBytes: number;
  /** How long a connection to an upstream may take. 5 s. */
  readonly connect: Milliseconds;
  /** How long an upstream may take to its response headers; beyond it 504. 30 s. */
  readonly headers: Milliseconds;
  /** How long a started response may be silent before it is cut. 5 min, for models that think. */
  readonly silence: Milliseconds;
  /** How long `close` waits for requests in flight. 5 s. */
  readonly drain: Milliseconds;
  /** Most connections to each upstream; more requests wait in a queue. 1,024. */
  readonly connections: number;
}

export const defaultLimits: Limits = {
  bodyBytes: 10_000_000,
  connect: 5_000,
  headers: 30_000,
  silence: 300_000,
  drain: 5_000,
  connections: 1_024,
};
