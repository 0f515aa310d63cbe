import type { ArmReport, Counter } from "./counter.ts";
import type { EdgeAnswer } from "./edge-blocks.ts";
import { type Counts, type ReportAnswer, type ReportTerms, rejected } from "./report.ts";
import { claimedRelease } from "./request-id.ts";

/** Outcomes as they come in: of one request by its id, or of one arm that an authenticated client assigned by itself. */
export type OutcomeItem =
  | (ReportTerms & { readonly request: string; readonly counts: Counts })
  | (ArmReport & { readonly system: string });

/** An item of a batch that was rejected, by its place in it. */
export interface Flaw {
  readonly index: number;
  readonly reason: string;
}

/** What became of a batch. A `duplicate` or an `excluded` item is accepted: sending it again would change nothing. */
export interface Intake {
  readonly accepted: number;
  readonly rejected: number;
  /** Group labels that were counted as `other`. */
  readonly otherGroups: number;
  /** The first of those that were rejected. */
  readonly flaws: readonly Flaw[];
}

/** What became of a batch of blocks of edge nodes. */
export interface BlockIntake {
  readonly new: number;
  readonly duplicate: number;
  readonly rejected: number;
  readonly otherGroups: number;
  readonly flaws: readonly Flaw[];
}

const MOST_FLAWS = 20;

/**
 * Hands each item to the counter of its system, for processes that serve several. A request id names its release, and a
 * release belongs to one system; what an id claims decides only who checks it.
 */
export function reportToAny(counters: ReadonlyMap<string, Counter>, items: readonly OutcomeItem[]): Intake {
  const { rejected: refused, ...intake } = gather(items, (item) =>
    "request" in item ? byRequest(counters, item) : byArm(counters, item),
  );
  return { accepted: items.length - refused, rejected: refused, otherGroups: intake.otherGroups, flaws: intake.flaws };
}

/** Hands each block to the counter that knows its release. */
export function takeBlocks(counters: ReadonlyMap<string, Counter>, blocks: readonly unknown[]): BlockIntake {
  let last: Counter | undefined;
  let lastRelease: unknown;
  const counterOf = (release: unknown): Counter | undefined => {
    if (release === lastRelease && last) return last;
    lastRelease = release;
    const all = [...counters.values()];
    // Where nobody knows the release, whoever is asked says so.
    last = all.find((counter) => typeof release === "string" && counter.knows(release)) ?? all[0];
    return last;
  };
  const none = rejected("no system is connected yet");
  const intake = gather(blocks, (block): EdgeAnswer => {
    return counterOf((block as { release?: unknown } | null)?.release)?.takeBlock(block) ?? none;
  });
  const { new: fresh = 0, duplicate = 0 } = intake.kinds;
  const { rejected: refused, otherGroups, flaws } = intake;
  return { new: fresh, duplicate, rejected: refused, otherGroups, flaws };
}

function gather<Item>(items: readonly Item[], take: (item: Item) => ReportAnswer | EdgeAnswer) {
  const kinds: Partial<Record<string, number>> = {};
  const flaws: Flaw[] = [];
  let otherGroups = 0;
  items.forEach((item, index) => {
    const answer = take(item);
    kinds[answer.kind] = (kinds[answer.kind] ?? 0) + 1;
    if (answer.kind === "rejected" && flaws.length < MOST_FLAWS) flaws.push({ index, reason: answer.reason });
    if ("otherGroups" in answer) otherGroups += answer.otherGroups ?? 0;
  });
  return { kinds, rejected: kinds["rejected"] ?? 0, otherGroups, flaws };
}

function byRequest(
  counters: ReadonlyMap<string, Counter>,
  { request, counts, ...terms }: Extract<OutcomeItem, { request: string }>,
): ReportAnswer {
  const release = claimedRelease(request) ?? "";
  let first: Counter | undefined;
  for (const counter of counters.values()) {
    first ??= counter;
    if (counter.knows(release)) return counter.report(request, counts, terms);
  }
  // Nobody knows the release. Whoever is asked says why; an id of a pre-signed fallback is excluded by all alike.
  return first?.report(request, counts, terms) ?? rejected("no system is connected yet");
}

function byArm(counters: ReadonlyMap<string, Counter>, item: ArmReport & { readonly system: string }): ReportAnswer {
  return counters.get(item.system)?.reportArm(item) ?? rejected(`there is no system ${item.system}`);
}
