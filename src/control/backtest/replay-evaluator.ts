import type { Playbook } from "../../core/playbook.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { FrozenWindow } from "../../core/rollout.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import type { Finding, Verdict } from "../../core/verdict.ts";
import { createEvaluator, type Evaluator, type EvaluatorSetup } from "../../watch/evaluator.ts";
import { againstFrozen } from "../../watch/frozen-reference.ts";
import { BETA } from "../judgement.ts";
import { signalOf, triggerRules } from "../rules.ts";

/** What a live rollout knows when its exposure starts. */
export interface ReplaySetup {
  readonly playbook: Playbook;
  readonly candidate: ReleaseId;
  /** Absent: nothing served beside it, and it is judged against the frozen window. */
  readonly stable?: ReleaseId;
  readonly from: Instant;
  readonly frozen: readonly FrozenWindow[];
  readonly horizon: Milliseconds;
  readonly blindMs: Milliseconds;
}

/** A trigger or a hard limit that is judged for itself. */
export interface Alone {
  readonly name: string;
  readonly evaluator: Evaluator;
}

/** The evaluator that a live rollout of this playbook is judged by: of `when` as a whole, under one false-alarm budget. */
export function wholeEvaluator(setup: ReplaySetup): Evaluator {
  return createEvaluator(setupOf(setup));
}

/** The same evaluator for each claim by itself: a trigger with its part of the budget, a hard limit as it is. */
export function aloneEvaluators(setup: ReplaySetup): readonly Alone[] {
  const whole = setupOf(setup);
  const { rules, hardLimits } = whole;
  const alone = (fields: Partial<EvaluatorSetup>) =>
    createEvaluator({ ...whole, rules: [], hardLimits: [], ...fields });
  return [
    ...rules.map((rule) => ({
      name: rule.name,
      evaluator: alone({ rules: [rule], alpha: whole.alpha / rules.length }),
    })),
    ...hardLimits.map((hard) => ({ name: hard.limit.name, evaluator: alone({ hardLimits: [hard] }) })),
  ];
}

/** Does a claim fire by itself, as a verdict on all of them shows it? */
export function firesAlone(finding: Finding, { logThreshold, findings }: Verdict): boolean {
  if (isHardLimit(finding)) return finding.kind === "harmful";
  return finding.logHarm >= logThreshold + Math.log(findings.filter((one) => !isHardLimit(one)).length);
}

export function isHardLimit({ method }: Finding): boolean {
  return method === "hard-limit" || method === "run-length";
}

/** As `control/judgement` sets it up; against a frozen window half of the budget pays for not knowing its true shares. */
function setupOf({ playbook, candidate, stable, from, frozen, horizon, blindMs }: ReplaySetup): EvaluatorSetup {
  const rules = triggerRules(playbook);
  const { warmUp = 0, holdbackFor: holdback = 0 } = playbook.how;
  const beside = {
    rules,
    hardLimits: playbook.hardLimits.map((limit) => ({ limit, signal: signalOf(playbook, limit.signal) })),
    alpha: playbook.falseAlarms,
    beta: BETA,
    candidate,
    from,
    horizon,
    holdback,
    warmUp,
    planned: { shares: playbook.how.steps.map((percent) => percent / 100), each: playbook.how.each },
    frozen,
    blindMs,
  };
  if (stable !== undefined) return { ...beside, reference: stable };
  const alpha = playbook.falseAlarms / 2;
  return {
    ...beside,
    rules: rules.map((rule) => againstFrozen(rule, frozen, alpha / rules.length)),
    alpha,
    beta: BETA / 2,
    reference: "sha256:none",
  };
}
