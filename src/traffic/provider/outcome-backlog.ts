import type { ReleaseId } from "../../core/release.ts";

export type Counts = Readonly<Record<string, number>>;

/** One item of `POST /v1/outcomes`. */
export type Report = Readonly<Record<string, unknown>>;

/** Outcomes that have not been taken yet. */
export interface OutcomeBacklog {
  addRequest(request: string, counts: Counts): void;
  addArm(system: string, release: ReleaseId, second: number, counts: Counts): void;
  /** The oldest reports, which stay the same from now on until they are `done` with. */
  next(): readonly Report[];
  /** The first of them have been taken, or will never be. */
  done(reports: number): void;
  /** Gives everything up. */
  clear(): void;
  readonly size: number;
  readonly dropped: number;
}

interface OpenSum {
  readonly system: string;
  readonly release: ReleaseId;
  readonly second: number;
  readonly counts: Record<string, number>;
}

const BATCH = 1_000;
const MOST_IN_ONE = 1_000_000;

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
    addRequest(request, counts) {
      waiting.push({ request, counts });
      if (waiting.length > most + BATCH) seal();
    },
    addArm(system, release, second, counts) {
      const kind = `${system} ${release} ${second} ${Object.keys(counts).sort().join(" ")}`;
      const sum = sums.get(kind);
      if (sum && fits(sum.counts, counts)) for (const name in counts) sum.counts[name]! += counts[name]!;
      else {
        if (sum || sums.size >= most) seal();
        sums.set(kind, { system, release, second, counts: { ...counts } });
      }
    },
    next() {
      seal();
      const batch = waiting.slice(0, BATCH);
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

function fits(sum: Counts, more: Counts): boolean {
  for (const name in more) if (sum[name]! + more[name]! > MOST_IN_ONE) return false;
  return true;
}
