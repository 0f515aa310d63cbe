import { digestOf, isDigest } from "../../core/digest.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Sample } from "../../core/sample.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { grainsOf } from "./grain.ts";
import { repeatedRows, sameKey } from "./repeated-rows.ts";
import type { Columns } from "./sample-table.ts";

/** Recorded counts in the order in which they became known, second by second. */
export interface Arrivals {
  readonly releases: readonly RecordedRelease[];
  readonly signals: readonly string[];
  /** The longest span that one row stands for: nothing is known more finely in time. */
  readonly grain: Milliseconds;
  /** Rows that said again what another had said; they count once. */
  readonly repeated: number;
  /** What became known of these releases' requests of a span, a second at a time; seconds without anything are left out. */
  ticks(releases: ReadonlySet<string>, span: Span): Iterable<Tick>;
}

export interface RecordedRelease {
  readonly label: string;
  /** When the span of its first row begins. */
  readonly since: Instant;
  /** The seconds that its first and its last requests count for. */
  readonly first: Instant;
  readonly last: Instant;
  /** Its observations, of whichever signal has most. */
  readonly n: number;
}

export interface Span {
  readonly from: Instant;
  /** The first moment that is not in it. */
  readonly until: Instant;
}

export interface Tick {
  /** The end of the second in which it became known. */
  readonly at: Instant;
  readonly samples: readonly Sample[];
}

/** How a recording names a release is its id; a label stands for one that is made of it. */
export function releaseIdOf(label: string): ReleaseId {
  return isDigest(label) ? label : digestOf(label);
}

/**
 * Orders the rows of all files. What has a node and a sequence keeps its batch, so that the evaluator sees what it saw
 * when it was live. Else a row is known at its `known`, or when its span is over, and counts for the last second of that.
 */
export function arrivalsOf(columns: Columns): Arrivals {
  const { length } = columns.at;
  const grains = grainsOf(columns);
  const buckets = new Float64Array(length);
  const when = new Float64Array(length);
  for (let row = 0; row < length; row++) {
    const second = Math.floor(columns.at.get(row) / 1000) * 1000;
    const known = columns.known.get(row);
    const bucket = Number.isNaN(known) ? second + grains[columns.file.get(row)]! - 1000 : second;
    buckets[row] = bucket;
    when[row] = Math.ceil((Number.isNaN(known) ? bucket + 1000 : known) / 1000) * 1000;
  }
  keepBatches(columns, when);
  const order = orderOf(columns, when, buckets);
  const skipped = repeatedRows(columns, order);
  return {
    releases: releasesOf(columns, buckets),
    signals: columns.signals.all,
    grain: Math.max(1000, ...grains),
    repeated: skipped.size,
    ticks: (releases, span) => ticksOf(columns, { order, when, buckets, skipped }, releases, span),
  };
}

/** A batch becomes known whole, and never before one of a lower sequence of its node. */
function keepBatches(columns: Columns, when: Float64Array): void {
  const nodes = new Map<number, Map<number, Instant>>();
  for (let row = 0; row < when.length; row++) {
    const sequence = columns.sequence.get(row);
    if (Number.isNaN(sequence)) continue;
    const node = columns.node.get(row);
    const batches = nodes.get(node) ?? new Map<number, Instant>();
    nodes.set(node, batches);
    batches.set(sequence, Math.max(batches.get(sequence) ?? 0, when[row]!));
  }
  for (const batches of nodes.values()) {
    let newest = 0;
    for (const [sequence, at] of [...batches].sort(([a], [b]) => a - b)) {
      newest = Math.max(newest, at);
      batches.set(sequence, newest);
    }
  }
  for (let row = 0; row < when.length; row++) {
    const known = nodes.get(columns.node.get(row))?.get(columns.sequence.get(row));
    if (known !== undefined) when[row] = known;
  }
}

function orderOf(columns: Columns, when: Float64Array, buckets: Float64Array): Uint32Array {
  const order = Uint32Array.from({ length: when.length }, (_, row) => row);
  const { release, signal, group, node, sequence } = columns;
  const compare = (a: number, b: number): number => {
    const byTime = when[a]! - when[b]! || buckets[a]! - buckets[b]!;
    if (byTime !== 0) return byTime;
    for (const column of [release, signal, group, node, sequence]) {
      const by = column.get(a) - column.get(b);
      if (by !== 0 && !Number.isNaN(by)) return by;
    }
    const [early, late] = [columns.at.get(a), columns.at.get(b)];
    return early - late || a - b;
  };
  for (let place = 1; place < order.length; place++)
    if (compare(order[place - 1]!, order[place]!) > 0) return order.sort(compare);
  return order;
}

function releasesOf(columns: Columns, buckets: Float64Array): readonly RecordedRelease[] {
  const spans = columns.releases.all.map(() => ({
    since: Number.POSITIVE_INFINITY,
    first: Number.POSITIVE_INFINITY,
    last: 0,
    n: new Map<number, number>(),
  }));
  for (let row = 0; row < buckets.length; row++) {
    const n = columns.n.get(row);
    if (n === 0 || columns.group.get(row) >= 0) continue;
    const span = spans[columns.release.get(row)]!;
    span.since = Math.min(span.since, Math.floor(columns.at.get(row) / 1000) * 1000);
    span.first = Math.min(span.first, buckets[row]!);
    span.last = Math.max(span.last, buckets[row]!);
    const signal = columns.signal.get(row);
    span.n.set(signal, (span.n.get(signal) ?? 0) + n);
  }
  return spans.flatMap(({ since, first, last, n }, index) =>
    n.size === 0 ? [] : [{ label: columns.releases.word(index), since, first, last, n: Math.max(...n.values()) }],
  );
}

interface Order {
  readonly order: Uint32Array;
  readonly when: Float64Array;
  readonly buckets: Float64Array;
  readonly skipped: ReadonlySet<number>;
}

/** Equal rows are neighbours in the order: they are of several nodes without names, or of several answers, and add up. */
function* ticksOf(
  columns: Columns,
  { order, when, buckets, skipped }: Order,
  releases: ReadonlySet<string>,
  { from, until }: Span,
): Iterable<Tick> {
  const ids = columns.releases.all.map((label) => (releases.has(label) ? releaseIdOf(label) : undefined));
  let at = Number.NaN;
  let samples: Sample[] = [];
  let last = -1;
  for (const row of order) {
    const release = ids[columns.release.get(row)];
    const bucket = buckets[row]!;
    if (release === undefined || bucket < from || bucket >= until || skipped.has(row)) continue;
    if (when[row] !== at) {
      if (samples.length > 0) yield { at, samples };
      at = when[row]!;
      samples = [];
    }
    const sample = sampleOf(columns, row, release, bucket, at);
    const joins = samples.length > 0 && buckets[last] === bucket && sameKey(columns, last, row);
    if (joins) samples.push(together(samples.pop()!, sample));
    else samples.push(sample);
    last = row;
  }
  if (samples.length > 0) yield { at, samples };
}

/** Without a sequence, everything of a node that became known in one second is one batch. */
function sampleOf(columns: Columns, row: number, release: ReleaseId, bucket: Instant, at: Instant): Sample {
  const sequence = columns.sequence.get(row);
  const node = columns.node.get(row);
  const named = node < 0 ? "" : columns.nodes.word(node);
  const group = columns.group.get(row);
  const cells = columns.cells.get(row);
  return {
    node: Number.isNaN(sequence) ? `data ${named}` : named,
    sequence: Number.isNaN(sequence) ? at / 1000 : sequence,
    bucket,
    signal: columns.signals.word(columns.signal.get(row)),
    release,
    n: columns.n.get(row),
    k: columns.k.get(row),
    known: at,
    ...(group < 0 ? {} : { group: columns.groups.word(group) }),
    ...(cells ? { cells: [...cells].sort(([a], [b]) => a - b) } : {}),
  };
}

function together(one: Sample, other: Sample): Sample {
  const sum = { ...one, n: one.n + other.n, k: one.k + other.k };
  if (!other.cells) return sum;
  const cells = new Map(one.cells);
  for (const [cell, count] of other.cells) cells.set(cell, (cells.get(cell) ?? 0) + count);
  return { ...sum, cells: [...cells].sort(([a], [b]) => a - b) };
}
