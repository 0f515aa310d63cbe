import type { Criterion, Playbook, Signal, Trigger } from "../core/playbook.ts";
import { claimOf, compileNull } from "../playbook/claim.ts";
import type { Rule } from "../watch/rule.ts";

/** The playbook's triggers as rules for the evaluator. */
export function triggerRules(playbook: Playbook): readonly Rule[] {
  return playbook.triggers.map((trigger) => ruleOf(trigger.name, trigger, signalOf(playbook, trigger.signal)));
}

/** The playbook's recovery criteria as rules for the same evaluator. */
export function fixedRules(playbook: Playbook): readonly (Rule & { readonly kind: Criterion["kind"] })[] {
  return playbook.fixed.criteria.map((criterion) => ({
    ...ruleOf(`fixed: ${criterion.signal}`, criterion, signalOf(playbook, criterion.signal)),
    kind: criterion.kind,
  }));
}

function ruleOf(name: string, claim: Trigger | Criterion, signal: Signal): Rule {
  const { ratio, points, badIs } = compileNull(claim, signal);
  return { name, signal, claim: claimOf(claim, signal), null: { ratio, points }, badIs };
}

export function signalOf(playbook: Playbook, name: string): Signal {
  const signal = playbook.signals.find((candidate) => candidate.name === name);
  if (!signal) throw new Error(`the playbook was parsed with an unknown signal ${name}`);
  return signal;
}
