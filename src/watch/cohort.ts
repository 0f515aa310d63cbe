import type { ReleaseId } from "../core/release.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { Block } from "../statistics/index.ts";
import { badOf, type Rule } from "./rule.ts";

/** Counts of one signal in one second of requests, as they became known: one factor of an e-process. */
export interface CohortBlock extends Block {
  readonly bucket: Instant;
}

/** Gathers what becomes known of each second of requests, node by node, and hands it over in closed blocks. */
export interface Cohorts {
  /** Takes one batch (one node, one sequence) and answers the blocks that it closes. */
  take(batch: readonly Sample[]): readonly CohortBlock[];
}

export interface CohortsSetup {
  readonly rule: Pick<Rule, "signal" | "badIs">;
  readonly candidate: ReleaseId;
  readonly reference: ReleaseId;
  /** The rule compares with the reference; without it every batch closes its blocks. */
  readonly compares: boolean;
}

/**
 * So many reference observations make a block worth closing. Simulated at 10 to 95 % canary and 20 to 600 requests a
 * second: fewer waste evidence in quiet traffic, more cost bad answers by waiting where great harm is decided quickly.
 */
const ENOUGH = 10;
/** When the reference of a second this much later is known, few more outcomes of this one will come. */
const SETTLED: Milliseconds = 2000;

interface Window {
  readonly bucket: Instant;
  n1: number;
  k1: number;
  n0: number;
  k0: number;
}

/**
 * Outcomes are compared only with outcomes of the same second that became known in the same span of time. In quiet
 * traffic a batch often brings a second's candidates without its reference, or the other way round, so a block stays
 * open until it holds enough reference, or any at all once the second has settled. Candidates wait for the first.
 *
 * When a block closes depends on how many *reference* observations there are, and on nothing else. So the borders are
 * predictable and every block keeps its expectation of at most 1 under the null; and one more bad outcome of the
 * candidate joins a block without moving a border, so it can only add to the evidence of harm.
 */
export function createCohorts(setup: CohortsSetup): Cohorts {
  const nodes = new Map<
    string,
    { newest: Instant; readonly windows: Map<Instant, Window>; readonly open: Set<Window> }
  >();

  function nodeOf(name: string) {
    const known = nodes.get(name);
    if (known) return known;
    const fresh = { newest: Number.NEGATIVE_INFINITY, windows: new Map<Instant, Window>(), open: new Set<Window>() };
    nodes.set(name, fresh);
    return fresh;
  }

  return {
    take(batch) {
      const node = nodeOf(batch[0]?.node ?? "");
      for (const sample of batch) {
        const isCandidate = sample.release === setup.candidate;
        if (sample.signal !== setup.rule.signal.name || (!isCandidate && sample.release !== setup.reference)) continue;
        const { bucket, n } = sample;
        const window = node.windows.get(bucket) ?? { bucket, n1: 0, k1: 0, n0: 0, k0: 0 };
        node.windows.set(bucket, window);
        const bad = badOf(setup.rule, sample);
        if (isCandidate) {
          window.n1 += n;
          window.k1 += bad;
        } else {
          window.n0 += n;
          window.k0 += bad;
          node.newest = Math.max(node.newest, bucket);
        }
        if (!setup.compares || window.n0 > 0) node.open.add(window);
      }
      const closed: CohortBlock[] = [];
      for (const window of node.open) {
        const settled = node.newest >= window.bucket + SETTLED;
        if (setup.compares && window.n0 < ENOUGH && !settled) continue;
        node.open.delete(window);
        node.windows.delete(window.bucket);
        closed.push(window);
      }
      return closed;
    },
  };
}
