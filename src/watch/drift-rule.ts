import { maturityOf } from "../core/playbook.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import { advanceCusum, advanceDrift, driftDesign, logEvidence, startRecursion } from "../statistics/index.ts";
import { type Arm, createCohorts, join } from "./cohort.ts";
import type { Drifted, DriftSetup } from "./drift-watch.ts";
import { againstFrozen } from "./frozen-reference.ts";
import type { TimeLine } from "./hypothesis/hypothesis.ts";
import type { AverageRule, ParityRule, Rule } from "./rule.ts";
import { hypothesisOf } from "./rule-watch.ts";
import { ENOUGH } from "./seasons.ts";

/** Groups are compared with each other, by statistics of their own, and means without ends approximately: for ever is too long. */
export type WatchableRule = Exclude<Rule, ParityRule | AverageRule>;

/** One rule of a drift watch. */
export interface DriftRule {
  observe(samples: readonly Sample[]): void;
  tick(now: Instant): void;
  /** ln of the evidence. */
  log(): number;
  drifted(): Drifted;
  reference(): FrozenWindow | undefined;
}

/** A reference that has to be learnt lasts at least this long: a few seconds say little about a day. */
const LEARN: Milliseconds = 900_000;
/** Requests of one cohort lie in one minute, as ticks do. */
const SPAN: Milliseconds = 60_000;

interface Totals {
  n: number;
  /** Of each line of the rule. */
  ks: readonly number[];
  /** Of all values. */
  sum: number;
}

export function createDriftRule(
  rule: WatchableRule,
  { release, from, frozen, error }: Omit<DriftSetup, "rules">,
): DriftRule {
  const cohorts = createCohorts({
    sideOf: () => "candidate",
    compares: false,
    span: SPAN,
    maturity: maturityOf(rule.signal),
  });
  const known = frozen.find(({ signal, n, cells }) => {
    return signal === rule.signal.name && n >= ENOUGH && (rule.test === "share" || cells !== undefined);
  });
  const needsNone = rule.test !== "time" && rule.null.ratio === 0;
  const { test } = hypothesisOf(rule, { frozen: [anyWindow(rule)] })!;
  let watch = known || needsNone ? watchOver(rule, known, error) : undefined;
  const learnt: Arm = { n: 0, k: 0 };
  let pending: { readonly arm: Arm; since: Instant } | undefined;

  const isOwn = (sample: Sample) =>
    sample.release === release &&
    sample.signal === rule.signal.name &&
    sample.group === undefined &&
    sample.bucket >= from &&
    test.possible(sample);

  function gather(closed: ReturnType<typeof cohorts.take>): void {
    for (const { bucket, candidate } of closed) {
      pending ??= { arm: { n: 0, k: 0 }, since: bucket };
      pending.since = Math.min(pending.since, bucket);
      join(pending.arm, candidate);
    }
  }

  return {
    observe(samples) {
      const own = samples.filter(isOwn);
      if (own.length > 0) gather(cohorts.take(own));
    },
    tick(now) {
      gather(cohorts.ripen(now));
      if (!pending) return;
      const { arm, since } = pending;
      pending = undefined;
      if (watch) return watch.tick(arm, since);
      join(learnt, arm);
      if (learnt.n >= ENOUGH && now - from >= LEARN) watch = watchOver(rule, windowOf(rule, learnt), error);
    },
    log: () => watch?.log() ?? Number.NEGATIVE_INFINITY,
    drifted: () => ({ ...watch!.drifted(), learnt: !known && !needsNone }),
    reference: () => watch?.reference,
  };
}

/** The rule against its line, tick by tick. */
function watchOver(rule: WatchableRule, reference: FrozenWindow | undefined, error: number) {
  const against = againstFrozen(rule, reference ? [reference] : [], error);
  const hypothesis = hypothesisOf(against, { frozen: reference ? [reference] : [] }, driftDesign)!;
  const { harm, test } = hypothesis;
  const lines = test.lines ?? [test];
  const totals: Totals = { n: 0, ks: lines.map(() => 0), sum: 0 };
  const starts = harm.alternatives.map(() => ({ since: 0, before: { ...totals } }));
  let state = startRecursion(harm);
  let cusum = startRecursion(harm);
  return {
    reference,
    log: () => logEvidence(state),
    tick(arm: Arm, since: Instant): void {
      const empty: Arm = { n: 0, k: 0 };
      const increment = test.harmOf({ bucket: since, candidate: arm, reference: empty });
      for (const [index, { weight }] of harm.alternatives.entries())
        if (cusum.logR[index]! <= Math.log(weight)) starts[index] = { since, before: { ...totals } };
      state = advanceDrift(state, harm, increment);
      cusum = advanceCusum(cusum, harm, increment);
      const { mean = 0 } = test.shown(arm);
      totals.n += arm.n;
      totals.ks = lines.map((line, at) => totals.ks[at]! + line.shown(arm).k);
      totals.sum += mean * arm.n;
    },
    drifted(): Omit<Drifted, "learnt"> {
      const likeliest = cusum.logR.reduce((best, log, index) => (log > cusum.logR[best]! ? index : best), 0);
      const { since, before } = starts[likeliest]!;
      const n = totals.n - before.n;
      const at = lineAt(test.lines ?? [], likeliest);
      const { threshold } = lines[at]!;
      return {
        name: rule.name,
        signal: rule.signal.name,
        claim: rule.claim,
        since,
        counts: {
          n,
          k: totals.ks[at]! - before.ks[at]!,
          ...(rule.test === "mean" ? { mean: (totals.sum - before.sum) / n } : {}),
        },
        line: lineOf(against, test.lines?.[at]),
        ...(threshold === undefined ? {} : { threshold }),
        ...(reference ? { reference } : {}),
        logEvidence: logEvidence(state),
      };
    },
  };
}

/** The line that an alternative is about; the first where there is but one. */
function lineAt(lines: readonly TimeLine[], alternative: number): number {
  const owners = lines.flatMap(({ alternatives }, at) => Array.from({ length: alternatives }, () => at));
  return owners[alternative] ?? 0;
}

/** Where the bad begins, as people read the signal; of several quantiles at this one. */
function lineOf(rule: WatchableRule, line: TimeLine | undefined): number {
  if (rule.test === "time") return 1 - (rule.quantile ?? line!.quantile);
  const { points } = rule.harmNull ?? rule.null;
  if (rule.test === "share") return points;
  const [least, greatest] = rule.signal.range ?? [0, 1];
  return rule.signal.better === "down" ? least + (greatest - least) * points : greatest - (greatest - least) * points;
}

function windowOf({ signal }: WatchableRule, { n, k, cells }: Arm): FrozenWindow {
  return { signal: signal.name, n, k, ...(cells ? { cells: [...cells].sort(([a], [b]) => a - b) } : {}) };
}

/** What can be counted does not depend on the window. */
function anyWindow(rule: WatchableRule): FrozenWindow {
  return { signal: rule.signal.name, n: ENOUGH, k: 1, cells: [[1, ENOUGH]] };
}
