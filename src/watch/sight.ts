import { maturityOf } from "../core/playbook.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant } from "../core/time.ts";
import type { EvaluatorSetup } from "./evaluator.ts";
import type { Rule } from "./rule.ts";

/** Can the candidate be seen through a rule's signal? */
export interface Sight {
  /** Notes every sample of the candidate, of whatever signal. */
  see(sample: Sample): void;
  /** Why nothing can be said: `no-data`, or `inconclusive` while no outcome can be known yet; undefined when it can be seen. */
  blind(now: Instant, outcomes: number): "no-data" | "inconclusive" | undefined;
}

/** Blind is a candidate that answers requests, and of whose outcomes nothing has come for longer than they take. */
export function createSight(rule: Pick<Rule, "signal">, setup: EvaluatorSetup): Sight {
  const from = Math.floor(setup.from / 1000) * 1000;
  const wait = (setup.warmUp ?? 0) + maturityOf(rule.signal);
  let since: Instant | undefined;
  let last: Instant | undefined;
  return {
    see({ release, bucket, signal, n }) {
      if (release !== setup.candidate || bucket < from) return;
      since = Math.min(since ?? bucket, bucket);
      if (signal === rule.signal.name && n > 0) last = Math.max(last ?? 0, bucket);
    },
    blind(now, outcomes) {
      const quiet = now - Math.max(last ?? 0, since ?? now) > setup.blindMs + wait;
      if (quiet) return "no-data";
      if (outcomes > 0) return undefined;
      return wait > 0 && since !== undefined ? "inconclusive" : "no-data";
    },
  };
}
