import { isReportedLater } from "../../core/playbook.ts";
import type { FrozenWindow } from "../../core/rollout.ts";
import type { Sample } from "../../core/sample.ts";
import {
  type Block,
  chooseForm,
  type Design,
  type DesignRequest,
  harmDesign,
  type Increments,
  incrementsOf,
  NumberShelf,
  safetyDesign,
} from "../../statistics/index.ts";
import type { Arm, Cohort } from "../cohort.ts";
import { badOf, type ParityRule, type ShareRule } from "../rule.ts";
import { type Hypothesis, incrementsAt, type RuleTest } from "./hypothesis.ts";

/** The share of bad answers that is assumed where stable was never seen: any value is valid, a good one is faster. */
const UNKNOWN_SHARE = 0.05;

/** Bad outcomes as a share of all, or, of a count, for each observation. */
export function shareHypothesis(
  rule: ShareRule | ParityRule,
  frozen: FrozenWindow | undefined,
  forHarm = harmDesign,
  shelf = new NumberShelf(),
): Hypothesis & { readonly design: Design } {
  const { harm, safety, grain } = shareDesigns(rule, frozen, forHarm);
  return { harm, safety, design: harm, test: new ShareTest(rule, { harm, safety, grain }, shelf) };
}

/** A class, since there are very many: one object each, and not one for every function. */
class ShareTest implements RuleTest {
  readonly #rule: ShareRule | ParityRule;
  readonly #grain: number;
  readonly #harm: Increments;
  readonly #safety: Increments;
  readonly method: RuleTest["method"];
  readonly compares: boolean;

  constructor(rule: ShareRule | ParityRule, { harm, safety, grain }: ShareDesigns, shelf: NumberShelf) {
    this.#rule = rule;
    this.#grain = grain;
    this.#harm = incrementsOf(harm, shelf);
    this.#safety = incrementsOf(safety, shelf);
    this.method = harm.form;
    this.compares = harm.null.ratio > 0 || safety.null.ratio > 0;
  }

  harmOf(cohort: Cohort): ArrayLike<number> {
    return incrementsAt(this.#harm, blockOf(this.#rule, cohort, this.#grain));
  }

  safetyOf(cohort: Cohort): ArrayLike<number> {
    return incrementsAt(this.#safety, blockOf(this.#rule, cohort, this.#grain));
  }

  /**
   * Units that turn bad after they were counted come as corrections, and what the gateway counted gets its outcome later:
   * only the sum of these has to be true.
   */
  possible({ n, k }: Sample): boolean {
    const { signal } = this.#rule;
    if (!(Number.isSafeInteger(n) && Number.isSafeInteger(k) && n >= 0)) return false;
    const summed = signal.kind === "count" || (signal.labels !== undefined && isReportedLater(signal));
    return signal.per !== undefined || (k >= 0 && (summed || k <= n));
  }

  shown({ k }: Arm): { readonly k: number } {
    return { k };
  }
}

interface ShareDesigns {
  readonly harm: Design;
  readonly safety: Design;
  readonly grain: number;
}

/**
 * The designs of one rule, for reports and for recomputing a decision. A count may be larger than the number of
 * observations: each observation is then `grain` chances for one occurrence, which for a Poisson count changes nothing.
 */
export function shareDesigns(
  rule: ShareRule | ParityRule,
  frozen: FrozenWindow | undefined,
  forHarm = harmDesign,
): ShareDesigns {
  const forecast = forecastOf(rule, frozen);
  const grain = rule.signal.kind === "count" ? grainOf(rule, forecast) : 1;
  const fine = ({ ratio, points }: DesignRequest["null"]) => ({ ratio, points: points / grain });
  const form = chooseForm(forecast / grain, fine(rule.null));
  return {
    harm: forHarm({ form, null: fine(rule.harmNull ?? rule.null), forecast: forecast / grain }),
    safety: safetyDesign({ form, null: fine(rule.null), forecast: forecast / grain }),
    grain,
  };
}

/** So many chances an observation that an occurrence is rare at each, also at a hundred times the line. */
function grainOf({ null: { ratio, points }, harmNull }: ShareRule | ParityRule, forecast: number): number {
  const line = Math.max(ratio * forecast + points, harmNull?.points ?? 0, forecast);
  return 100 * Math.ceil(Math.max(1, line));
}

/** Where a block is written: nothing is kept of it once its increments are. */
const written: { -readonly [K in keyof Block]: Block[K] } = { n1: 0, k1: 0, n0: 0, k0: 0 };

function blockOf(rule: ShareRule | ParityRule, { candidate, reference }: Cohort, grain: number): Block {
  written.n1 = candidate.n * grain;
  written.n0 = reference.n * grain;
  written.k1 = within(badOf(rule, candidate), written.n1);
  written.k0 = within(badOf(rule, reference), written.n0);
  return written;
}

function within(k: number, n: number): number {
  return Math.min(Math.max(k, 0), n);
}

/** Stable's own bad share before the release; predictable, so any value keeps the guarantee. */
function forecastOf(rule: ShareRule | ParityRule, frozen: FrozenWindow | undefined): number {
  if (!frozen || frozen.n === 0) return UNKNOWN_SHARE;
  const share = (badOf(rule, frozen) + 0.5) / (frozen.n + 1);
  return rule.signal.kind === "count" ? Math.max(share, 1e-6) : share;
}
