import { maturityOf } from "../core/playbook.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { EvaluatorSetup } from "./evaluator.ts";
import type { Rule } from "./rule.ts";

/** When the candidate first answered, through whatever signal. */
export interface FirstSight {
  see(batch: readonly Sample[]): void;
  since(): Instant | undefined;
}

export function createFirstSight(setup: Pick<EvaluatorSetup, "candidate" | "from">): FirstSight {
  const from = firstSecond(setup);
  let since: Instant | undefined;
  return {
    see(batch) {
      for (const { release, bucket } of batch)
        if (bucket >= from && (since === undefined || bucket < since) && release === setup.candidate) since = bucket;
    },
    since: () => since,
  };
}

/** Can the candidate be seen through a rule's signal? */
export interface Sight {
  /** Notes samples of the rule's signal. */
  see(own: readonly Sample[]): void;
  /** Why nothing can be said: `no-data`, or `inconclusive` while no outcome can be known yet; undefined when it can be seen. */
  blind(now: Instant, outcomes: number): "no-data" | "inconclusive" | undefined;
  /** Before this moment `blind` says the same again, unless samples come. */
  standsUntil(now: Instant): Instant;
}

/** Blind is a candidate that answers requests, and of whose outcomes nothing has come for longer than they take. */
export function createSight(rule: Pick<Rule, "signal">, setup: EvaluatorSetup, first: FirstSight): Sight {
  return new RuleSight(rule, setup, first);
}

class RuleSight implements Sight {
  readonly #setup: EvaluatorSetup;
  readonly #first: FirstSight;
  readonly #from: Instant;
  readonly #wait: Milliseconds;
  #last: Instant = 0;

  constructor({ signal }: Pick<Rule, "signal">, setup: EvaluatorSetup, first: FirstSight) {
    this.#setup = setup;
    this.#first = first;
    this.#from = firstSecond(setup);
    this.#wait = (setup.warmUp ?? 0) + maturityOf(signal);
  }

  see(own: readonly Sample[]): void {
    for (const { release, bucket, n } of own)
      if (bucket > this.#last && bucket >= this.#from && n > 0 && release === this.#setup.candidate)
        this.#last = bucket;
  }

  blind(now: Instant, outcomes: number): ReturnType<Sight["blind"]> {
    const since = this.#first.since();
    if (now > this.#quietAfter(since)) return "no-data";
    if (outcomes > 0) return undefined;
    return this.#wait > 0 && since !== undefined ? "inconclusive" : "no-data";
  }

  standsUntil(now: Instant): Instant {
    const quietAfter = this.#quietAfter(this.#first.since());
    return now > quietAfter ? Number.POSITIVE_INFINITY : quietAfter;
  }

  #quietAfter(since: Instant | undefined): Instant {
    if (since === undefined) return Number.POSITIVE_INFINITY;
    return Math.max(this.#last, since) + this.#setup.blindMs + this.#wait;
  }
}

function firstSecond({ from }: Pick<EvaluatorSetup, "from">): Instant {
  return Math.floor(from / 1000) * 1000;
}
