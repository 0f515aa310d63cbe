import { limits } from "../defaults.ts";
import { type BlockSpec, may, must } from "./key-spec.ts";
import { address, block, either, name, span, words } from "./values.ts";

/** How people name the way back of a component, and what that makes of a step. */
export const undoWords = {
  "view-switch": "compensatable",
  snapshot: "compensatable",
  redeploy: "compensatable",
  "forward-only": "retriable",
  pivot: "pivot",
  none: "irreversible",
} as const;

export const timeUnits = ["seconds", "milliseconds"] as const;

export const whatBlock = {
  where: "`what`",
  keys: {},
  names: { value: either(address, block("component")), least: 1, most: limits.components },
} as const satisfies BlockSpec;

export const componentBlock = {
  where: "a component",
  keys: {
    at: must("at: http://lending/components/data", address, "the address: where it lives"),
    beside: may(
      "beside: http://lending/components/green",
      address,
      "a second place of the same component, where two copies run side by side: a release goes to the one that does not serve",
      { said: "optional" },
    ),
    undo: may(
      "undo: snapshot",
      words(...Object.keys(undoWords)),
      "the way back of this component, one of the words below",
      { said: "default: compensatable" },
    ),
  },
} as const satisfies BlockSpec;

export const signalsBlock = {
  where: "`signals`",
  keys: {},
  names: { value: block("signal"), least: 1, most: limits.signals },
} as const satisfies BlockSpec;

export const signalBlock = {
  where: "a signal",
  keys: {
    share: may("share: defaulted", name, "which outcome is counted, as a part of `of`", {
      said: "this, `count` or `time`",
    }),
    count: may("count: leaked-tokens", name, "which occurrence is counted; serves hard limits only", {
      said: "this, `share` or `time`",
    }),
    time: may("time: seconds", words(...timeUnits), "how long something takes, in this unit", {
      said: "this, `share` or `count`",
      instead: "Count the slow ones: `{ share: slow, of: requests, from: events, better: down }`.",
    }),
    of: may("of: loans", name, "the outcome that the whole is made of", {
      said: "required with `share`; default `requests` with `count`",
    }),
    from: must(
      "from: events",
      name,
      "`events` (reported outcomes), `gateway` (what our own edge sees), or the name of a connection such as `prometheus`",
    ),
    better: must("better: down", words("down", "up"), "which direction is good news"),
    per: may("per: application", name, "what counts as one observation where it makes several requests", {
      instead: "Count one observation for each person or application at the source.",
    }),
    labels: may("labels: 2d", span, "how long after its request an outcome becomes known", {
      instead: "Leave it out: a late outcome is counted when it arrives.",
    }),
    judge: may("judge: llm://toxicity-judge", address, "who gives the opinion that is counted", {
      instead: "Let the judge report its opinion as an outcome event, with `from: events`.",
    }),
  },
} as const satisfies BlockSpec;
