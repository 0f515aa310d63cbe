import { RollbookError } from "../../core/errors.ts";
import type { Cells } from "../../core/sample.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { type Arrivals, arrivalsOf } from "./arrivals.ts";
import { createColumn, createWords } from "./column.ts";

/** Counts as a file holds them: of one release and signal, in a span of time that begins at `at`. */
export interface RecordedCounts {
  readonly at: Instant;
  /** What the file calls the release: a label, or an id. */
  readonly release: string;
  readonly signal: string;
  readonly n: number;
  readonly k: number;
  readonly group?: string;
  readonly node?: string;
  readonly sequence?: number;
  readonly known?: Instant;
  readonly cells?: Cells;
  readonly line: number;
}

/** What is known of a file besides its rows. */
export interface RecordedFile {
  readonly name: string;
  /** How long the span of one row is; absent: as long as the least gap between the rows of one release and signal. */
  readonly grain?: Milliseconds;
  /** Each row is one answer, so equal rows are several answers and no repetition. */
  readonly perAnswer?: boolean;
}

/** Everything that was recorded, in columns: some 70 bytes a row, in whatever order the rows come. */
export interface SampleTable {
  /** Begins a file; rows that are added belong to it. */
  open(file: RecordedFile): void;
  add(counts: RecordedCounts): void;
  /** Puts the rows into the order in which they became known. @throws DATA_INVALID for a row that contradicts another. */
  arrivals(): Arrivals;
  readonly rows: number;
}

export type Columns = ReturnType<typeof createColumns>;

export function createSampleTable(): SampleTable {
  const columns = createColumns();
  const { files } = columns;
  /** Rows of the newest second of a file of answers, by what they count: an answer joins its row. */
  let second = Number.NaN;
  const open = new Map<string, number>();

  function append(counts: RecordedCounts): number {
    const { at, n, k, known, release, signal, group, node, sequence, line } = counts;
    columns.at.push(at);
    columns.n.push(n);
    columns.k.push(k);
    columns.known.push(known ?? Number.NaN);
    columns.sequence.push(sequence ?? Number.NaN);
    columns.release.push(columns.releases.of(release));
    columns.signal.push(columns.signals.of(signal));
    columns.group.push(group === undefined ? -1 : columns.groups.of(group));
    columns.node.push(node === undefined ? -1 : columns.nodes.of(node));
    columns.line.push(line);
    columns.file.push(files.length - 1);
    return columns.at.length - 1;
  }

  function join(counts: RecordedCounts): void {
    const bucket = Math.floor(counts.at / 1000) * 1000;
    if (bucket !== second) {
      second = bucket;
      open.clear();
    }
    const { release, signal, group = "", node = "", known = "" } = counts;
    const key = `${release}\0${signal}\0${group}\0${node}\0${known}`;
    const row = open.get(key);
    if (row === undefined) {
      const fresh = append({ ...counts, at: bucket });
      open.set(key, fresh);
      if (counts.cells) columns.cells.set(fresh, new Map(counts.cells));
      return;
    }
    columns.n.add(row, counts.n);
    columns.k.add(row, counts.k);
    const cells = columns.cells.get(row);
    for (const [cell, count] of counts.cells ?? []) cells?.set(cell, (cells.get(cell) ?? 0) + count);
  }

  return {
    open(file) {
      files.push(file);
      second = Number.NaN;
      open.clear();
    },
    add(counts) {
      if (files.at(-1)?.perAnswer) return join(counts);
      const row = append(counts);
      if (counts.cells) columns.cells.set(row, new Map(counts.cells));
    },
    arrivals: () => arrivalsOf(columns),
    get rows() {
      return columns.at.length;
    },
  };
}

function createColumns() {
  return {
    files: [] as RecordedFile[],
    at: createColumn(),
    n: createColumn(),
    k: createColumn(),
    known: createColumn(),
    sequence: createColumn(),
    release: createColumn(),
    signal: createColumn(),
    group: createColumn(),
    node: createColumn(),
    line: createColumn(),
    file: createColumn(),
    cells: new Map<number, Map<number, number>>(),
    releases: createWords(),
    signals: createWords(),
    groups: createWords(),
    nodes: createWords(),
  };
}

/** A flaw of two rows together. */
export function contradiction(columns: Columns, row: number, reason: string): RollbookError {
  const file = columns.files[columns.file.get(row)]?.name ?? "";
  return new RollbookError("DATA_INVALID", { file, line: columns.line.get(row), column: "", reason });
}
