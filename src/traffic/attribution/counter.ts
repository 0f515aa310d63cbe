import { shortDigest } from "../../core/digest.ts";
import type { Signal } from "../../core/playbook.ts";
import type { Clock, SignalSource } from "../../core/ports.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { createReportMemory, type Reported, type ReportMemory } from "./report-memory.ts";
import { readRequestId } from "./request-id.ts";
import { requestKeyOf } from "./request-key.ts";
import { createTallies, type Tallies } from "./tallies.ts";

export interface CounterOptions {
  readonly signals: readonly Signal[];
  /** Names this process in its blocks. New for each start, or with a `firstSequence` that goes on. */
  readonly node: string;
  readonly clock: Clock;
  /** 32 bytes, the same as the gateway's. */
  readonly requestKey: Uint8Array;
  readonly firstSequence?: number;
  /**
   * How long, and how many reports at most, a repeated one is recognised for: 10 minutes, 200,000. Beyond either, and
   * after a restart, a repeated report counts again.
   */
  readonly memory?: { readonly span: Milliseconds; readonly requests: number };
}

/** How one request ended, as the gateway saw it. `failed`: a 5xx, a timeout, no upstream. `cancelled`: the client left. */
export interface Ending {
  readonly failed: boolean;
  readonly cancelled: boolean;
}

export type ReportAnswer =
  | { readonly kind: "counted" | "duplicate" | "excluded" }
  | { readonly kind: "rejected"; readonly reason: string };

/**
 * Outcomes of one arm that an authenticated client assigned by itself: sums over requests that it served with this
 * release in this second. Each request keeps `part` within `of`, so the sums do.
 */
export interface ArmReport {
  readonly release: ReleaseId;
  /** In seconds since 1970: when the requests were assigned, not when their outcomes became known. */
  readonly second: number;
  /** The same for a repetition of the same report, and for nothing else; 8 to 100 characters. */
  readonly key: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** Counts what the gateway sees and what applications report, per second of the request, release and signal. */
export interface Counter extends SignalSource {
  /** Makes a release attributable: ids carry its short digest. To be called for stored releases after a restart. */
  know(release: ReleaseId): void;
  /** One proxied request that ended. */
  count(second: number, release: ReleaseId, ending: Ending): void;
  /** Outcomes of one request by name. All of it counts or nothing. */
  report(requestId: string, counts: Readonly<Record<string, number>>): ReportAnswer;
  /**
   * Outcomes of one arm by name, all or nothing, once for each key. Whoever calls this has authenticated the reporter:
   * nothing in the report proves itself.
   */
  reportArm(report: ArmReport): ReportAnswer;
  /** Is this one of the releases known here, by its first twelve hex digits or whole? */
  knows(release: string): boolean;
  /** How many reports had each answer since the start. */
  readonly answers: Readonly<Record<ReportAnswer["kind"], number>>;
}

/** The largest number that one report may hold of one outcome. */
export const MOST_PER_REQUEST = 1_000_000;
const MOST_NAMES = 64;
/** How far a reporter's clock may be ahead, in seconds. */
const AHEAD = 5;

/**
 * A signal from `events` takes both its counts from reports; of one from the `gateway` each proxied request is one
 * `of`, whatever it is called there, and `part` is `failed`, `cancelled` or, by any other name, reported.
 * A (request, name) pair counts once: reports may be repeated and may come in any order. A name that is left out
 * is zero until it is reported. `part` of a share comes in the same report as its `of`, when the outcome is known, and
 * never exceeds it. A request that stable served in the candidate's place is excluded.
 */
export function createCounter(options: CounterOptions): Counter {
  const { signals, clock } = options;
  const key = requestKeyOf(options.requestKey);
  const tallies = createTallies(
    options.node,
    signals.map((signal) => signal.name),
    options.firstSequence ?? 1,
  );
  const memory = createReportMemory(options.memory?.span ?? 600_000, options.memory?.requests ?? 200_000);
  const releases = new Map<string, ReleaseId>();
  const answers = { counted: 0, duplicate: 0, excluded: 0, rejected: 0 };
  const take = takerOf(signals, tallies, memory);
  const seen = signals.map((signal) => (signal.from === "gateway" ? endingOf(signal) : undefined));

  function report(requestId: string, counts: Counts): ReportAnswer {
    const identity = readRequestId(key, requestId);
    if (!identity) return rejected("the request id is not one of ours");
    if (identity.variant === "fallback") return { kind: "excluded" };
    const release = releases.get(identity.release);
    if (!release) return rejected("the release of the request is not known here");
    return take(requestId, identity.second, release, counts, clock.now());
  }

  function reportArm({ release, second, key: once, counts }: ArmReport): ReportAnswer {
    const now = clock.now();
    if (releases.get(shortDigest(release)) !== release) return rejected("the release is not known here");
    if (!Number.isInteger(second) || second < 0) return rejected("second is not a whole number of seconds since 1970");
    if (second > now / 1000 + AHEAD) return rejected("second lies in the future; look at the reporter's clock");
    if (once.length < 8 || once.length > 100) return rejected("key has not 8 to 100 characters");
    // No request id has a blank in it.
    const id = `${once} ${second} ${shortDigest(release)}`;
    return memory.recall(id, now) ? { kind: "duplicate" } : take(id, second, release, counts, now);
  }

  const counted = (answer: ReportAnswer): ReportAnswer => {
    answers[answer.kind]++;
    return answer;
  };
  return {
    know: (release) => void releases.set(shortDigest(release), release),
    count(second, release, ending) {
      for (let signal = 0; signal < seen.length; signal++) {
        const part = seen[signal];
        if (part !== undefined) tallies.add(second, release, signal, 1, part !== "reported" && ending[part] ? 1 : 0);
      }
    },
    report: (requestId, counts) => counted(report(requestId, counts)),
    reportArm: (arm) => counted(reportArm(arm)),
    knows: (release) => releases.has(shortDigest(release)),
    drain: () => tallies.take(),
    answers,
  };
}

/** Counts what a report says for the first time under its id, all of it or nothing. */
function takerOf(signals: readonly Signal[], tallies: Tallies, memory: ReportMemory) {
  const names = [...new Set(signals.flatMap(reportedNames))];
  const reading = signals.map((signal) => readingOf(signal, names));
  return (id: string, second: number, release: ReleaseId, counts: Counts, now: Instant): ReportAnswer => {
    const flaw = flawOf(counts);
    if (flaw) return rejected(flaw);
    const before = memory.recall(id, now);
    const fresh = names.map((name, index) => freshOf(counts, name, before?.[index]));
    if (fresh.every(Number.isNaN)) return before ? { kind: "duplicate" } : rejected("no signal uses any of the names");
    const after = fresh.map((value, index) => (Number.isNaN(value) ? (before?.[index] ?? Number.NaN) : value));
    for (const read of reading) {
      const reason = misfitOf(read, fresh, after);
      if (reason) return rejected(reason);
    }
    reading.forEach(({ of, part }, signal) => {
      const n = of < 0 || Number.isNaN(fresh[of]) ? 0 : fresh[of]!;
      const k = part < 0 || Number.isNaN(fresh[part]) ? 0 : fresh[part]!;
      if (n > 0 || k > 0) tallies.add(second, release, signal, n, k);
    });
    if (before) before.splice(0, before.length, ...after);
    else memory.keep(id, after, now);
    return { kind: "counted" };
  };
}

/** Where a signal's counts stand in a report; -1 where reports have no say. */
interface Reading {
  readonly of: number;
  readonly part: number;
  readonly signal: Signal;
}

type Counts = Readonly<Record<string, number>>;

function rejected(reason: string): ReportAnswer {
  return { kind: "rejected", reason };
}

function readingOf(signal: Signal, names: readonly string[]): Reading {
  if (signal.from === "events") return { of: names.indexOf(signal.of), part: names.indexOf(signal.part), signal };
  return { of: -1, part: endingOf(signal) === "reported" ? names.indexOf(signal.part) : -1, signal };
}

function reportedNames(signal: Signal): string[] {
  if (signal.from === "events") return [signal.of, signal.part];
  return endingOf(signal) === "reported" ? [signal.part] : [];
}

function endingOf(signal: Signal): keyof Ending | "reported" {
  return signal.part === "failed" || signal.part === "cancelled" ? signal.part : "reported";
}

/** What a report says of a name for the first time; NaN when it says nothing new. */
function freshOf(counts: Readonly<Record<string, number>>, name: string, before = Number.NaN): number {
  return Object.hasOwn(counts, name) && Number.isNaN(before) ? counts[name]! : Number.NaN;
}

function flawOf(counts: Readonly<Record<string, number>>): string | undefined {
  const entries = Object.entries(counts);
  if (entries.length > MOST_NAMES) return `more than ${MOST_NAMES} names`;
  const flawed = entries.find(([, value]) => !Number.isInteger(value) || value < 0 || value > MOST_PER_REQUEST);
  return flawed && `${flawed[0]} is not a whole number from 0 to ${MOST_PER_REQUEST}`;
}

function misfitOf({ of, part, signal }: Reading, fresh: Reported, after: Reported): string | undefined {
  if (signal.kind !== "share" || part < 0 || Number.isNaN(fresh[part])) return undefined;
  const whole = of < 0 ? 1 : after[of]!;
  if (Number.isNaN(whole)) return `${signal.part} came without ${signal.of}`;
  if (of >= 0 && Number.isNaN(fresh[of]) && fresh[part]! > 0)
    return `${signal.of} was reported before; report it together with ${signal.part}, when the outcome is known`;
  return fresh[part]! > whole ? `${signal.part} exceeds ${signal.of}` : undefined;
}
