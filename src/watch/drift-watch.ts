import type { ReleaseId } from "../core/release.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import { logSumExp } from "../statistics/index.ts";
import { createDriftRule, type DriftRule, type WatchableRule } from "./drift-rule.ts";

/** Everything that is fixed before the release is watched. */
export interface DriftSetup {
  readonly rules: readonly WatchableRule[];
  readonly release: ReleaseId;
  /** What was served before this moment is no evidence. */
  readonly from: Instant;
  /** What is known of the release's own past, by signal; of other signals the beginning of the watch is the reference. */
  readonly frozen: readonly FrozenWindow[];
  /** The mean number of ticks between two false alarms of all rules together, at least. */
  readonly between: number;
  /** Probability that a reference is not what it was taken for, of all rules together. */
  readonly error: number;
}

/** One rule that no longer holds. */
export interface Drifted {
  readonly name: string;
  readonly signal: string;
  readonly claim: string;
  /** The likeliest beginning: where CUSUM starts. */
  readonly since: Instant;
  /** Since then; `k` is what is slow of a time. */
  readonly counts: { readonly n: number; readonly k: number; readonly mean?: number };
  /** What is still accepted: a share of bad ones, occurrences for each observation, or a mean on the signal's own scale. */
  readonly line: number;
  /** Of a time: slow is what takes longer than this many seconds. */
  readonly threshold?: number;
  /** None where the rule names its line itself. */
  readonly reference?: FrozenWindow;
  /** The reference is the beginning of the watch. */
  readonly learnt: boolean;
  readonly logEvidence: number;
}

export interface DriftAlarm {
  readonly at: Instant;
  readonly because: readonly Drifted[];
  /** ln of the mean of all rules' evidence, against ln of the ticks between false alarms. */
  readonly logEvidence: number;
  readonly logThreshold: number;
}

/** Watches a release that serves alone, for ever. */
export interface DriftWatch {
  readonly release: ReleaseId;
  /** Takes samples, each once; those of others are left out. */
  observe(samples: readonly Sample[]): void;
  /** An alarm stands until a new watch begins. */
  judge(now: Instant): DriftAlarm | undefined;
  /** The references that rules have by now, for a watch that begins anew. */
  references(): readonly FrozenWindow[];
}

/** The evidence moves on once a minute. */
export const TICK: Milliseconds = 60_000;

/**
 * The e-detector of Shin, Ramdas and Rinaldo: a start before every tick that has data. While every rule's badness stays at
 * or below its line, the mean of the rules' evidence grows by at most 1 a tick in expectation, whatever depends on what; so
 * false alarms of all rules together are at least `between` ticks apart on average. That rests on the references, which
 * are not concurrent: what changes for everybody looks like drift.
 */
export function createDriftWatch(setup: DriftSetup): DriftWatch {
  const error = setup.error / Math.max(1, setup.rules.length);
  const rules: readonly DriftRule[] = setup.rules.map((rule) => createDriftRule(rule, { ...setup, error }));
  const logThreshold = Math.log(setup.between);
  let alarm: DriftAlarm | undefined;
  let nextTick = setup.from + TICK;

  function blamed(logEvidence: number, at: Instant): DriftAlarm {
    const alone = rules.filter((rule) => rule.log() >= logThreshold + Math.log(rules.length));
    const strongest = rules.reduce((most, rule) => (rule.log() > most.log() ? rule : most));
    const because = (alone.length > 0 ? alone : [strongest]).map((rule) => rule.drifted());
    return { at, because, logEvidence, logThreshold };
  }

  return {
    release: setup.release,
    observe(samples) {
      for (const rule of rules) rule.observe(samples);
    },
    judge(now) {
      if (alarm || now < nextTick || rules.length === 0) return alarm;
      nextTick = now - ((now - setup.from) % TICK) + TICK;
      for (const rule of rules) rule.tick(now);
      const logEvidence = logSumExp(rules.map((rule) => rule.log())) - Math.log(rules.length);
      if (logEvidence >= logThreshold) alarm = blamed(logEvidence, now);
      return alarm;
    },
    references: () => [...new Map(rules.flatMap((rule) => rule.reference() ?? []).map((w) => [w.signal, w])).values()],
  };
}
