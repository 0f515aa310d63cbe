import type { ReleaseId } from "../core/release.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant } from "../core/time.ts";
import { badOf, type Rule } from "./rule.ts";

/** Counts of one signal in one second of requests, as they arrived together: one factor of an e-process. */
export interface Block {
  readonly bucket: Instant;
  readonly n1: number;
  readonly k1: number;
  readonly n0: number;
  readonly k0: number;
}

/**
 * Groups samples that arrived together (one node, one sequence) into blocks of one request-second each, so that an
 * outcome is compared only with outcomes of the same second that became known at the same time.
 */
export function blocksOf(
  samples: readonly Sample[],
  rule: Rule,
  candidate: ReleaseId,
  reference: ReleaseId,
): readonly Block[] {
  const blocks = new Map<string, { bucket: Instant; n1: number; k1: number; n0: number; k0: number }>();
  for (const sample of samples) {
    if (sample.signal !== rule.signal.name) continue;
    if (sample.release !== candidate && sample.release !== reference) continue;
    const key = `${sample.node}/${sample.sequence}/${sample.bucket}`;
    const block = blocks.get(key) ?? { bucket: sample.bucket, n1: 0, k1: 0, n0: 0, k0: 0 };
    blocks.set(key, block);
    const bad = badOf(rule, sample);
    if (sample.release === candidate) {
      block.n1 += sample.n;
      block.k1 += bad;
    } else {
      block.n0 += sample.n;
      block.k0 += bad;
    }
  }
  return [...blocks.values()];
}
