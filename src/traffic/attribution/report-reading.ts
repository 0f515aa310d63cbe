import { GREATEST_VALUE } from "../../core/cells.ts";
import { isReportedLater, type Signal } from "../../core/playbook.ts";
import { type Counts, type ReportTerms, valuesOf } from "./report.ts";

/** What has been reported for a request, by index of the name; NaN where nothing has. */
export type Reported = number[];

/** Where one signal's numbers stand among the names that reports are read for; -1 where reports have no say. */
export interface Reading {
  readonly signal: Signal;
  readonly of: number;
  readonly part: number;
  /** Of a signal of values. */
  readonly value: number;
}

/** The names that reports are read for, and what each signal makes of them. */
export interface Readings {
  readonly signals: readonly Reading[];
  /** What a report says of each name for the first time: of a count the number, of values how many; else NaN. */
  fresh(counts: Counts, terms: ReportTerms, before: Reported | undefined): Reported;
  /** The values that stand under a name. */
  valuesAt(place: number, terms: ReportTerms): readonly number[];
}

export function createReadings(signals: readonly Signal[]): Readings {
  const counted = [...new Set(signals.flatMap(countedNames))];
  const valued = [...new Set(signals.filter(isReportedValue).map(({ part }) => part))];
  const saidOf = (values: ReportTerms["values"], name: string) =>
    values !== undefined && Object.hasOwn(values, name) ? valuesOf(values[name]!) : undefined;
  return {
    signals: signals.map((signal) => ({
      signal,
      of: signal.from === "events" && isCounted(signal) ? counted.indexOf(signal.of) : -1,
      part: isCounted(signal) ? counted.indexOf(countedNames(signal).at(-1) ?? "") : -1,
      value: isReportedValue(signal) ? counted.length + valued.indexOf(signal.part) : -1,
    })),
    fresh(counts, { values }, before) {
      const said = [
        ...counted.map((name) => (Object.hasOwn(counts, name) ? counts[name]! : Number.NaN)),
        ...valued.map((name) => saidOf(values, name)?.length ?? Number.NaN),
      ];
      return before ? said.map((value, place) => (Number.isNaN(before[place]) ? value : Number.NaN)) : said;
    },
    valuesAt: (place, { values }) => saidOf(values, valued[place - counted.length]!) ?? [],
  };
}

const isCounted = ({ kind }: Signal) => kind === "share" || kind === "count";

/** The gateway times its own answers; every other value is reported. */
const isReportedValue = ({ kind, from }: Signal) => kind === "mean" || (kind === "time" && from !== "gateway");

/** What the gateway sees of a request's end, or that the signal's part is reported. */
export function endingOf({ part }: Signal): "failed" | "cancelled" | "reported" {
  return part === "failed" || part === "cancelled" ? part : "reported";
}

function countedNames(signal: Signal): string[] {
  if (!isCounted(signal)) return [];
  if (signal.from === "events") return [signal.of, signal.part];
  return isReportedLater(signal) ? [signal.part] : [];
}

/** Why a signal cannot take what a report says, all it said before included in `after`. */
export function misfitOf(reading: Reading, fresh: Reported, after: Reported, terms: ReportTerms): string | undefined {
  const { signal } = reading;
  const says = [reading.of, reading.part, reading.value].some((place) => place >= 0 && !Number.isNaN(fresh[place]));
  if (!says) return undefined;
  if (signal.per !== undefined && unitFor(signal.per, terms) === undefined) {
    return `${signal.name} counts by ${signal.per}: say which one it was, in unit: { "${signal.per}": "..." }`;
  }
  return misfitOfPart(reading, fresh, after);
}

function misfitOfPart({ of, part, signal }: Reading, fresh: Reported, after: Reported): string | undefined {
  if (signal.kind !== "share" || part < 0 || Number.isNaN(fresh[part])) return undefined;
  const whole = of < 0 ? 1 : after[of]!;
  if (Number.isNaN(whole)) return `${signal.part} came without ${signal.of}`;
  if (of >= 0 && Number.isNaN(fresh[of]) && fresh[part]! > 0)
    return `${signal.of} was reported before; report it together with ${signal.part}, when the outcome is known`;
  return fresh[part]! > whole ? `${signal.part} exceeds ${signal.of}` : undefined;
}

/** Why values cannot be ones of the signal. */
export function misfitOfValues(
  { name, kind, part, range, unit }: Signal,
  values: readonly number[],
): string | undefined {
  const [least, greatest] = kind === "mean" ? (range ?? [-GREATEST_VALUE, GREATEST_VALUE]) : [0, Number.MAX_VALUE];
  const outside = values.find((value) => value < least || value > greatest);
  if (outside === undefined) return undefined;
  if (kind === "time")
    return `${part} is a time and ${outside} ${unit ?? "seconds"} is none: it would have to be 0 or more`;
  return `${part} is ${outside}, outside of ${least} to ${greatest}, the range of ${name}`;
}

export function unitFor(per: string, { unit }: ReportTerms): string | undefined {
  if (unit === undefined || typeof unit === "string") return unit;
  return Object.hasOwn(unit, per) ? unit[per] : undefined;
}
