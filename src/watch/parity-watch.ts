import { MOST_GROUPS, pairParts } from "../core/error-budget.ts";
import { maturityOf } from "../core/playbook.ts";
import type { Sample } from "../core/sample.ts";
import type { Milliseconds } from "../core/time.ts";
import { paritySafety } from "../statistics/index.ts";
import { type Arm, type Cohorts, createCohorts } from "./cohort.ts";
import type { EvaluatorSetup } from "./evaluator.ts";
import type { Evidence } from "./evidence.ts";
import type { Hypothesis, RuleTest } from "./hypothesis/hypothesis.ts";
import { shareHypothesis } from "./hypothesis/share.ts";
import type { ParityRule } from "./rule.ts";
import { evidenceFrom, evidenceOf, type RuleWatch } from "./rule-watch.ts";
import type { Sight } from "./sight.ts";

/** Groups are smaller than arms: requests of one minute may share a cohort. A full one closes sooner. */
const SPAN: Milliseconds = 60_000;

/** Is one group worse off than another, by more than the margin? */
interface PairWatch {
  readonly worse: string;
  readonly better: string;
  /** ln of the pair's part of the error budget. */
  readonly logWeight: number;
  readonly cohorts: Cohorts;
  readonly evidence: { readonly harm: Evidence; readonly safety: Evidence };
}

/**
 * Compares every group of the candidate's traffic with every other one: of each ordered pair the first is the candidate of a
 * test, the second its reference. The evidence is that of the pair with the most, less what its part of the budget costs:
 * so one more bad outcome in the worse-off group can only add to it. Pairs of groups that the frozen window has seen share the
 * budget equally; those with a group that appears later each have a part of the reserve that is kept for as many as can be.
 */
export function watchParity(rule: ParityRule, setup: EvaluatorSetup, sight: Sight): RuleWatch {
  const from = evidenceFrom(setup);
  const window = setup.frozen.find(({ signal }) => signal === rule.signal.name);
  const hypothesis = shareHypothesis(rule, window);
  const prefix = `${rule.across}=`;
  const sums = new Map<string, Arm>();
  const pairs: PairWatch[] = [];
  let broken = false;

  const known = Object.keys(window?.groups ?? {}).filter((group) => group.startsWith(prefix));
  const parts = pairParts(known.length);

  function meet(group: string, weight: number): void {
    if (sums.has(group)) return;
    for (const other of sums.keys())
      for (const [worse, better] of [[group, other] as const, [other, group] as const])
        pairs.push(watchPair(rule, hypothesis, setup, { worse, better, weight }));
    sums.set(group, { n: 0, k: 0 });
  }
  for (const group of known) meet(group, parts.known);

  /** The sample as one of a group that is compared; undefined when it is no evidence. */
  function admit(sample: Sample): Sample | undefined {
    const { release, bucket } = sample;
    let { group } = sample;
    if (release !== setup.candidate || bucket < from) return undefined;
    if (!group?.startsWith(prefix)) return undefined;
    if (!hypothesis.test.possible(sample)) {
      broken = true;
      return undefined;
    }
    if (!sums.has(group) && sums.size >= MOST_GROUPS - 1) group = `${prefix}other`;
    meet(group, parts.later);
    const sum = sums.get(group)!;
    sum.n += sample.n;
    sum.k += sample.k;
    return group === sample.group ? sample : { ...sample, group };
  }

  return {
    observe(own) {
      sight.see(own);
      const admitted = own.flatMap((sample) => admit(sample) ?? []);
      for (const pair of pairs) add(pair, hypothesis.test, pair.cohorts.take(admitted));
    },
    judge(now) {
      for (const pair of pairs) add(pair, hypothesis.test, pair.cohorts.ripen(now));
      const logs = pairs.map(({ logWeight, evidence }) => logWeight + evidence.harm.log(now));
      const logHarm = pairs.length === 0 ? 0 : Math.max(...logs);
      const worst = pairs[logs.indexOf(logHarm)];
      const logSafe = paritySafety(pairs.map(({ evidence }) => evidence.safety.log(now)));
      const outcomes = [...sums.values()].reduce((sum, { n }) => sum + n, 0);
      const proved = pairs.length > 0 && logSafe >= -Math.log(setup.beta);
      const tally = (group: string | undefined) => {
        const { n, k } = sums.get(group ?? "") ?? { n: 0, k: 0 };
        return { release: setup.candidate, n, k, ...(group === undefined ? {} : { group }) };
      };
      return {
        name: rule.name,
        signal: rule.signal.name,
        kind: broken ? "instrument-error" : (sight.blind(now, outcomes) ?? (proved ? "healthy" : "inconclusive")),
        claim: rule.claim,
        method: "disparity",
        candidate: tally(worst?.worse),
        reference: tally(worst?.better),
        logHarm,
        logSafe,
      };
    },
    standsUntil: (now) => now,
  };
}

function watchPair(
  rule: ParityRule,
  hypothesis: Hypothesis,
  setup: EvaluatorSetup,
  { worse, better, weight }: { readonly worse: string; readonly better: string; readonly weight: number },
): PairWatch {
  const sideOf = ({ group }: Sample) => (group === worse ? "candidate" : group === better ? "reference" : undefined);
  return {
    worse,
    better,
    logWeight: Math.log(weight),
    cohorts: createCohorts({ sideOf, compares: true, span: SPAN, maturity: maturityOf(rule.signal) }),
    evidence: evidenceOf(rule, hypothesis, setup),
  };
}

function add({ evidence }: PairWatch, test: RuleTest, closed: ReturnType<Cohorts["take"]>): void {
  for (const cohort of closed) {
    evidence.harm.add(cohort.bucket, test.harmOf(cohort));
    evidence.safety.add(cohort.bucket, test.safetyOf(cohort));
  }
}
