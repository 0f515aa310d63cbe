import type { RolloutRecord } from "../core/rollout.ts";
import type { Instant } from "../core/time.ts";
import { type BusinessSignal, sumOf } from "./business-signal.ts";
import { type FixedRuleReplay, replayFixedRule } from "./fixed-rule.ts";

/** How the article's fixed rule and its five-minute bar would have done on the same stream. */
export interface Article {
  readonly rule: string;
  readonly onErrors: string;
  readonly onBusiness: string;
  readonly onStable: string;
  readonly fiveMinutes: string;
}

const LIMIT = 0.008;
const WINDOW = 30_000;
const FIVE_MINUTES = 300_000;

/** Compares on the recorded counts; `lead` is the business signal that the report is about. */
export function articleOf(record: RolloutRecord, lead: BusinessSignal, technical: BusinessSignal | undefined): Article {
  const { rollout, samples } = record;
  const from = rollout.exposedAt ?? rollout.startedAt;
  const to = rollout.rollback?.decidedAt ?? rollout.endedAt ?? from;
  const end = rollout.endedAt ?? to;
  const replay = (signal: BusinessSignal, release: typeof rollout.stable, since: Instant, until: Instant) =>
    replayFixedRule(samples, signal, release, since, until, LIMIT, WINDOW);
  const seconds = (to - from) / 1000;
  const firstSecond = Math.floor(from / 1000) * 1000;
  const pace = sumOf(samples, lead, rollout.candidate, firstSecond).bad / Math.max(seconds, 1);
  const soFar = (signal: BusinessSignal) => verdictOf(replay(signal, rollout.candidate, from, to), from, seconds);
  const business = replay(lead, rollout.candidate, from, to);
  return {
    rule: "roll back when the share of bad answers is above 0.8 % over 30 s",
    onErrors: technical ? soFar(technical) : "the playbook has no such signal",
    onBusiness:
      soFar(lead) +
      (business.windowFilled || rollout.rollback === undefined
        ? ""
        : `; at that pace it would have let about ${Math.round(pace * (WINDOW / 1000))} bad answers out before it could speak`),
    onStable: falseAlarm(replay(lead, rollout.stable, rollout.startedAt, end)),
    fiveMinutes: fiveMinutes(rollout.exposedAt, rollout.rollback?.fixedAt),
  };
}

function verdictOf(replay: FixedRuleReplay, from: Instant, seconds: number): string {
  if (replay.firedAt !== undefined) return `fires ${((replay.firedAt - from) / 1000).toFixed(0)} s after the exposure`;
  if (replay.windowFilled) return "never fires";
  return `its 30 s window was not full in the ${seconds.toFixed(1)} s that the candidate was exposed`;
}

function falseAlarm(replay: FixedRuleReplay): string {
  if (replay.firedAt !== undefined) return "fires on stable itself: a false alarm, for stable does no harm";
  return replay.windowFilled ? "stays silent on stable" : "its 30 s window was not full on stable either";
}

function fiveMinutes(from: Instant | undefined, fixed: Instant | undefined): string {
  if (from === undefined) return "does not apply: no request reached the candidate";
  if (fixed === undefined) return "no rollback, or not proved fixed";
  const took = `${((fixed - from) / 1000).toFixed(1)} s from the first exposure to proved fixed`;
  return fixed - from <= FIVE_MINUTES ? `met: ${took}` : `missed: ${took}`;
}
