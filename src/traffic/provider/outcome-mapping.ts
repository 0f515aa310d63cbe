import type { Outcome } from "./outcome.ts";

/**
 * The details of a tracking event, as OpenFeature defines them: a `value`, and whatever else. `values`, `groups` and
 * `unit` are those of an `Outcome`.
 */
export type TrackingDetails = Readonly<Record<string, unknown>>;

/**
 * How tracked events become outcomes: for each event the outcomes that it reports, each as a number or by the name of
 * the detail that holds it (a number, or a boolean for 1 and 0; 0 where it is missing). `part` and `of` of a signal
 * belong into one event: `{ decision: { decisions: 1, approved: "approved" } }`. Events that are not named are ignored.
 */
export type OutcomeMapping = Readonly<Record<string, Readonly<Record<string, number | string>>>>;

/** What one event reports; undefined when that is nothing. */
export type OutcomeReader = (event: string, details?: TrackingDetails) => Outcome | undefined;

const TERMS = ["values", "groups", "unit"] as const;

/**
 * Without a mapping an event is an outcome of its own name, `value` times or once, together with the details that are
 * numbers or booleans: `track("decisions", context, { approved: 1 })`.
 */
export function createOutcomeReader(mapping?: OutcomeMapping): OutcomeReader {
  if (!mapping) return (event, details = {}) => outcomeOf({ ...own(details), [event]: details["value"] ?? 1 }, details);
  return (event, details = {}) => {
    if (!Object.hasOwn(mapping, event)) return undefined;
    const named = Object.entries(mapping[event]!).map(([name, from]) => [
      name,
      typeof from === "number" ? from : (details[from] ?? 0),
    ]);
    return outcomeOf(Object.fromEntries(named), details);
  };
}

/** The details that are counts; what else a details object carries is none of an outcome's business. */
function own(details: TrackingDetails): Record<string, unknown> {
  const counts = Object.entries(details).filter(
    ([name, value]) => !["value", ...TERMS].includes(name) && (typeof value === "number" || typeof value === "boolean"),
  );
  return Object.fromEntries(counts);
}

/**
 * Outcomes are counted: an event with a fraction, a negative number or a text for one is no report at all, and neither is
 * one whose values are no numbers or whose groups or unit are no texts.
 */
function outcomeOf(counts: Record<string, unknown>, details: TrackingDetails): Outcome | undefined {
  const numbers = Object.entries(counts).map(([name, value]) => [name, Number(value)] as const);
  const whole = numbers.every(([name, value]) => name !== "" && Number.isInteger(value) && value >= 0 && value <= 1e6);
  const { values = {}, groups = {}, unit = "" } = details;
  const sound =
    whole && holds(values, Number.isFinite) && holds(groups, isText) && (isText(unit) || holds(unit, isText));
  if (!sound || numbers.length + Object.keys(values).length === 0) return undefined;
  const given = TERMS.filter((term) => details[term] !== undefined).map((term) => [term, details[term]]);
  return { ...(Object.fromEntries(given) as Omit<Outcome, "counts">), counts: Object.fromEntries(numbers) };
}

const isText = (value: unknown): value is string => typeof value === "string";

function holds(record: unknown, fits: (value: unknown) => boolean): record is object {
  return typeof record === "object" && record !== null && Object.values(record).every(fits);
}
