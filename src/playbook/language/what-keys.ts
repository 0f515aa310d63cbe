import { limits } from "../defaults.ts";
import { type BlockSpec, may, must } from "./key-spec.ts";
import { address, amount, block, either, list, name, span, whole, words } from "./values.ts";

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
      { said: "default: what its connection declares; needed where that declares nothing" },
    ),
  },
} as const satisfies BlockSpec;

export const signalsBlock = {
  where: "`signals`",
  keys: {},
  names: { value: block("signal"), least: 1, most: limits.signals },
} as const satisfies BlockSpec;

const one = { said: "one of `share`, `count`, `mean` and `time`" };

export const signalBlock = {
  where: "a signal",
  keys: {
    share: may("share: defaulted", name, "which outcome is counted, as a part of `of`", one),
    count: may("count: leaked-tokens", name, "which occurrence is counted, for each of `of`", one),
    mean: may("mean: sentiment", name, "which reported score is averaged, one observation each", one),
    time: may("time: seconds", words(...timeUnits), "how long something takes, in this unit", one),
    of: may("of: loans", name, "the outcome that the whole is made of; of a mean or a time, what is observed", {
      said: "required with `share`; else default `requests`",
    }),
    between: may("between: [-1, 1]", list(amount, 2, 2), "the least and the greatest score that there is", {
      said: "one of `between` and `min` with `mean`",
    }),
    min: may(
      "min: 2000",
      whole(1000, 1e9),
      "of a mean whose values have no known ends: it is judged approximately, and not before so many observations of each side, 1000 at least",
      { said: "one of `between` and `min` with `mean`" },
    ),
    from: must(
      "from: events",
      name,
      "`events` (reported outcomes), `gateway` (what our own edge sees), or the name of a connection such as `prometheus`",
    ),
    better: must("better: down", words("down", "up"), "which direction is good news"),
    per: may(
      "per: session",
      name,
      "what is one observation, where one person or application makes many requests; for a `share` from `events`",
    ),
    labels: may(
      "labels: 2d",
      span,
      "how long after its request an outcome is known for certain; seconds are compared when they are so old",
    ),
    judge: may("judge: llm://toxicity-judge", address, "who gives the opinion that is counted", {
      instead: "Let the judge report its opinion as an outcome event, with `from: events`.",
    }),
  },
} as const satisfies BlockSpec;
