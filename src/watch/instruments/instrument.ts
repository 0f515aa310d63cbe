import type { Sample } from "../../core/sample.ts";

/**
 * Looks for reasons to doubt the numbers themselves. What it finds blocks forward, and never back: a doubt has no part in
 * the evidence of harm. So none of them need be monotone in the candidate's outcomes; law 2 holds whatever they say.
 */
export interface Instrument {
  /** Of one batch (one node, one sequence): samples of both arms, also of other signals (ignored). */
  observe(batch: readonly Sample[]): void;
  /** Doubts as sentences for people; none while all is well. Once certain, a doubt stays as it was first said. */
  doubts(): readonly string[];
}

/** The level of each doubt: so rarely, in the whole life of a rollout, may sound numbers be doubted. */
export const DOUBTFUL = 0.001;

/** Nothing to doubt, once for all: it is asked for on every judgement. */
export const NO_DOUBTS: readonly string[] = Object.freeze([]);

/** For a signal that an instrument has nothing to say about. */
export const QUIET: Instrument = Object.freeze({ observe: () => {}, doubts: () => NO_DOUBTS });

/**
 * Requests of one person go to one arm and fare alike, so they are no independent observations. Evidence to the power of
 * 1/20 holds for up to 20 requests of each: E[X^(m/20)] <= E[X]^(m/20) <= 1 for m <= 20 (Jensen). The price is 20 times
 * the requests until a fault is found. A signal that is counted `per` person needs none of it.
 */
export const REQUESTS_OF_ONE = 20;
