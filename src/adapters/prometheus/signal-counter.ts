import type { Signal } from "../../core/playbook.ts";
import type { ReleaseId } from "../../core/release.ts";
import { formatDuration, type Instant, type Milliseconds } from "../../core/time.ts";
import type { ArmNames } from "./arm-names.ts";
import { createCounterTrack, type Increment, type Surroundings } from "./counter-track.ts";
import type { Reading } from "./expression.ts";
import { createLostParts } from "./lost-parts.ts";
import { type BucketCounts, createPendingCounts } from "./pending-counts.ts";
import { createCreatedTimes, createScrapeTimes } from "./scrape-times.ts";
import { type Series, targetOf } from "./series.ts";
import { createWholeScrapes } from "./whole-scrapes.ts";

export type CountedSignal = Signal & { readonly kind: "share" | "count" };

/** A signal of the playbook and the counters that it is made of. */
export interface PrometheusSignal {
  readonly signal: CountedSignal;
  /** PromQL of monotone counters; see `readExpression`. */
  readonly of: string;
  readonly part: string;
  /** The label whose value names the release. */
  readonly release: string;
  /** Selector of times (seconds since 1970) at which counters began, `process_start_time_seconds` say. */
  readonly created?: string;
  /** `zero`: a release whose `part` has no series yet had none. Else its counts wait until the series is there. */
  readonly missing?: "zero";
  /** `skip` where targets are not the counting processes: a push gateway, federation, a collector. */
  readonly newSeries?: "skip";
}

/** What one poll learnt of a signal's expressions, all up to the same moment. `of` was asked before `part`. */
export interface SignalAnswers {
  readonly of: readonly Series[];
  readonly part: readonly Series[];
  readonly created: readonly Series[];
}

/** Makes counts per release and step out of the series of one signal. */
export interface SignalCounter {
  begin(answers: SignalAnswers, at: Instant): void;
  take(answers: SignalAnswers, now: Instant): readonly BucketCounts[];
  /** What is wrong with what was learnt last; `no-data` alone is no fault of the instrument. */
  readonly doubts: readonly { readonly kind: "no-data" | "error"; readonly reason: string }[];
}

/** A scrape that began before a step's end is known so much later at the latest. */
const GRACE: Milliseconds = 500;
const REPLICA_LABELS = ["prometheus_replica", "__replica__"];

export function createSignalCounter(
  setup: PrometheusSignal,
  readings: { readonly of: Reading; readonly part: Reading },
  names: ArmNames,
  step: () => Milliseconds,
): SignalCounter {
  const { signal, release: label } = setup;
  const newSeries = setup.newSeries ?? "count";
  const ofTrack = createCounterTrack({ exact: readings.of.kind === "selector", newSeries });
  const partTrack = createCounterTrack({ exact: readings.part.kind === "selector", newSeries });
  const pending = createPendingCounts(signal.kind, step);
  const scrapes = createScrapeTimes();
  const whole = createWholeScrapes();
  const proved = new Set<ReleaseId>();
  const releaseOf = (labels: Series["labels"]) => {
    const arm = names.named(labels[label]);
    return arm === undefined || arm === "ambiguous" ? undefined : arm.release;
  };
  const lostParts = createLostParts(releaseOf);
  let doubts: { kind: "no-data" | "error"; reason: string }[] = [];

  const doubt = (kind: "no-data" | "error", reason: string) =>
    void doubts.push({ kind, reason: `${signal.name}: ${reason}` });

  function tally(increments: readonly Increment[], key: "n" | "k"): void {
    const reading = key === "n" ? readings.of : readings.part;
    // An expression is evaluated at the end of a step, and tells what happened in it.
    const evaluated = reading.kind === "expression" ? 1 : 0;
    for (const { labels, from, at, count } of increments) {
      const arm = names.named(labels[label]);
      if (arm === "ambiguous") doubt("error", `${label}="${labels[label]}" names stable and candidate alike`);
      // A span that began before the name moved may hold counts of the release that had it before.
      else if (arm && from >= arm.since) pending.add(arm.release, at - evaluated, { [key]: count });
    }
  }

  /** Newest sample of each arm that is out. */
  function newestOf(series: readonly Series[]): ReadonlyMap<ReleaseId, Instant> {
    const newest = new Map<ReleaseId, Instant>();
    for (const { labels, points } of series) {
      const arm = names.named(labels[label]);
      const at = points.at(-1)?.[0];
      if (arm === undefined || arm === "ambiguous" || at === undefined || at <= arm.since) continue;
      newest.set(arm.release, Math.max(at, newest.get(arm.release) ?? at));
    }
    return newest;
  }

  function look({ of }: SignalAnswers, lost: ReadonlySet<ReleaseId>, now: Instant): void {
    const newest = newestOf(of);
    for (const { arm, release } of names.out) {
      const at = newest.get(release);
      if (at === undefined) {
        doubt("no-data", of.length === 0 ? `"${setup.of}" has no series` : missingArm(of, label, arm));
      } else if (now - at > 2 * step() + 2 * GRACE) {
        doubt("no-data", `the newest sample of ${arm} is ${formatDuration(now - at)} old`);
      } else if (!proved.has(release) && setup.missing !== "zero") {
        const hint = `let the application start this counter at 0, or set "missing: zero"`;
        doubt("no-data", `"${setup.part}" has no series of ${arm}, which may mean none or a wrong name: ${hint}`);
      } else if (lost.has(release)) {
        doubt("no-data", `"${setup.part}" is not told of ${arm} any more where "${setup.of}" is: its counts wait`);
      }
    }
    for (const flaw of [...whole.flaws, ...ofTrack.flaws, ...partTrack.flaws]) doubt("error", flaw);
    const { surplus, dropped } = pending;
    if (surplus + dropped > 0) {
      const fate = dropped > 0 ? `; ${dropped} of them waited too long and were left out` : "";
      const more = `${surplus + dropped} more of "${setup.part}" than of "${setup.of}"`;
      doubt("error", `${more}: are they scraped together, and is each part also an of?${fate}`);
    }
  }

  return {
    get doubts() {
      return doubts;
    },
    begin(answers, at) {
      const { created } = createCreatedTimes(answers.created);
      ofTrack.begin(answers.of, at, created);
      partTrack.begin(answers.part, at, created);
      scrapes.note([...answers.of, ...answers.part].map(({ labels }) => ({ labels, points: [[at, ""]] })));
    },
    take(all, now) {
      doubts = [];
      const answers = whole.keep(all);
      const doubled = [...answers.of, ...answers.part].find(({ labels }) => isReplicaOfAnother(labels, answers));
      if (doubled) {
        doubt("error", `the same series comes from several replicas: select one (${REPLICA_LABELS[0]}="...")`);
        return [];
      }
      scrapes.note([...answers.of, ...answers.part]);
      const newestOfTarget = newestByTarget(answers.of);
      const around: Surroundings = {
        cut: () => now,
        scrapedBefore: scrapes.before,
        created: createCreatedTimes(answers.created).created,
      };
      tally(ofTrack.take(answers.of, around), "n");
      // `part` was asked later and may know of one scrape more: it waits for its `of`.
      const cut = (target: string | undefined) => (target === undefined ? now : (newestOfTarget.get(target) ?? now));
      tally(partTrack.take(answers.part, { ...around, cut }), "k");
      for (const release of newestOf(answers.part).keys()) proved.add(release);
      const lost = setup.missing === "zero" ? new Set<ReleaseId>() : lostParts.among(answers);
      const withheld = (release: ReleaseId) => setup.missing !== "zero" && (!proved.has(release) || lost.has(release));
      const rows = pending.take(now - GRACE, withheld);
      look(answers, lost, now);
      return rows;
    },
  };
}

function newestByTarget(series: readonly Series[]): ReadonlyMap<string, Instant> {
  const newest = new Map<string, Instant>();
  for (const { labels, points } of series) {
    const target = targetOf(labels);
    const at = points.at(-1)?.[0];
    if (target !== undefined && at !== undefined) newest.set(target, Math.max(at, newest.get(target) ?? at));
  }
  return newest;
}

function missingArm(series: readonly Series[], label: string, arm: string): string {
  const values = [...new Set(series.map(({ labels }) => labels[label] ?? "(absent)"))].sort();
  const more = values.length > 5 ? ` and ${values.length - 5} more` : "";
  return `no sample of ${arm} since it is out; the label ${label} has: ${values.slice(0, 5).join(", ")}${more}`;
}

/** Two servers that scrape the same targets tell each counter twice, under names that differ in one label only. */
function isReplicaOfAnother(labels: Series["labels"], { of, part }: SignalAnswers): boolean {
  return REPLICA_LABELS.some(
    (replica) =>
      labels[replica] !== undefined &&
      [of, part].some((series) =>
        series.some(
          (other) =>
            other.labels[replica] !== labels[replica] &&
            Object.keys({ ...labels, ...other.labels }).every(
              (key) => key === replica || other.labels[key] === labels[key],
            ),
        ),
      ),
  );
}
