import { limits } from "../defaults.ts";
import { type BlockSpec, may, must } from "./key-spec.ts";
import { address, block, flag, list, name, span, step, whole, words } from "./values.ts";

export const drillIntervals = ["week", "month", "quarter", "year"] as const;

/** Twelve ways in which an AI system goes wrong, what can go wrong with the way back itself, and a placebo. */
export const scenarios = [
  "drift",
  "corrupt-data",
  "prompt-injection",
  "latency",
  "bias",
  "behaviour",
  "version-skew",
  "upstream-change",
  "stale-knowledge",
  "runaway-agent",
  "runaway-cost",
  "bad-target",
  "placebo",
] as const;

export const whoBlock = {
  where: "`who`",
  keys: {
    now: may(
      "now: [ page://dashboard ]",
      list(address, 0, limits.audience),
      "addresses that are told at once; never on the path of containment",
      { said: "default: nobody" },
    ),
    clocks: may(
      "clocks: [ ai-act-73 ]",
      list(name, 1, limits.audience),
      "clocks of the law that start with a rollback",
      {
        instead: "Leave it out, and note the deadlines where your lawyers keep them.",
      },
    ),
    forward: may(
      "forward: { approve: 2, from: [ credit-risk, model-risk ] }",
      block("forward"),
      "how many people must approve a release, and from which teams",
      {
        instead:
          "Leave it out, and ask for approvals with a policy: `how: { release: { allow: opa://lending/forward } }`.",
      },
    ),
  },
  names: { value: list(address, 1, limits.audience), least: 0, most: limits.escalations, spans: true },
} as const satisfies BlockSpec;

export const forwardBlock = {
  where: "`forward`",
  keys: {
    approve: must("approve: 2", whole(0, 2), "how many people, 0 to 2"),
    from: must("from: [ credit-risk, model-risk ]", list(name, 0, limits.audience), "the teams that they come from"),
  },
} as const satisfies BlockSpec;

export const drillsBlock = {
  where: "`drills`",
  keys: {
    every: must("every: quarter", words(...drillIntervals), "how often"),
    run: must("run: [ drift, placebo ]", list(words(...scenarios), 1, scenarios.length), "which scenarios"),
    in: may("in: { shadow: 5% }", block("drillPlace"), "on what the fault is tried"),
    pass: may("pass: { contained: 60s, restored: 5m, fixed: true }", block("drillPass"), "when the drill is passed"),
  },
} as const satisfies BlockSpec;

export const drillPlaceBlock = {
  where: "`in`",
  keys: {
    shadow: may("shadow: 5%", step, "a copy of this percentage of traffic", { said: "one of the two" }),
    synthetic: may("synthetic: 200", whole(1, 1e9), "so many made-up requests", { said: "one of the two" }),
  },
} as const satisfies BlockSpec;

export const drillPassBlock = {
  where: "`pass`",
  keys: {
    contained: may("contained: 60s", span, "contained within this span"),
    restored: may("restored: 5m", span, "everything restored within this span"),
    fixed: may("fixed: true", flag, "`true`: the criteria of `fixed` must be proved"),
  },
} as const satisfies BlockSpec;
