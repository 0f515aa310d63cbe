import { shortDigest } from "../../core/digest.ts";
import type { Signal } from "../../core/playbook.ts";
import type { Clock, SignalSource } from "../../core/ports.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Milliseconds } from "../../core/time.ts";
import { createReportMemory, type Reported } from "./report-memory.ts";
import { readRequestId } from "./request-id.ts";
import { requestKeyOf } from "./request-key.ts";
import { createTallies } from "./tallies.ts";

export interface CounterOptions {
  readonly signals: readonly Signal[];
  /** Names this process in its blocks. New for each start, or with a `firstSequence` that goes on. */
  readonly node: string;
  readonly clock: Clock;
  /** 32 bytes, the same as the gateway's. */
  readonly requestKey: Uint8Array;
  readonly firstSequence?: number;
  /** How long, and how many requests at most, a repeated report is recognised for: 10 minutes, 200,000. */
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

/** Counts what the gateway sees and what applications report, per second of the request, release and signal. */
export interface Counter extends SignalSource {
  /** Makes a release attributable: ids carry its short digest. To be called for stored releases after a restart. */
  know(release: ReleaseId): void;
  /** One proxied request that ended. */
  count(second: number, release: ReleaseId, ending: Ending): void;
  /** Outcomes of one request by name. All of it counts or nothing. */
  report(requestId: string, counts: Readonly<Record<string, number>>): ReportAnswer;
  /** How many reports had each answer since the start. */
  readonly answers: Readonly<Record<ReportAnswer["kind"], number>>;
}

/** The largest number that one request may report of one outcome. */
export const MOST_PER_REQUEST = 1_000_000;
const MOST_NAMES = 64;

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
  const names = [...new Set(signals.flatMap(reportedNames))];
  const reading = signals.map((signal) => readingOf(signal, names));
  const seen = signals.map((signal) => (signal.from === "gateway" ? endingOf(signal) : undefined));

  function report(requestId: string, counts: Readonly<Record<string, number>>): ReportAnswer {
    const identity = readRequestId(key, requestId);
    if (!identity) return { kind: "rejected", reason: "the request id is not one of ours" };
    if (identity.variant === "fallback") return { kind: "excluded" };
    const release = releases.get(identity.release);
    if (!release) return { kind: "rejected", reason: "the release of the request is not known here" };
    const flaw = flawOf(counts);
    if (flaw) return { kind: "rejected", reason: flaw };
    const now = clock.now();
    const before = memory.recall(requestId, now);
    const fresh = names.map((name, index) => freshOf(counts, name, before?.[index]));
    if (fresh.every(Number.isNaN)) return before ? { kind: "duplicate" } : unnamed;
    const after = fresh.map((value, index) => (Number.isNaN(value) ? (before?.[index] ?? Number.NaN) : value));
    for (const read of reading) {
      const reason = misfitOf(read, fresh, after);
      if (reason) return { kind: "rejected", reason };
    }
    reading.forEach(({ of, part }, signal) => {
      const n = of < 0 || Number.isNaN(fresh[of]) ? 0 : fresh[of]!;
      const k = part < 0 || Number.isNaN(fresh[part]) ? 0 : fresh[part]!;
      if (n > 0 || k > 0) tallies.add(identity.second, release, signal, n, k);
    });
    if (before) before.splice(0, before.length, ...after);
    else memory.keep(requestId, after, now);
    return { kind: "counted" };
  }

  return {
    know: (release) => void releases.set(shortDigest(release), release),
    count(second, release, ending) {
      for (let signal = 0; signal < seen.length; signal++) {
        const part = seen[signal];
        if (part !== undefined) tallies.add(second, release, signal, 1, part !== "reported" && ending[part] ? 1 : 0);
      }
    },
    report(requestId, counts) {
      const answer = report(requestId, counts);
      answers[answer.kind]++;
      return answer;
    },
    drain: () => tallies.take(),
    answers,
  };
}

/** Where a signal's counts stand in a report; -1 where reports have no say. */
interface Reading {
  readonly of: number;
  readonly part: number;
  readonly signal: Signal;
}

const unnamed: ReportAnswer = { kind: "rejected", reason: "no signal uses any of the names" };

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
