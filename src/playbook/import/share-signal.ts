import { parseDuration } from "../../core/time.ts";
import { type DraftCounters, type DraftSignal, type IncumbentRule, nameOf, percent } from "./draft.ts";
import type { HarmLimit } from "./limits.ts";
import { type Counter, type Matcher, type Measured, readQuery, sayCounter } from "./promql.ts";

/** A number with a limit, as a config has it. */
export interface Threshold {
  readonly name: string;
  readonly side: HarmLimit["side"];
  readonly limit: number;
  /** What people read as its origin: `successCondition (line 14): result[0] >= 0.95`. */
  readonly from: string;
  readonly query?: string;
  /** Is it a query of Prometheus? */
  readonly isPromql: boolean;
  readonly arms: (matcher: Matcher) => Arms | undefined;
  readonly rule: Omit<IncumbentRule, "trigger" | "signal" | "threshold">;
}

/** What a matcher that picks the canary's series becomes when both arms are to be counted. */
export interface Arms {
  /** Absent: the matcher goes. */
  readonly matcher?: Matcher;
  readonly values: DraftCounters["values"];
}

export type SignalOrReason =
  | { readonly kind: "signal"; readonly signal: DraftSignal }
  | { readonly kind: "lost"; readonly reason: string };

/** The playbook language has limits up to this share; beyond it the other side of the share is claimed. */
const LARGEST = 0.99;

/**
 * A threshold on a ratio as a claim about a share: "success rate below 99 %" is tested with its sample size, on counts. A
 * quantile of a histogram is one too: p99 above 500 ms is "less than 99 % within 500 ms".
 */
export function shareSignal(threshold: Threshold): SignalOrReason {
  const measured = threshold.isPromql && threshold.query !== undefined ? readQuery(threshold.query) : undefined;
  if (measured?.kind === "quantile") return fromQuantile(threshold, measured);
  const scale = measured?.scale ?? guessedScale(threshold);
  if (scale === undefined) {
    const what = `${threshold.side} ${threshold.limit} is a number without its sample size, and no share`;
    return { kind: "lost", reason: `${what}. Count what is bad, of what: { share: BAD, of: ALL, ... }.` };
  }
  const claim = claimOf(threshold, scale, measured?.complement ?? false);
  if (claim.limit <= 0 || claim.limit >= 1) {
    const reason = `${threshold.side} ${threshold.limit}: a share is never beyond that, or always; no claim can be made of it.`;
    return { kind: "lost", reason };
  }
  return claim.limit <= LARGEST ? written(threshold, measured, claim) : turned(threshold, measured, claim);
}

interface Claim {
  readonly side: "above" | "below";
  /** Of the counted part, from 0 to 1. */
  readonly limit: number;
}

function claimOf({ side, limit }: Threshold, scale: number, complement: boolean): Claim {
  const share = Number((limit / scale).toPrecision(12));
  if (!complement) return { side, limit: share };
  return { side: side === "below" ? "above" : "below", limit: Number((1 - share).toPrecision(12)) };
}

/**
 * A fraction, or percent where the name speaks of a rate; nothing else is taken for a share. A query of Prometheus that is
 * no ratio is none: "10 errors" are not 10 %.
 */
function guessedScale({ limit, name, query, isPromql }: Threshold): number | undefined {
  const isNamed = /rate|percent|ratio|share|success|avail|%/i.test(name);
  const isRatio = query === undefined || !isPromql || query.replaceAll(/"[^"]*"/g, "").includes("/");
  if (limit > 0 && limit <= 1) return isRatio || isNamed ? 1 : undefined;
  return isNamed && isRatio && limit > 1 && limit <= 100 ? 100 : undefined;
}

function written(
  threshold: Threshold,
  measured: Extract<Measured, { kind: "share" }> | undefined,
  claim: Claim,
): SignalOrReason {
  const { counters, remarks } = countersOf(threshold, measured && { part: measured.part, of: measured.of });
  const name = nameOf(threshold.name, "outcome");
  return made(threshold, {
    claim,
    counters,
    remarks,
    part: measured?.complement ? `not-${name}` : name,
    of: "requests",
  });
}

/** More than 99 % good is less than 1 % bad: the part that is counted is the other one. */
function turned(
  threshold: Threshold,
  measured: Extract<Measured, { kind: "share" }> | undefined,
  claim: Claim,
): SignalOrReason {
  const other: Claim = {
    side: claim.side === "below" ? "above" : "below",
    limit: Number((1 - claim.limit).toPrecision(12)),
  };
  const part = measured && otherPart(measured.part, measured.of);
  if (measured && !part) {
    return { kind: "lost", reason: `a limit of ${percent(claim.limit)} needs the bad ones as a counter of their own.` };
  }
  const { counters, remarks } = countersOf(threshold, measured && part && { part, of: measured.of });
  const name = nameOf(threshold.name, "outcome");
  const remark = `Turned: the rest is counted, because a claim about more than 99 % is one about less than 1 % of the others.`;
  return made(threshold, {
    claim: other,
    counters: counters && { ...counters, missingZero: true },
    remarks: [remark, ...remarks],
    part: `not-${name}`,
    of: "requests",
  });
}

/** The selector of the rest: the one matcher that `of` does not have, turned. */
function otherPart(part: Counter, of: Counter): Counter | undefined {
  const same = (a: Matcher, b: Matcher) => a.label === b.label && a.operator === b.operator && a.value === b.value;
  const own = part.matchers.filter((matcher) => !of.matchers.some((other) => same(matcher, other)));
  if (part.name !== of.name || own.length !== 1 || part.matchers.length !== of.matchers.length + 1) return undefined;
  const opposite = { "=": "!=", "!=": "=", "=~": "!~", "!~": "=~" } as const;
  return {
    ...part,
    matchers: part.matchers.map((matcher) =>
      matcher === own[0] ? { ...matcher, operator: opposite[matcher.operator] } : matcher,
    ),
  };
}

function fromQuantile(
  threshold: Threshold,
  { quantile, buckets }: Extract<Measured, { kind: "quantile" }>,
): SignalOrReason {
  if (threshold.side === "below") return { kind: "lost", reason: "a time that is too short is harm to nobody." };
  if (quantile <= 0 || quantile > LARGEST) {
    return { kind: "lost", reason: `the quantile ${quantile} leaves too few to claim about; 0.99 is the highest.` };
  }
  const within = (edge: string): Counter => ({
    ...buckets,
    matchers: [...buckets.matchers, { label: "le", operator: "=", value: edge }],
  });
  const { counters, remarks } = countersOf(threshold, { part: within(String(threshold.limit)), of: within("+Inf") });
  const remark = `The quantile ${quantile} above ${threshold.limit} is: less than ${percent(quantile)} within ${threshold.limit}. The histogram needs a bucket with that edge.`;
  return made(threshold, {
    claim: { side: "below", limit: quantile },
    counters,
    remarks: [remark, ...remarks],
    part: "in-time",
    of: "requests",
  });
}

/** Selectors of both arms, with the label that tells them apart. */
function countersOf(
  threshold: Threshold,
  found: { readonly part: Counter; readonly of: Counter } | undefined,
): { readonly counters?: DraftCounters; readonly remarks: readonly string[] } {
  if (!threshold.isPromql) {
    const guess = `Taken for a share of requests, because of its limit ${threshold.limit}: is it one?`;
    return { remarks: [guess, "Report its outcomes (from: events), or count it in Prometheus."] };
  }
  if (!found) {
    const counters = {
      of: "FILL_IN_all_total",
      part: "FILL_IN_counted_total",
      values: {},
      missingZero: false,
    };
    const guess = `Taken for a share of requests, because of its name and its limit ${threshold.limit}: is it one?`;
    return {
      counters,
      remarks: [guess, "FILL IN its counters in the connection: their query is no ratio of counters."],
    };
  }
  const arms = [...found.of.matchers]
    .map((matcher) => ({ matcher, arms: threshold.arms(matcher) }))
    .find(({ arms }) => arms);
  const bothArms = (counter: Counter): string =>
    sayCounter({
      ...counter,
      matchers: counter.matchers.flatMap((matcher) => {
        const change = threshold.arms(matcher);
        return change ? (change.matcher ?? []) : matcher;
      }),
    });
  const counters: DraftCounters = {
    of: bothArms(found.of),
    part: bothArms(found.part),
    ...(arms && { release: arms.matcher.label }),
    values: arms?.arms?.values ?? {},
    missingZero: false,
  };
  const remarks = arms ? [] : ["FILL IN `release`: the label that tells the canary's series from stable's."];
  return { counters, remarks };
}

function made(
  threshold: Threshold,
  parts: {
    readonly claim: Claim;
    readonly counters: DraftCounters | undefined;
    readonly remarks: readonly string[];
    readonly part: string;
    readonly of: string;
  },
): SignalOrReason {
  const { claim, counters, remarks, part, of } = parts;
  const name = nameOf(threshold.name, "outcome");
  const better = claim.side === "below" ? "up" : "down";
  const from = counters ? "metrics" : "events";
  const trigger = `${claim.side === "below" ? "low" : "high"}-${part === "in-time" ? `in-time-${name}` : part}`;
  const window = /\[(\w+)\]/.exec(threshold.query ?? "")?.[1];
  const span = window && parseDuration(window);
  return {
    kind: "signal",
    signal: {
      name,
      signal: `{ share: ${part}, of: ${of}, from: ${from}, better: ${better} }`,
      trigger,
      claim: `{ ${name}: ${claim.side}, limit: ${percent(claim.limit)} }`,
      criterion: `{ ${claim.side === "below" ? "above" : "below"}: ${percent(claim.limit)} }`,
      fromSignal: threshold.name,
      fromClaim: threshold.from,
      remarks,
      ...(counters && { counters }),
      ...(threshold.query !== undefined && { query: threshold.query }),
      rule: { ...threshold.rule, trigger, signal: name, threshold: claim, ...(span && { window: span }) },
    },
  };
}
