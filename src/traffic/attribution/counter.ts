import { shortDigest } from "../../core/digest.ts";
import { isComparedByEnding, type Signal, type Trigger } from "../../core/playbook.ts";
import type { Clock, SignalSource } from "../../core/ports.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { type AgingMemory, createAgingMemory } from "./aging-memory.ts";
import { type Counting, createCounting } from "./counting.ts";
import { createEdgeBlocks, type EdgeAnswer } from "./edge-blocks.ts";
import { createGroupLabels, type GroupLabels } from "./group-labels.ts";
import { type Counts, flawOf, type ReportAnswer, type ReportTerms, rejected } from "./report.ts";
import { createReadings, endingOf, misfitOf, misfitOfValues, type Reported, unitFor } from "./report-reading.ts";
import { readRequestId } from "./request-id.ts";
import { requestKeyOf } from "./request-key.ts";
import { createStretches } from "./stretches.ts";
import { createTallies } from "./tallies.ts";
import { createUnits, type UnitLimits, type Units } from "./units.ts";

export interface CounterOptions {
  readonly signals: readonly Signal[];
  /** Which groups are wanted: those that triggers tell apart. */
  readonly triggers?: readonly Trigger[];
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
  readonly units?: UnitLimits;
}

/** How one request ended, as the gateway saw it. `failed`: a 5xx, a timeout, no upstream. `cancelled`: the client left. */
export interface Ending {
  readonly failed: boolean;
  readonly cancelled: boolean;
  /** How long the client waited for the last byte of the answer. Absent where there was no answer to wait for. */
  readonly seconds?: number;
}

/**
 * Outcomes of one arm that an authenticated client assigned by itself: sums over requests that it served with this
 * release in this second. Each request keeps `part` within `of`, so the sums do. With a `unit`, all of them are its.
 */
export interface ArmReport extends ReportTerms {
  readonly release: ReleaseId;
  /** In seconds since 1970: when the requests were assigned, not when their outcomes became known. */
  readonly second: number;
  /** The same for a repetition of the same report, and for nothing else; 8 to 100 characters. */
  readonly key: string;
  readonly counts: Counts;
}

/** Counts what the gateway sees and what applications report, per second of the request, release, signal and group. */
export interface Counter extends SignalSource {
  /** Makes a release attributable: ids carry its short digest. To be called for stored releases after a restart. */
  know(release: ReleaseId): void;
  /** One proxied request that ended. `unit`: what it was assigned by, which signals with `per` count here. */
  count(second: number, release: ReleaseId, ending: Ending, unit: string): void;
  /** Outcomes of one request by name. All of it counts or nothing. */
  report(requestId: string, counts: Counts, terms?: ReportTerms): ReportAnswer;
  /**
   * Outcomes of one arm by name, all or nothing, once for each key. Whoever calls this has authenticated the reporter:
   * nothing in the report proves itself.
   */
  reportArm(report: ArmReport): ReportAnswer;
  /** One block that an edge node counted: whatever came in as it, checked here. Once for each key. */
  takeBlock(block: unknown): EdgeAnswer;
  /** The shares of the arms have changed: from now on units are counted anew, so that both arms begin with nobody. */
  restartUnits(): void;
  /** Requests are shared out in another way from now on: those of before are compared among themselves. */
  endStretch(): void;
  /** Is this one of the releases known here, by its first twelve hex digits or whole? */
  knows(release: string): boolean;
  /** How many reports had each answer since the start, and how many group labels were counted as `other`. */
  readonly answers: Readonly<Record<ReportAnswer["kind"] | "otherGroups", number>>;
}

/** How far a reporter's clock may be ahead, in seconds. */
export const AHEAD = 5;

/**
 * A signal from `events` takes both its counts from reports; of one from the `gateway` each proxied request is one
 * `of`, whatever it is called there, and `part` is `failed`, `cancelled` or, by any other name, reported.
 * A (request, name) pair counts once: reports may be repeated and may come in any order. A name that is left out
 * is zero until it is reported. `part` of a share from `events` comes in the same report as its `of`, when the outcome is known, and
 * never exceeds it. A request that stable served in the candidate's place is excluded.
 */
export function createCounter(options: CounterOptions): Counter {
  const { signals, clock } = options;
  const key = requestKeyOf(options.requestKey);
  const stretches = createStretches();
  const rows = signals.map((signal) => ({
    name: signal.name,
    ...(isComparedByEnding(signal) ? { endedAt: stretches.endedAt } : {}),
  }));
  const tallies = createTallies(options.node, rows, options.firstSequence ?? 1);
  const memory = createAgingMemory<Reported>(options.memory?.span ?? 600_000, options.memory?.requests ?? 200_000);
  const units = createUnits(key, options.units);
  const groups = createGroupLabels(signals, options.triggers ?? []);
  const counting = createCounting(signals, tallies, units);
  const releases = new Map<string, ReleaseId>();
  const answers = { counted: 0, duplicate: 0, excluded: 0, rejected: 0, otherGroups: 0 };
  const take = takerOf({ signals, memory, units, groups, counting });
  const blocks = createEdgeBlocks({
    signals,
    groups,
    tallies,
    knows: (id) => releases.get(shortDigest(id)) === id,
    now: clock.now,
  });

  function report(requestId: string, counts: Counts, terms: ReportTerms): ReportAnswer {
    const identity = readRequestId(key, requestId);
    if (!identity) return rejected("the request id is not one of ours");
    if (identity.variant === "fallback") return { kind: "excluded" };
    const release = releases.get(identity.release);
    if (!release) return rejected("the release of the request is not known here");
    return take({ id: requestId, second: identity.second, release }, counts, terms, clock.now());
  }

  function reportArm({ release, second, key: once, counts, ...terms }: ArmReport): ReportAnswer {
    const now = clock.now();
    if (releases.get(shortDigest(release)) !== release) return rejected("the release is not known here");
    if (!Number.isInteger(second) || second < 0) return rejected("second is not a whole number of seconds since 1970");
    if (second > now / 1000 + AHEAD) return rejected("second lies in the future; look at the reporter's clock");
    if (once.length < 8 || once.length > 100) return rejected("key has not 8 to 100 characters");
    // No request id has a blank in it.
    const id = `${once} ${second} ${shortDigest(release)}`;
    return memory.get(id, now) ? { kind: "duplicate" } : take({ id, second, release }, counts, terms, now);
  }

  const counted = (answer: ReportAnswer): ReportAnswer => {
    answers[answer.kind]++;
    if (answer.kind === "counted") answers.otherGroups += answer.otherGroups ?? 0;
    return answer;
  };
  const seen = signals.flatMap((signal, index) => (signal.from === "gateway" ? [{ signal, index }] : []));
  return {
    know: (release) => void releases.set(shortDigest(release), release),
    count(second, release, ending, unit) {
      for (const { signal, index } of seen) {
        const told = toldBy(signal, ending);
        if (!told) continue;
        const named = signal.per === undefined ? told : { ...told, unit: units.nameOf(signal.per, unit, release) };
        counting(index, second, release, named, clock.now());
      }
    },
    report: (requestId, counts, terms = {}) => counted(report(requestId, counts, terms)),
    reportArm: (arm) => counted(reportArm(arm)),
    takeBlock: blocks.take,
    endStretch: () => stretches.end(clock.now()),
    restartUnits: () => units.restart(Math.floor(clock.now() / 1000)),
    knows: (release) => releases.has(shortDigest(release)),
    drain: () => tallies.take(clock.now()),
    answers,
  };
}

/** What the end of a request tells of a signal from the gateway. */
function toldBy(signal: Signal, ending: Ending): { n: number; k: number; values?: readonly number[] } | undefined {
  const { kind, unit } = signal;
  if (kind === "mean") return undefined;
  if (kind !== "time") {
    const part = endingOf(signal);
    return { n: 1, k: part !== "reported" && ending[part] ? 1 : 0 };
  }
  const { seconds } = ending;
  if (seconds === undefined) return undefined;
  return { n: 1, k: 0, values: [unit === "milliseconds" ? seconds * 1000 : seconds] };
}

interface TakerParts {
  readonly signals: readonly Signal[];
  readonly memory: AgingMemory<Reported>;
  readonly units: Units;
  readonly groups: GroupLabels;
  readonly counting: Counting;
}

/** What a report is of, under the id that it is remembered by. */
interface Origin {
  readonly id: string;
  readonly second: number;
  readonly release: ReleaseId;
}

/** Counts what a report says for the first time under its id, all of it or nothing. */
function takerOf({ signals, memory, units, groups, counting }: TakerParts) {
  const readings = createReadings(signals);
  return ({ id, second, release }: Origin, counts: Counts, terms: ReportTerms, now: Instant): ReportAnswer => {
    const flaw = flawOf(counts, terms);
    if (flaw) return rejected(flaw);
    const before = memory.get(id, now);
    const fresh = readings.fresh(counts, terms, before);
    if (fresh.every(Number.isNaN)) return before ? { kind: "duplicate" } : rejected("no signal uses any of the names");
    const after = fresh.map((value, place) => (Number.isNaN(value) ? (before?.[place] ?? Number.NaN) : value));
    const at = (place: number) => (place < 0 || Number.isNaN(fresh[place]) ? 0 : fresh[place]!);
    const valuesAt = (place: number) => (at(place) > 0 ? readings.valuesAt(place, terms) : []);
    for (const reading of readings.signals) {
      const reason = misfitOf(reading, fresh, after, terms) ?? misfitOfValues(reading.signal, valuesAt(reading.value));
      if (reason) return rejected(reason);
    }
    const other = new Set<string>();
    readings.signals.forEach(({ signal, of, part, value }, index) => {
      const values = valuesAt(value);
      const told = values.length > 0 ? { n: values.length, k: 0, values } : { n: at(of), k: at(part) };
      if (told.n === 0 && told.k === 0) return;
      const named = signal.per === undefined ? undefined : unitFor(signal.per, terms);
      const unit = named === undefined ? {} : { unit: units.nameOf(signal.per!, named, release) };
      counting(
        index,
        second,
        release,
        { ...told, ...unit, groups: groupsOf(groups, index, signal, terms, other) },
        now,
      );
    });
    if (before) before.splice(0, before.length, ...after);
    else memory.add(id, after, now);
    return other.size > 0 ? { kind: "counted", otherGroups: other.size } : { kind: "counted" };
  };
}

/** Of the labels that a report has, those by which a trigger tells the signal's outcomes apart. The gateway knows no groups of its own. */
function groupsOf(
  groups: GroupLabels,
  index: number,
  signal: Signal,
  { groups: said = {} }: ReportTerms,
  other: Set<string>,
): readonly string[] {
  if (signal.from === "gateway" && signal.kind !== "mean") return [];
  return groups.acrossOf(index).flatMap((label) => {
    if (!Object.hasOwn(said, label)) return [];
    const found = groups.groupOf(label, said[label]!);
    if (found.other) other.add(label);
    return [found.group];
  });
}
