/** The details of a tracking event, as OpenFeature defines them: a `value`, and whatever else. */
export type TrackingDetails = Readonly<Record<string, unknown>>;

/**
 * How tracked events become outcomes: for each event the outcomes that it reports, each as a number or by the name of
 * the detail that holds it (a number, or a boolean for 1 and 0; 0 where it is missing). `part` and `of` of a signal
 * belong into one event: `{ decision: { decisions: 1, approved: "approved" } }`. Events that are not named are ignored.
 */
export type OutcomeMapping = Readonly<Record<string, Readonly<Record<string, number | string>>>>;

/** The counts of one event; undefined when it reports nothing. */
export type OutcomeReader = (event: string, details?: TrackingDetails) => Readonly<Record<string, number>> | undefined;

/**
 * Without a mapping an event is an outcome of its own name, `value` times or once, together with the details that are
 * numbers or booleans: `track("decisions", context, { approved: 1 })`.
 */
export function createOutcomeReader(mapping?: OutcomeMapping): OutcomeReader {
  if (!mapping) return (event, details = {}) => wholeNumbers({ ...own(details), [event]: details["value"] ?? 1 });
  return (event, details = {}) => {
    if (!Object.hasOwn(mapping, event)) return undefined;
    const named = Object.entries(mapping[event]!).map(([name, from]) => [
      name,
      typeof from === "number" ? from : (details[from] ?? 0),
    ]);
    return wholeNumbers(Object.fromEntries(named));
  };
}

/** The details that are counts; what else a details object carries is none of an outcome's business. */
function own(details: TrackingDetails): Record<string, unknown> {
  const counts = Object.entries(details).filter(
    ([name, value]) => name !== "value" && (typeof value === "number" || typeof value === "boolean"),
  );
  return Object.fromEntries(counts);
}

/** Outcomes are counted: an event with a fraction, a negative number or a text for one is no report at all. */
function wholeNumbers(counts: Record<string, unknown>): Readonly<Record<string, number>> | undefined {
  const numbers = Object.entries(counts).map(([name, value]) => [name, Number(value)] as const);
  const sound = numbers.every(([name, value]) => name !== "" && Number.isInteger(value) && value >= 0 && value <= 1e6);
  return sound && numbers.length > 0 ? Object.fromEntries(numbers) : undefined;
}
