import { AS_IT_COMES } from "../core/error-budget.ts";
import { isReportedAsItComes } from "../core/playbook.ts";
import { type Calibration, calibrate, type Design, trialsOf } from "../statistics/index.ts";
import { FIRST } from "../statistics/late-evidence.ts";
import type { EvaluatorSetup } from "./evaluator.ts";
import { createLaterEvidence, createPlainEvidence, type Evidence, type Watch } from "./evidence.ts";
import type { ShareRule } from "./rule.ts";

/** The threshold of the first start; undefined where nobody can walk the test exactly, or the rule did not ask for it. */
export function calibrationOf(rule: ShareRule, design: Design, setup: EvaluatorSetup): Calibration | undefined {
  if (!rule.calibrated) return undefined;
  const { share } = rule.calibrated;
  try {
    trialsOf(design, share);
  } catch {
    return undefined;
  }
  // A share of it is that of late looks, and a calibrated log is no e-value that could be weighed.
  const part = isReportedAsItComes(rule.signal) ? AS_IT_COMES : 1;
  const alpha = (part * FIRST * setup.alpha) / setup.rules.length;
  return calibrate({ design, share, alpha });
}

/**
 * Evidence of harm whose first start has a threshold of its own, found by dynamic programming; the later ones keep theirs.
 * Each has its part of the rule's budget, and either may pass by itself (union bound), so the greater counts: it is no
 * e-value, and is compared with the rule's threshold alone, never added to the evidence of others.
 */
export function createCalibratedEvidence(
  design: Design,
  { logThreshold }: Calibration,
  setup: EvaluatorSetup,
  watch: Watch,
): Evidence {
  const first = createPlainEvidence(design);
  const later = createLaterEvidence(design, watch);
  const lift = -Math.log(setup.alpha / setup.rules.length) - logThreshold;
  return {
    add(bucket, increments) {
      first.add(bucket, increments);
      later.add(bucket, increments);
    },
    log: (now) => Math.max(first.log(now) + lift, later.log(now)),
  };
}
