import { limits } from "../defaults.ts";
import { type BlockSpec, may } from "./key-spec.ts";
import {
  address,
  amount,
  block,
  condition,
  either,
  margin,
  money,
  name,
  percent,
  quantile,
  run,
  span,
  unanswered,
  whole,
  words,
} from "./values.ts";

/** What a signal can be said to do. */
export const moves = ["rises", "falls", "above", "below", "differ", "slows"] as const;
export type MoveWord = (typeof moves)[number];

/** The keys that go with each form of a trigger, besides the signal's own. */
const terms = ["within", "costs", "then", "unanswered"] as const;
const ofSegments = ["in-any", ...terms] as const;
const ofShares = ["threshold", ...ofSegments] as const;
export const claimForms = {
  rises: ["by", ...ofShares],
  falls: ["by", ...ofSegments],
  above: ["limit", ...ofShares],
  below: ["limit", ...ofShares],
  differ: ["by", "across", ...terms],
  slows: ["by", "at", ...ofSegments],
  hard: ["hard", "over", "min"],
  policy: ["policy"],
} as const satisfies Record<MoveWord | "hard" | "policy", readonly string[]>;

export const whenBlock = {
  where: "`when`",
  keys: {},
  names: { value: block("claim"), least: 1, most: limits.triggers },
} as const satisfies BlockSpec;

const actsAtOnce = "Leave it out: every trigger of this version acts at once.";

export const claimBlock = {
  where: "a trigger",
  keys: {
    by: may("by: 5%", either(margin, amount), "how much worse is harm, in the signal's unit", {
      said: "required with rises, falls, differ, slows",
    }),
    limit: may(
      "limit: 1.5%",
      either(percent, amount),
      "where harm begins, whatever stable does, in the signal's unit",
      {
        said: "required with above, below",
      },
    ),
    hard: may(
      "hard: errors > 5%",
      either(condition, run),
      "a plain threshold, or so many bad ones in a row, instead of a claim",
    ),
    over: may("over: 30s", span, "the window of a hard limit", { said: "required with a threshold of a share" }),
    min: may("min: 200", whole(1, 1e9), "the least number of observations in the window", {
      said: "required with a threshold of a share",
    }),
    policy: may(
      "policy: opa://lending/back",
      address,
      "a policy instead of a claim: each reason that it answers speaks for going back",
    ),
    within: may("within: 1h", span, "only what was served within this span counts: a recent change"),
    costs: may(
      "costs: 900 EUR",
      money,
      "what one more bad outcome costs, with a currency of ISO 4217; `rollbook check` reckons with it",
    ),
    "in-any": may(
      "in-any: language",
      name,
      "the claim is made of the whole and of each value of this label, so that harm to one language alone is found",
    ),
    threshold: may(
      "threshold: calibrated",
      words("calibrated"),
      "the threshold is the least that spends the claim's part of the false alarms, found by dynamic programming; it needs an assumption, which is printed",
      { said: "default: guaranteed, without an assumption" },
    ),
    across: may("across: applicant-group", name, "which groups are compared", { said: "required with differ" }),
    at: may("at: p95", quantile, "which quantile of a time", {
      said: "default: p50, p75, p90, p95 and p99 together",
    }),
    // biome-ignore lint/suspicious/noThenProperty: the playbook language has a key of this name
    then: may("then: ask", words("ask"), "people are asked before traffic is contained", { instead: actsAtOnce }),
    unanswered: may("unanswered: contain after 15m", unanswered, "what happens when nobody answers", {
      said: "required with `then: ask`",
      instead: actsAtOnce,
    }),
  },
} as const satisfies BlockSpec;
