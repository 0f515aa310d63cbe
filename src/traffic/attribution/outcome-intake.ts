import type { ArmReport, Counter, ReportAnswer } from "./counter.ts";
import { claimedRelease } from "./request-id.ts";

/** Outcomes as they come in: of one request by its id, or of one arm that an authenticated client assigned by itself. */
export type OutcomeItem =
  | { readonly request: string; readonly counts: Readonly<Record<string, number>> }
  | (ArmReport & { readonly system: string });

/** What became of a batch. A `duplicate` or an `excluded` item is accepted: sending it again would change nothing. */
export interface Intake {
  readonly accepted: number;
  readonly rejected: number;
  /** The first of those that were rejected, with their place in the batch. */
  readonly flaws: readonly { readonly index: number; readonly reason: string }[];
}

const MOST_FLAWS = 20;

/**
 * Hands each item to the counter of its system, for processes that serve several. A request id names its release, and a
 * release belongs to one system; what an id claims decides only who checks it.
 */
export function reportToAny(counters: ReadonlyMap<string, Counter>, items: readonly OutcomeItem[]): Intake {
  let rejected = 0;
  const flaws: { index: number; reason: string }[] = [];
  items.forEach((item, index) => {
    const answer = "request" in item ? byRequest(counters, item.request, item.counts) : byArm(counters, item);
    if (answer.kind !== "rejected") return;
    rejected++;
    if (flaws.length < MOST_FLAWS) flaws.push({ index, reason: answer.reason });
  });
  return { accepted: items.length - rejected, rejected, flaws };
}

function byRequest(
  counters: ReadonlyMap<string, Counter>,
  request: string,
  counts: Readonly<Record<string, number>>,
): ReportAnswer {
  const release = claimedRelease(request) ?? "";
  let first: Counter | undefined;
  for (const counter of counters.values()) {
    first ??= counter;
    if (counter.knows(release)) return counter.report(request, counts);
  }
  // Nobody knows the release. Whoever is asked says why; an id of a pre-signed fallback is excluded by all alike.
  return first?.report(request, counts) ?? { kind: "rejected", reason: "no system is connected yet" };
}

function byArm(counters: ReadonlyMap<string, Counter>, item: ArmReport & { readonly system: string }): ReportAnswer {
  const counter = counters.get(item.system);
  return counter?.reportArm(item) ?? { kind: "rejected", reason: `there is no system ${item.system}` };
}
