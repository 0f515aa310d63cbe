import type { How } from "../../core/playbook.ts";
import type { Milliseconds } from "../../core/time.ts";
import {
  chanceStanding,
  type EvidenceLaw,
  evidenceLaw,
  type LawRequest,
  standingAfter,
  usualLength,
} from "../../statistics/index.ts";
import { decidedAfter } from "../release-evidence.ts";
import { allProved, FOLLOWED_FOR_ALL } from "./all-proved.ts";
import { SEGMENTS, type TriggerTest } from "./trigger-test.ts";

/** The error with which safety is proved. */
export const BETA = 0.05;

/** Laws that were asked for already: the linter tries many playbooks that differ elsewhere. */
const known = new Map<string, EvidenceLaw>();
const MOST_KNOWN = 256;

/**
 * How long the evaluator takes at a constant share of the traffic, in chances: an upper bound, for harm from the first answer
 * on (`harm`), or until a candidate as good as stable is proved safe (`safety`).
 * @param perSecond answers of both sides; undefined where nobody stated it, and every chance is looked at
 */
export function lawOf(
  test: TriggerTest,
  direction: "harm" | "safety",
  share: number,
  perSecond: number | undefined,
): EvidenceLaw {
  if (!comparable(test, share)) return NEVER;
  const request = requestOf(test, direction, share, perSecond);
  const key = JSON.stringify(request);
  const found = known.get(key) ?? evidenceLaw(request);
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(key, found);
  return found;
}

function requestOf(
  test: TriggerTest,
  direction: "harm" | "safety",
  share: number,
  perSecond: number | undefined,
): LawRequest {
  const { p1, p0, chances, null: nothing, logThreshold } = test;
  const seconds = perSecond === undefined ? 1 : closingSeconds(test, direction, share, perSecond);
  return {
    evidence: test.evidence(direction, share, direction === "harm" ? "bad" : "sound"),
    logThreshold: direction === "harm" ? logThreshold : -Math.log(BETA),
    p1: direction === "harm" ? p1 : Math.min(p0, nothing.ratio * p0 + nothing.points),
    p0,
    ...(direction === "safety" && test.claims ? { ended: FOLLOWED_FOR_ALL } : {}),
    block: Math.max(1e-6, seconds * (perSecond ?? 1 / share / chances) * share * chances),
  };
}

/** So many reference observations close a cohort, as in the evaluator. */
const ENOUGH = 60;
/** So long after its span one closes with what it has. */
const SETTLED: Milliseconds = 2000;

/** How far apart the cohorts of a test close, at most. */
function closingSeconds(
  { cohort, maturity, null: { ratio } }: TriggerTest,
  direction: "harm" | "safety",
  share: number,
  perSecond: number,
): number {
  if (maturity > 0) return cohort.span / 1000;
  const full = ratio === 0 ? 0 : Math.ceil(ENOUGH / (perSecond * cohort.reference(share, direction)) - 1e-9);
  return Math.max(1, Math.min(full, (cohort.span + SETTLED) / 1000));
}

/** Answers of the candidate until safety is proved with this probability: of all that is claimed. */
export function safetyAfter(test: TriggerTest, share: number, perSecond: number, part: number): number | undefined {
  const lengths = (test.claims ?? [test]).map((claim) => (of: number) => {
    return claimSafeAfter({ ...test, ...claim }, share, perSecond, of);
  });
  return allProved(lengths, part);
}

/**
 * The same of one claim. Where several claims must stand at one moment, the
 * chance that they do after so many answers is exact, and that they do so before is left out: an upper bound. Segments have
 * answers of their own, and more bad ones of the candidate speak against all claims, so that the product of their chances is
 * at most the chance of all (Harris 1960).
 */
function claimSafeAfter(test: TriggerTest, share: number, perSecond: number, part: number): number | undefined {
  const { together, chances } = test;
  if (!together) return lengthOf(test, lawOf(test, "safety", share, perSecond), part).answers;
  if (!comparable(test, share)) return undefined;
  const { block, evidence, ...request } = requestOf(test, "safety", share, perSecond);
  const one = { ...request, evidence: [evidence] };
  const all = together.kind === "pairs" ? { ...request, evidence: [evidence, together.otherWay] } : one;
  const chanceAt = (n: number) =>
    together.kind === "pairs"
      ? chanceStanding(all, n)
      : chanceStanding(one, n) ** SEGMENTS * chanceStanding(one, n * SEGMENTS);
  const found = standingAfter(chanceAt, part, { usual: usualLength(all), block });
  return found === undefined ? undefined : Math.max(test.least ?? 0, found / chances);
}

const NEVER: EvidenceLaw = { observations: () => undefined, bad: () => undefined };

/** With all of the traffic on the candidate there is nothing to compare it with. */
export function comparable({ null: { ratio }, trigger }: TriggerTest, share: number): boolean {
  return ratio === 0 || trigger.kind === "differ" || (share > 0 && share < 1);
}

/** What a part of the runs does not exceed; undefined where it was not followed so far. */
export interface TestLength {
  /** Answers of the candidate, at the first step's share. */
  readonly answers: number | undefined;
  /** Bad ones among them; a mean has none. */
  readonly bad: number | undefined;
}

export function lengthOf(test: TriggerTest, law: EvidenceLaw, part: number): TestLength {
  const observations = law.observations(part);
  return {
    answers: observations === undefined ? undefined : Math.max(test.least ?? 0, observations / test.chances),
    bad: test.signal.kind === "mean" ? undefined : law.bad(part),
  };
}

/** The ramp with the time that its last step goes on for while nothing is decided. */
export function patient(how: How, times: number): How {
  const last = how.steps.at(-1) ?? 100;
  return { ...how, steps: [...how.steps, ...Array.from({ length: how.steps.length * (times - 1) }, () => last)] };
}

/**
 * When so many answers at the first step's share have come together, counted from the first exposure. In later steps an answer
 * of the candidate is worth as much as the information bound says at the share of all answers so far. Undefined when that is not
 * within the ramp, or not within the span in which evidence must gather.
 */
export function momentOf(
  test: TriggerTest,
  answers: number | undefined,
  how: How,
  perSecond: number,
): Milliseconds | undefined {
  const first = (how.steps[0] ?? 0) / 100;
  const atFirst = test.bound(first);
  if (answers === undefined || !Number.isFinite(atFirst)) return undefined;
  const needs = (share: number) => answers * Math.max(1e-9, test.bound(share) / atFirst);
  const moment = decidedAfter({ how, perSecond, within: test.within, needs });
  return moment === undefined ? undefined : moment + test.maturity;
}
