import type { ReleaseId } from "../../core/release.ts";
import type { Outcome } from "./outcome.ts";

/** One item of `POST /v1/outcomes`. */
export type Report = Readonly<Record<string, unknown>>;

/** Outcomes that have not been taken yet. */
export interface OutcomeBacklog {
  addRequest(request: string, outcome: Outcome): void;
  addArm(system: string, release: ReleaseId, second: number, outcome: Outcome): void;
  /** The oldest reports, which stay the same from now on until they are `done` with. */
  next(): readonly Report[];
  /** The first of them have been taken, or will never be. */
  done(reports: number): void;
  /** Gives everything up. */
  clear(): void;
  readonly size: number;
  readonly dropped: number;
}

/** Outcomes of one arm, second, group and unit, added up; values stay what they were. */
interface OpenSum {
  readonly system: string;
  readonly release: ReleaseId;
  readonly second: number;
  readonly counts: Record<string, number>;
  readonly values?: Record<string, number[]>;
  readonly groups?: Outcome["groups"];
  readonly unit?: Outcome["unit"];
}

const BATCH = 1_000;
const MOST_IN_ONE = 1_000_000;
const MOST_VALUES = 100;
/** So many values weigh as much in a body as one report. */
const VALUES_OF_A_REPORT = 4;

/** Sums up what belongs together; `own` makes the keys of its reports unique. Beyond `most` the oldest are given up. */
export function createOutcomeBacklog(own: string, most: number): OutcomeBacklog {
  const sums = new Map<string, OpenSum>();
  const waiting: Report[] = [];
  let serial = 0;
  let handedOut = 0;
  let dropped = 0;

  function seal(): void {
    for (const sum of sums.values()) waiting.push({ ...sum, key: `${own}:${++serial}` });
    sums.clear();
    if (waiting.length > most) dropped += waiting.splice(handedOut, waiting.length - most).length;
  }

  return {
    addRequest(request, outcome) {
      waiting.push({ request, ...outcome });
      if (waiting.length > most + BATCH) seal();
    },
    addArm(system, release, second, outcome) {
      const { counts, values, ...terms } = outcome;
      const names = [...Object.keys(counts), ...Object.keys(values ?? {}).map((name) => `=${name}`)].sort();
      const kind = JSON.stringify([system, release, second, names, terms.groups, terms.unit]);
      const sum = sums.get(kind);
      if (sum && fits(sum, outcome)) addTo(sum, outcome);
      else {
        if (sum || sums.size >= most) seal();
        const lists = values && Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]]));
        sums.set(kind, {
          system,
          release,
          second,
          counts: { ...counts },
          ...(lists ? { values: lists } : {}),
          ...terms,
        });
      }
    },
    next() {
      seal();
      const batch = waiting.slice(0, lengthOfBatch(waiting));
      handedOut = batch.length;
      return batch;
    },
    done(reports) {
      waiting.splice(0, reports);
      handedOut = 0;
    },
    clear() {
      dropped += waiting.splice(0).length + sums.size;
      sums.clear();
    },
    get size() {
      return waiting.length + sums.size;
    },
    get dropped() {
      return dropped;
    },
  };
}

function addTo(sum: OpenSum, { counts, values = {} }: Outcome): void {
  for (const name in counts) sum.counts[name]! += counts[name]!;
  for (const name in values) sum.values![name]!.push(values[name]!);
}

function fits(sum: OpenSum, { counts, values = {} }: Outcome): boolean {
  for (const name in counts) if (sum.counts[name]! + counts[name]! > MOST_IN_ONE) return false;
  for (const name in values) if (sum.values![name]!.length >= MOST_VALUES) return false;
  return true;
}

/** At least one report, and as many as make a body of well below 1 MiB. */
function lengthOfBatch(waiting: readonly Report[]): number {
  let weight = 0;
  for (const [place, { values = {} }] of waiting.entries()) {
    const lists = Object.values(values as Readonly<Record<string, number | readonly number[]>>);
    weight +=
      1 +
      lists.reduce<number>((sum, list) => sum + (typeof list === "number" ? 1 : list.length), 0) / VALUES_OF_A_REPORT;
    if (weight > BATCH && place > 0) return place;
  }
  return waiting.length;
}
