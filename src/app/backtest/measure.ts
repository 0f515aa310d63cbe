import { bucketOf, meanPlaceOf } from "../../core/cells.ts";
import { labelOf, type Playbook, type Signal } from "../../core/playbook.ts";
import type { Cells } from "../../core/sample.ts";
import { type Read, readCount, readOutcome, readValue } from "./cell-values.ts";

/** What one signal takes out of a row of named outcomes. */
export interface Measure {
  readonly signal: Signal;
  readonly columns: readonly number[];
  /** Reads its cells; undefined where the row says nothing of it. */
  readonly counted: (
    read: <Value>(place: number, reader: (text: string) => Read<Value>) => Value,
  ) => Counts | undefined;
}

export interface Counts {
  readonly n: number;
  readonly k: number;
  readonly cells?: Cells;
}

export interface Measures {
  /** No signal's whole is a column: each row is one answer. */
  readonly perAnswer: boolean;
  readonly measures: readonly Measure[];
  /** Signals whose part is a column and whose whole is none, among others that have both. */
  readonly incomplete: readonly Signal[];
}

/** Finds what the columns of a header, or the names of outcomes, say of each signal. */
export function measuresOf(signals: readonly Signal[], names: readonly string[]): Measures {
  const there = signals.filter(({ part }) => names.includes(part));
  const whole = there.filter((signal) => isCounted(signal) && names.includes(signal.of));
  const perAnswer = whole.length === 0;
  const used = perAnswer ? there : whole;
  return {
    perAnswer,
    measures: used.map((signal) => (perAnswer ? ofOneAnswer(signal, names) : ofCounts(signal, names))),
    incomplete: there.filter((signal) => !used.includes(signal)),
  };
}

/** By which labels triggers tell a signal's outcomes apart. */
export function labelsOf({ triggers }: Pick<Playbook, "triggers">, signal: Signal): readonly string[] {
  return [...new Set(triggers.flatMap((one) => (one.signal === signal.name ? (labelOf(one) ?? []) : [])))];
}

/** Does it count outcomes, and not measure values? */
export function isCounted({ kind }: Signal): boolean {
  return kind === "share" || kind === "count";
}

function ofCounts(signal: Signal, names: readonly string[]): Measure {
  const [part, of] = [names.indexOf(signal.part), names.indexOf(signal.of)];
  return { signal, columns: [part, of], counted: (read) => ({ n: read(of, readCount), k: read(part, readCount) }) };
}

function ofOneAnswer(signal: Signal, names: readonly string[]): Measure {
  const part = names.indexOf(signal.part);
  const one = (k: number | undefined): Counts | undefined => (k === undefined ? undefined : { n: 1, k });
  const counted: Measure["counted"] = (read) => {
    if (signal.kind === "share") return one(read(part, readOutcome));
    if (signal.kind === "count") return one(read(part, readCount));
    const value = read(part, readValue);
    return value === undefined ? undefined : { n: 1, k: 0, cells: cellsOf(signal, value) };
  };
  return { signal, columns: [part], counted };
}

/** Where one value lies: of a mean between its least and its greatest, of a time in the histogram of seconds. */
export function cellsOf(signal: Signal, value: number): Cells {
  if (signal.kind === "time") return [[bucketOf(signal.unit === "milliseconds" ? value / 1000 : value), 1]];
  const { below, upper } = meanPlaceOf(value, signal.range);
  const shares: Cells = [
    [below, 1 - upper],
    [below + 1, upper],
  ];
  return shares.filter(([, count]) => count > 0);
}
