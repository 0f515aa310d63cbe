import { limits } from "../defaults.ts";
import { type BlockSpec, may, must } from "./key-spec.ts";
import { address, amount, block, either, holdback, list, margin, percent, span, step, words } from "./values.ts";

export const howBlock = {
  where: "`how`",
  keys: {
    release: must("release: { canary: [10, 50, 95], each: 15m, holdback: 5% }", block("release"), "the block below"),
    contain: may(
      "contain: stable",
      words("stable"),
      "where traffic goes when harm is decided: always to `stable` first",
      {
        said: "default `stable`",
      },
    ),
    within: may("within: 60s", span, "the deadline of containment and restore together", { said: "default `60s`" }),
    else: may(
      "else: mlflow://models/loan-scorecard/1",
      address,
      "where traffic goes when stable cannot serve beside what is live, or is proved harmful after its restore too: to the gateway's `else` in connections.yaml, or to this address where it is one of HTTP",
    ),
    safe: may(
      "safe: people",
      either(words("people"), address),
      "who or what takes over when nothing can serve: the gateway answers with its `safe` of connections.yaml, else 503, and people are told",
    ),
  },
} as const satisfies BlockSpec;

export const releaseBlock = {
  where: "`release`",
  keys: {
    canary: must(
      "canary: [10, 50, 95]",
      list(step, 1, limits.steps),
      "rising percentages of traffic on the candidate, from 0.0001 to 100, at most four decimals, at most 20 steps",
    ),
    each: must("each: 15m", span, "how long each step lasts"),
    "warm-up": may(
      "warm-up: 30s",
      span,
      "what is served so soon after the first exposure is no evidence: caches are cold; hard limits see it",
    ),
    holdback: may(
      "holdback: 5% for 14d",
      holdback,
      "what stays on the last known good after promotion, and for how long it is watched; without `for` the release takes its place at once, and on doubt, or while nothing is seen of the candidate, only when a person says `rollbook promote`. The last step and the holdback are at most 100 together, so a canary that ends with 100 needs `holdback: 0%`",
      { said: "default `5%`" },
    ),
    allow: may(
      "allow: opa://lending/forward",
      address,
      "a policy that every step forward needs; undefined and unreachable mean no",
    ),
  },
} as const satisfies BlockSpec;

export const fixedBlock = {
  where: "`fixed`",
  keys: { for: must("for: 10m", span, "for how long all of it must hold", { said: "required, beside the criteria" }) },
  names: { value: block("criterion"), least: 1, most: limits.criteria },
} as const satisfies BlockSpec;

const oneOf = { said: "one of the three" };

export const criterionBlock = {
  where: "a criterion",
  keys: {
    within: may(
      "within: 3%",
      either(margin, amount),
      "no worse than stable's own window before the release by more than this margin",
      oneOf,
    ),
    below: may("below: 0.8%", either(percent, amount), "below this, in the signal's unit; for `better: down`", oneOf),
    above: may("above: 60%", either(percent, amount), "above this, in the signal's unit; for `better: up`", oneOf),
  },
} as const satisfies BlockSpec;
