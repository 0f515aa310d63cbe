import { RollbookError } from "../../core/errors.ts";
import type { Instant } from "../../core/time.ts";
import type { Arrivals, RecordedRelease } from "./arrivals.ts";

/** One release to be judged, beside which other. */
export interface Trial {
  readonly candidate: RecordedRelease;
  readonly stable: RecordedRelease;
  /** When its first row begins, or the asked moment. */
  readonly exposedAt: Instant;
  /** The second that its first requests count for: evidence starts here. */
  readonly from: Instant;
  /** The next release is tried beside the candidate from here on: it is stable now, and no candidate any more. */
  readonly until: Instant;
}

/** What people say about which release is which, by label, or by a part of it that only one has. */
export interface TrialChoice {
  readonly candidate?: string;
  readonly stable?: string;
  readonly from?: Instant;
  /** Pairs that the recording itself tells, older version first. */
  readonly pairs?: readonly { readonly stable: string; readonly candidate: string }[];
}

/** So many times as many observations as the other one make a release the stable one, where both begin together. */
const MANY = 2;
/** Fewer observations than this before another release's first one are no start of its own. */
const FEW = 20;

/**
 * Every release but the first is a candidate. Its stable is the one seen before it that served most while it did; where
 * none served beside it, the one that served last before it.
 * @throws DATA_UNCLEAR where that cannot be told, or a name is not one release's
 */
export function trialsOf(arrivals: Arrivals, choice: TrialChoice): readonly Trial[] {
  const releases = arrivals.releases.toSorted((a, b) => a.first - b.first);
  const find = (part: string) => named(releases, part);
  const meant = choice.candidate === undefined ? undefined : find(choice.candidate);
  const beside = choice.stable === undefined ? undefined : find(choice.stable);
  if (meant && meant === beside) throw unclear(`candidate and stable are both ${meant.label}`, releases);
  const pairs = choice.pairs?.map((pair) => ({ candidate: find(pair.candidate), stable: find(pair.stable) }));
  const candidates = meant ? [meant] : (pairs?.map(({ candidate }) => candidate) ?? releases);
  const found = candidates.flatMap((candidate) => {
    const paired = pairs?.find((pair) => pair.candidate === candidate)?.stable;
    const stable = beside ?? paired ?? stableOf(candidate, releases);
    if (!stable || stable === candidate) return [];
    // Among many, those that the named stable came after are not tried beside it.
    if (!meant && beside && candidate.last < beside.first) return [];
    const asked = choice.from ?? Number.NEGATIVE_INFINITY;
    const [exposedAt, from] = [Math.max(candidate.since, asked), Math.max(candidate.first, asked)];
    return [{ candidate, stable, exposedAt, from, until: Number.POSITIVE_INFINITY }];
  });
  const trials = found.filter(({ candidate, from }) => candidate.last >= from);
  if (trials.length === 0)
    throw unclear("no release is a candidate: there must be two, one after the other or side by side", releases);
  return trials.map((trial) => ({ ...trial, until: endOf(trial, trials) }));
}

function stableOf(candidate: RecordedRelease, releases: readonly RecordedRelease[]): RecordedRelease | undefined {
  const older = releases.filter((other) => other !== candidate && isOlder(other, candidate, releases));
  const overlap = (other: RecordedRelease) => Math.min(other.last, candidate.last) - candidate.first;
  const beside = older.filter((other) => overlap(other) >= 0);
  if (beside.length === 0) return older.toSorted((a, b) => b.last - a.last)[0];
  return beside.toSorted((a, b) => share(b, overlap(b)) - share(a, overlap(a)))[0];
}

/** About how many observations of a release fall into such a span, if they come evenly. */
function share({ first, last, n }: RecordedRelease, span: number): number {
  return (n * (span + 1000)) / (last - first + 1000);
}

function isOlder(one: RecordedRelease, other: RecordedRelease, releases: readonly RecordedRelease[]): boolean {
  const [early, late] = one.first < other.first ? [one, other] : [other, one];
  const gap = late.first - early.first;
  if (gap > 0 && Math.min(early.n, share(early, gap - 1000)) >= FEW) return early === one;
  if (one.n >= MANY * other.n) return true;
  if (other.n >= MANY * one.n) return false;
  throw unclear(
    `${one.label} and ${other.label} begin together and have about as many answers, so which one is stable cannot be told; say --stable`,
    releases,
  );
}

function endOf({ candidate, from }: Trial, trials: readonly Trial[]): Instant {
  const next = trials.filter((other) => other.stable === candidate && other.from > from).map((other) => other.from);
  return Math.min(Number.POSITIVE_INFINITY, ...next);
}

function named(releases: readonly RecordedRelease[], part: string): RecordedRelease {
  const exact = releases.filter(({ label }) => label === part);
  const matches = exact.length > 0 ? exact : releases.filter(({ label }) => label.includes(part));
  if (matches.length === 1) return matches[0]!;
  throw unclear(`"${part}" names ${matches.length === 0 ? "no release" : `${matches.length} releases`}`, releases);
}

function unclear(reason: string, releases: readonly RecordedRelease[]): RollbookError {
  const there = releases.map(({ label }) => label);
  const shown = there.length > 12 ? [...there.slice(0, 12), `and ${there.length - 12} more`] : there;
  return new RollbookError("DATA_UNCLEAR", { reason, there: shown.join(", ") || "none" });
}
