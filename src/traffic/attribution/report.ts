/** Outcomes by name, in whole numbers. */
export type Counts = Readonly<Record<string, number>>;

/** What a report may say besides its counts. */
export interface ReportTerms {
  /** What `mean` and `time` signals read, by name, each in its own unit: one number of a request, a list of an arm. */
  readonly values?: Readonly<Record<string, number | readonly number[]>>;
  /** For triggers that compare groups: `{ "applicant-group": "b" }`. */
  readonly groups?: Readonly<Record<string, string>>;
  /** What signals with `per` count: `{ session: "s-17" }`, or a text that stands for whatever they name. Not kept. */
  readonly unit?: string | Readonly<Record<string, string>>;
}

/** `otherGroups`: so many of its group labels had too many values, or a strange one, and count as the group `other`. */
export type ReportAnswer =
  | { readonly kind: "counted"; readonly otherGroups?: number }
  | { readonly kind: "duplicate" | "excluded" }
  | { readonly kind: "rejected"; readonly reason: string };

export function rejected(reason: string): { readonly kind: "rejected"; readonly reason: string } {
  return { kind: "rejected", reason };
}

/** The largest number that one report may hold of one outcome. */
export const MOST_PER_REQUEST = 1_000_000;
const MOST_NAMES = 64;
const MOST_VALUES = 1000;
const LONGEST_UNIT = 200;

/** What is wrong with a report, whatever the playbook says. */
export function flawOf(counts: Counts, { values = {}, unit = "-" }: ReportTerms): string | undefined {
  const entries = Object.entries(counts);
  const lists = Object.entries(values);
  if (entries.length + lists.length > MOST_NAMES) return `more than ${MOST_NAMES} names`;
  const flawed = entries.find(([, value]) => !Number.isInteger(value) || value < 0 || value > MOST_PER_REQUEST);
  if (flawed) return `${flawed[0]} is not a whole number from 0 to ${MOST_PER_REQUEST}`;
  const long = lists.find(([, list]) => valuesOf(list).length > MOST_VALUES);
  if (long) return `${long[0]} has more than ${MOST_VALUES} values`;
  const none = lists.find(([, list]) => !valuesOf(list).every(Number.isFinite));
  if (none) return `${none[0]} is not a number`;
  const units = typeof unit === "string" ? [unit] : Object.values(unit);
  const sound = units.every((text) => text.length > 0 && text.length <= LONGEST_UNIT);
  return sound ? undefined : `unit has not 1 to ${LONGEST_UNIT} characters`;
}

export function valuesOf(list: number | readonly number[]): readonly number[] {
  return typeof list === "number" ? [list] : list;
}
