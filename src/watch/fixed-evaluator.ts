import type { Criterion } from "../core/playbook.ts";
import type { ReleaseId } from "../core/release.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { Finding, Verdict } from "../core/verdict.ts";
import type { Evaluator } from "./evaluator.ts";
import { createEvaluator } from "./evaluator.ts";
import { againstFrozen } from "./frozen-reference.ts";
import { meanOf } from "./hypothesis/mean.ts";
import type { MeanRule, Rule, ShareRule } from "./rule.ts";

/** A criterion of `fixed`, compiled. */
export type FixedRule = (ShareRule | MeanRule) & { readonly kind: Criterion["kind"] };

export interface FixedSetup {
  readonly rules: readonly FixedRule[];
  /** Probability of calling it fixed when one of the criteria does not hold. */
  readonly beta: number;
  readonly release: ReleaseId;
  readonly from: Instant;
  readonly frozen: readonly FrozenWindow[];
  readonly blindMs: Milliseconds;
}

/**
 * The evaluator of `fixed`: every criterion must be *proved*, for what is served now.
 * A criterion `within m` is judged against stable's own frozen window: with probability 1 - beta/2 its true bad share is
 * at least the window's exact lower bound L, so proving "bad share below ratio * L + points" at level beta/2 proves the
 * criterion at level beta, however often one looks.
 */
export function createFixedEvaluator(setup: FixedSetup): Evaluator {
  const rules = setup.rules.map((rule) => lineOf(rule, setup));
  const none = "sha256:none" as ReleaseId;
  const evaluator = createEvaluator({
    rules,
    hardLimits: [],
    alpha: setup.beta / 2,
    beta: setup.beta / 2,
    candidate: setup.release,
    reference: none,
    from: setup.from,
    horizon: 60_000,
    frozen: setup.frozen,
    blindMs: setup.blindMs,
  });
  const withReference = (finding: Finding): Finding => {
    const { n, k, cells } = setup.frozen.find(({ signal }) => signal === finding.signal) ?? { n: 0, k: 0 };
    const signal = setup.rules.find(({ name }) => name === finding.name)?.signal;
    const mean = signal?.kind === "mean" ? meanOf(signal, { n, ...(cells ? { cells } : {}) }) : {};
    return { ...finding, reference: { release: "frozen-window", n, k, ...mean } };
  };
  return {
    observe: (samples: readonly Sample[]) => evaluator.observe(samples),
    exposed: (at, share) => evaluator.exposed(at, share),
    alone: (since) => evaluator.alone(since),
    judge(now): Verdict {
      const verdict = evaluator.judge(now);
      return { ...verdict, findings: verdict.findings.map(withReference) };
    },
  };
}

function lineOf(rule: FixedRule, setup: FixedSetup): Rule {
  return rule.kind === "within" ? againstFrozen(rule, setup.frozen, setup.beta / 2) : rule;
}
