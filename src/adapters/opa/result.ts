import type { PolicyAnswer } from "../../core/ports.ts";

const MOST_REASONS = 20;
const LONGEST_REASON = 300;

/** Booleans are read by the rule's name only: what `true` speaks for is never guessed. */
const PERMITS = /^(allow(ed)?|forward)(_|$)/;
const OBJECTS = /^(deny|denied|back|violations?|harmful)(_|$)/;

/**
 * What a rule's value says. A list of texts (Rego's sets arrive as lists) and `{ reasons: [...] }` are reasons against
 * going on; a boolean counts for rules that are called by what it means (`allow`, `deny`). Anything else is
 * `unreachable` with what was found: doubt blocks forward and adds no reason to go back.
 */
export function answerOf(rule: readonly string[], value: unknown, decision: string | undefined): PolicyAnswer {
  const name = rule.at(-1) ?? "";
  const answered = (reasons: readonly string[]): PolicyAnswer => ({
    kind: "answered",
    reasons,
    ...(decision === undefined ? {} : { decision }),
  });
  if (typeof value === "boolean") {
    if (PERMITS.test(name)) return answered(value ? [] : [`the policy says no (${name} is false)`]);
    if (OBJECTS.test(name)) return answered(value ? [`the policy objects (${name} is true)`] : []);
    const reason = `${name} is ${value}: a boolean counts only for a rule called allow, forward, deny, back, violation or harmful; answer a set of reasons`;
    return { kind: "unreachable", reason };
  }
  const list = isReasonsObject(value) ? value.reasons : value;
  if (Array.isArray(list) && list.every((item) => typeof item === "string")) return answered(shown(list));
  return { kind: "unreachable", reason: `${name} is ${describe(value)}, and neither reasons nor a boolean` };
}

/** Closed, so that a no in a key that is not looked at cannot pass for a yes. */
function isReasonsObject(value: unknown): value is { readonly reasons: unknown } {
  return typeof value === "object" && value !== null && Object.keys(value).join() === "reasons";
}

function shown(list: readonly string[]): readonly string[] {
  const reasons = list
    .slice(0, MOST_REASONS)
    .map((text) => (text.trim() === "" ? "a reason without words" : text.slice(0, LONGEST_REASON)));
  const more = list.length - MOST_REASONS;
  return more > 0 ? [...reasons, `and ${more} more`] : reasons;
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) {
    const odd = value.find((item) => typeof item !== "string");
    return `a list with ${odd === null ? "null" : `a ${typeof odd}`} in it`;
  }
  if (typeof value !== "object") return `a ${typeof value}`;
  return `an object with the keys ${Object.keys(value).slice(0, 5).join(", ") || "(none)"}`;
}
