import { isUnbounded, type Playbook, type Signal, type Trigger } from "../core/playbook.ts";
import { claimOf, compileNull } from "../playbook/claim.ts";
import type { WatchableRule } from "../watch/drift-rule.ts";
import type { FixedRule } from "../watch/fixed-evaluator.ts";
import type { MeanRule, Rule, ShareRule } from "../watch/rule.ts";

/** The playbook's triggers as rules for the evaluator. */
export function triggerRules(playbook: Playbook): readonly Rule[] {
  return playbook.triggers.map((trigger) => triggerRule(trigger, signalOf(playbook, trigger.signal), playbook));
}

function triggerRule(trigger: Trigger, signal: Signal, { how }: Playbook): Rule {
  const { name, within, inAny } = trigger;
  const head = {
    name,
    signal,
    claim: claimOf(trigger, signal),
    ...(within === undefined ? {} : { within }),
    ...(inAny === undefined ? {} : { inAny }),
  };
  if (trigger.kind === "slows") {
    const { quantile, by } = trigger;
    return { test: "time", ...head, ...(quantile === undefined ? {} : { quantile }), by };
  }
  if (trigger.kind === "compare" && isUnbounded(signal)) return { test: "average", ...head, by: trigger.by };
  const { badIs, ...line } = compileNull(trigger, signal);
  if (trigger.kind === "differ") return { test: "parity", ...head, null: line, badIs, across: trigger.across };
  const rule = comparison(head, { badIs, ...line }, signal);
  if (trigger.threshold === undefined || rule.test === "mean") return rule;
  return { ...rule, calibrated: { share: how.steps[0]! / 100 } };
}

/** The playbook's recovery criteria as rules for the same evaluator. */
export function fixedRules(playbook: Playbook): readonly FixedRule[] {
  return playbook.fixed.criteria.map((criterion) => {
    const signal = signalOf(playbook, criterion.signal);
    const head = { name: `fixed: ${criterion.signal}`, signal, claim: claimOf(criterion, signal) };
    return { ...comparison(head, compileNull(criterion, signal), signal), kind: criterion.kind };
  });
}

function comparison(
  head: Pick<Rule, "name" | "signal" | "claim" | "within" | "inAny">,
  { ratio, points, badIs }: ReturnType<typeof compileNull>,
  { kind }: Signal,
): ShareRule | MeanRule {
  const line = { ratio, points };
  return kind === "mean" ? { test: "mean", ...head, null: line } : { test: "share", ...head, null: line, badIs };
}

/** The triggers that can be watched without a stable beside the release; of those about segments, the whole. */
export function driftRules(playbook: Playbook): readonly WatchableRule[] {
  const triggers = playbook.triggers.map(({ inAny: _, threshold: __, ...whole }) => whole as Trigger);
  return triggerRules({ ...playbook, triggers }).filter(
    (rule): rule is WatchableRule => rule.test !== "parity" && rule.test !== "average",
  );
}

export function signalOf(playbook: Pick<Playbook, "signals">, name: string): Signal {
  const signal = playbook.signals.find((candidate) => candidate.name === name);
  if (!signal) throw new Error(`the playbook was parsed with an unknown signal ${name}`);
  return signal;
}
