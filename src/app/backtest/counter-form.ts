import { createCounterTrack } from "../../adapters/prometheus/counter-track.ts";
import { type Series, seriesOf, targetOf } from "../../adapters/prometheus/series.ts";
import type { Playbook } from "../../core/playbook.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { DataFlaw } from "./data-flaw.ts";
import { type FileRead, type Sink, wantedBy } from "./form.ts";

/** Counters of outcomes, from answers to range queries; whole and part may come in files of their own. */
export interface CounterForm {
  /** @param name the outcome that the file counts, where its series do not say it. @throws DataFlaw */
  take(file: string, answer: unknown, name: string | undefined): FileRead;
  /** Hands over what all files together say of each signal. */
  end(): void;
}

/** Labels that name a release, the first one that a series has. */
const RELEASE_LABELS = ["release", "version", "rollout"];

/** Increments of one outcome, by release and by the start of the step that they fell into. */
type Increments = Map<string, Map<Instant, number>>;

export function createCounterForm(playbook: Playbook, sink: Sink): CounterForm {
  const outcomes = new Map<string, Increments>();
  const names = [...new Set(playbook.signals.flatMap(({ part, of }) => [part, of]))];
  const files: string[] = [];
  let step: Milliseconds | undefined;

  return {
    take(file, answer, given) {
      const series = seriesIn(answer);
      const own = stepOf(series);
      if (step !== undefined && own !== step)
        throw new DataFlaw(
          `its step is ${own / 1000} s, and that of ${files[0]} is ${step / 1000} s: ask both with one step`,
          1,
        );
      step = own;
      files.push(file);
      const flaws = new Set<string>();
      const ignored = new Set<string>();
      for (const [name, some] of Map.groupBy(series, (one) => given ?? nameOf(one.labels, names, file))) {
        if (name === undefined)
          for (const { labels } of some) ignored.add(labels["__name__"] ?? JSON.stringify(labels));
        else count(outcomesOf(outcomes, name), some, own, flaws);
      }
      if (ignored.size > 0 && ignored.size === series.length)
        throw new DataFlaw(
          `no series is named like an outcome of the playbook, which counts ${wantedBy(playbook)}; say it as --data NAME=${file}`,
          1,
        );
      const notes = [...flaws].map((flaw) => `${file}: ${flaw}`);
      return {
        file,
        form: "counters of Prometheus",
        rows: series.reduce((sum, { points }) => sum + points.length, 0),
        ignored: [...ignored],
        notes,
      };
    },
    end() {
      if (step === undefined) return;
      sink.open({ name: files.join(", "), grain: step });
      for (const signal of playbook.signals) {
        const [whole, part] = [outcomes.get(signal.of), outcomes.get(signal.part)];
        if (!whole || !part) continue;
        for (const release of new Set([...whole.keys(), ...part.keys()])) {
          const [n, k] = [whole.get(release), part.get(release)];
          for (const at of new Set([...(n?.keys() ?? []), ...(k?.keys() ?? [])]))
            sink.add({ at, release, signal: signal.name, n: n?.get(at) ?? 0, k: k?.get(at) ?? 0, line: 1 });
        }
      }
    },
  };
}

function seriesIn(answer: unknown): readonly Series[] {
  const { status, data, error } = (answer ?? {}) as { status?: unknown; data?: unknown; error?: unknown };
  if (status !== "success" || typeof data !== "object" || data === null)
    throw new DataFlaw(`it is no successful answer of Prometheus${typeof error === "string" ? `: ${error}` : ""}`, 1);
  if ((data as { resultType?: unknown }).resultType !== "matrix")
    throw new DataFlaw("it is no answer to a range query: ask /api/v1/query_range", 1);
  const series = seriesOf(data);
  if (series.kind === "failed") throw new DataFlaw(series.reason, 1);
  if (series.value.every(({ points }) => points.length < 2))
    throw new DataFlaw("no series has two points: widen the range", 1);
  return series.value;
}

function stepOf(series: readonly Series[]): Milliseconds {
  let least = Number.POSITIVE_INFINITY;
  for (const { points } of series)
    for (let at = 1; at < points.length; at++) least = Math.min(least, points[at]![0] - points[at - 1]![0]);
  if (!(least > 0)) throw new DataFlaw("the points of a series are not in the order of time", 1);
  return Math.max(1000, least);
}

/** By its metric's name, with or without `_total`, or else by the file's. */
function nameOf(labels: Series["labels"], names: readonly string[], file: string): string | undefined {
  const metric = labels["__name__"];
  const base = file.replace(/^.*[\\/]/, "").replace(/\.[^.]*$/, "");
  const said = metric === undefined ? [base] : [metric, metric.replace(/_total$/, "")];
  const spell = (text: string) => text.replaceAll("_", "-");
  return names.find((name) => said.some((one) => spell(one) === spell(name)));
}

function outcomesOf(outcomes: Map<string, Increments>, name: string): Increments {
  const known = outcomes.get(name) ?? new Map();
  outcomes.set(name, known);
  return known;
}

/** The increments, as the Prometheus source of a live rollout takes them: a reset of one process invents nothing. */
function count(into: Increments, series: readonly Series[], step: Milliseconds, flaws: Set<string>): void {
  const exact = series.every(({ labels }) => targetOf(labels) !== undefined);
  const track = createCounterTrack({ exact, newSeries: "count" });
  const scrapes = scrapesOf(series);
  const increments = track.take(series, {
    cut: () => Number.POSITIVE_INFINITY,
    scrapedBefore: (target, at) => scrapes.get(target)?.get(at),
    created: () => undefined,
  });
  for (const flaw of track.flaws) flaws.add(flaw);
  for (const { labels, at, count } of increments) {
    const release = releaseIn(labels);
    const counts = into.get(release) ?? new Map<Instant, number>();
    into.set(release, counts);
    counts.set(at - step, (counts.get(at - step) ?? 0) + count);
  }
}

/** For each moment of a target, the one before it. */
function scrapesOf(series: readonly Series[]): ReadonlyMap<string, ReadonlyMap<Instant, Instant>> {
  const times = new Map<string, Set<Instant>>();
  for (const { labels, points } of series) {
    const target = targetOf(labels);
    if (target === undefined) continue;
    const own = times.get(target) ?? new Set<Instant>();
    times.set(target, own);
    for (const [at] of points) own.add(at);
  }
  return new Map(
    [...times].map(([target, own]) => {
      const sorted = [...own].sort((a, b) => a - b);
      return [target, new Map(sorted.slice(1).map((at, index) => [at, sorted[index]!]))];
    }),
  );
}

function releaseIn(labels: Series["labels"]): string {
  const named = RELEASE_LABELS.find((label) => labels[label]);
  if (named) return labels[named]!;
  const others = Object.entries(labels).filter(([label]) => label !== "__name__");
  if (others.length === 1) return others[0]![1];
  const there = Object.keys(labels).join(", ") || "none";
  throw new DataFlaw(
    `no label names the release (${RELEASE_LABELS.join(", ")}, or the only one); the series has ${there}. Write sum by (release) (...) or label_replace(...)`,
    1,
  );
}
