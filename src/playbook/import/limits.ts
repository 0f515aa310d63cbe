import type { Comparison, Condition } from "./condition.ts";

/** Where a value is harm: below or above a limit. */
export interface HarmLimit {
  readonly side: "below" | "above";
  readonly limit: number;
  readonly subject: string;
}

/** What a condition says, as limits beyond which there is harm, and what could not be said so. */
export interface HarmLimits {
  readonly limits: readonly HarmLimit[];
  /** What it says about values that are not there. */
  readonly missing: readonly string[];
  /** Parts that are no limits. */
  readonly other: readonly string[];
}

const NONE: HarmLimits = { limits: [], missing: [], other: [] };

/**
 * The limits of a success condition (`isHarm` false: harm is where it does not hold) or of a failure condition. Several
 * limits are harm each on its own; a condition whose limits only hold together is none that can be said so.
 */
export function harmLimits(condition: Condition, isHarm: boolean): HarmLimits {
  if (condition.kind === "missing") return { ...NONE, missing: [condition.text] };
  if (condition.kind === "other") return { ...NONE, other: [condition.text] };
  if (condition.kind === "not") return harmLimits(condition.part, !isHarm);
  if (condition.kind === "compare") return limitOf(condition, isHarm);
  const parts = condition.parts.map((part) => harmLimits(part, isHarm));
  const all: HarmLimits = {
    limits: parts.flatMap(({ limits }) => limits),
    missing: parts.flatMap(({ missing }) => missing),
    other: parts.flatMap(({ other }) => other),
  };
  // Harm is one of several: `ok and rate > 0.9` fails by either, `a < 1 or b < 2` of a failure condition too.
  const separate = (condition.kind === "and") !== isHarm;
  if (separate || all.limits.length + all.other.length <= 1) return all;
  const text = all.limits.map(({ subject, side, limit }) => `${subject} ${side} ${limit}`);
  return { limits: [], missing: all.missing, other: [[...text, ...all.other].join(" together with ")] };
}

function limitOf({ subject, operator, limit }: Comparison, isHarm: boolean): HarmLimits {
  if (operator === "==" || operator === "!=") return { ...NONE, other: [`${subject} ${operator} ${limit}`] };
  const side = operator.startsWith("<") === isHarm ? "below" : "above";
  return { ...NONE, limits: [{ side, limit, subject }] };
}
