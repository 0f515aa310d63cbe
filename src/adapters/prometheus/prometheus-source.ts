import type { Signal } from "../../core/playbook.ts";
import type { Clock, PolledSource, SourceHealth } from "../../core/ports.ts";
import type { Sample } from "../../core/sample.ts";
import { formatDuration, type Instant, type Milliseconds } from "../../core/time.ts";
import { type Arm, type Arms, createArmNames } from "./arm-names.ts";
import { idOf } from "./counter-track.ts";
import { type Reading, readExpression } from "./expression.ts";
import type { QueryApi } from "./query-api.ts";
import { learnStep } from "./scrape-step.ts";
import type { Answer, Series } from "./series.ts";
import {
  type CountedSignal,
  createSignalCounter,
  type PrometheusSignal,
  type SignalAnswers,
  type SignalCounter,
} from "./signal-counter.ts";

export interface PrometheusSourceOptions {
  readonly api: QueryApi;
  readonly signals: readonly PrometheusSignal[];
  /** Names the source in samples; new with every start. */
  readonly node: string;
  /** Which releases are being compared now. */
  readonly arms: () => Arms;
  readonly clock: Clock;
  /** What a label's value means, besides `stable`, `candidate` and the names of a release. */
  readonly roles?: Readonly<Record<string, Arm>>;
  /** How often to ask; half the scrape interval, at least 1 s, without it. */
  readonly everyMs?: Milliseconds;
  /** The scrape interval; learnt from the server without it. */
  readonly intervalMs?: Milliseconds;
}

/** Counters hold counts. Values would have to come whole: the buckets of a histogram are not the cells of ours. */
export function isCounted(signal: Signal): signal is CountedSignal {
  return signal.kind === "share" || signal.kind === "count";
}

/** Where series of before the start are looked for, so that a counter that is only silent is not taken for a new one. */
const LOOK_BACK = "1h";
/** After a longer gap only so much is read; counters carry what was counted in between. */
const LONGEST_WINDOW: Milliseconds = 600_000;
const WORST_SKEW: Milliseconds = 10_000;
const PRESUMED_STEP: Milliseconds = 15_000;

/**
 * Counts what Prometheus' counters grew by, from raw samples with their own times. A sample's bucket is the scrape step
 * that it lies in, so that arms which are scraped at different moments of one step can be compared. Each sample counts
 * once: a cursor per series, moved only when all expressions of a signal were answered. Nothing of before the first
 * answered poll counts. Throws when made, on an expression that yields no counter.
 */
export function createPrometheusSource(options: PrometheusSourceOptions): PolledSource {
  const { api, node, clock } = options;
  const names = createArmNames(options.arms, options.roles);
  const readings = options.signals.map((setup) => ({
    of: readingOf(setup, "of"),
    part: readingOf(setup, "part"),
    created: setup.created,
  }));
  const counters: ({ readonly counter: SignalCounter; seenTo: Instant } | undefined)[] = readings.map(() => undefined);
  let step = options.intervalMs === undefined ? undefined : wholeSeconds(options.intervalMs);
  let sequence = 1;
  let learnt: Sample[] = [];
  let running: Promise<SourceHealth> | undefined;

  const grid = () => step ?? PRESUMED_STEP;

  /** Learns the scrape interval from the first series that there are. */
  async function learn(series: readonly Series[], now: Instant, signal: AbortSignal): Promise<void> {
    if (step !== undefined || series.length === 0) return;
    const selectors = readings.flatMap(({ of }) => (of.kind === "selector" ? [of.text] : []));
    const learntStep = await learnStep(api, series, selectors, now, signal);
    if (learntStep !== undefined) step = wholeSeconds(learntStep);
  }

  /** Begins to count the signals that have not begun yet and whose expressions are answered; says why others did not. */
  async function begin(now: Instant, signal: AbortSignal): Promise<{ errors: string[]; begun: boolean }> {
    const live = createAsking((text) => api.query(text, now, signal));
    const ever = createAsking((text, kind) =>
      api.query(kind === "selector" ? `last_over_time(${text}[${LOOK_BACK}])` : text, now, signal),
    );
    const errors: string[] = [];
    const answered: [index: number, answers: SignalAnswers][] = [];
    for (const [index, reading] of readings.entries()) {
      if (counters[index]) continue;
      const answer = both(await live(reading), await ever(reading), now);
      if (answer.kind === "ok") answered.push([index, answer.value]);
      else errors.push(`${options.signals[index]!.signal.name}: ${answer.reason}`);
    }
    await learn(
      answered.flatMap(([, { of }]) => of),
      now,
      signal,
    );
    for (const [index, answers] of answered) {
      const counter = createSignalCounter(options.signals[index]!, readings[index]!, names, grid);
      counter.begin(answers, now);
      counters[index] = { counter, seenTo: now };
    }
    return { errors, begun: answered.length > 0 };
  }

  async function advance(now: Instant, signal: AbortSignal): Promise<SourceHealth> {
    const going = counters.flatMap((one, index) => (one ? [{ one, index }] : []));
    const oldest = Math.min(now, ...going.map(({ one }) => one.seenTo)) - Math.max(10_000, 3 * grid());
    const from = Math.max(oldest, now - LONGEST_WINDOW);
    const ask = createAsking((text, kind) => {
      if (kind === "selector") return api.query(`${text}[${Math.ceil((now - from) / 1000)}s]`, now, signal);
      const span = grid();
      const onGrid = (at: Instant) => Math.floor(at / span) * span;
      return api.queryRange(text, { from: onGrid(from), to: onGrid(now - 500), step: span }, signal);
    });
    const answers = await Promise.all(going.map(({ index }) => ask(readings[index]!)));
    await learn(
      answers.flatMap((answer) => (answer.kind === "ok" ? answer.value.of : [])),
      now,
      signal,
    );
    const errors: string[] = [];
    const gaps: string[] = [];
    going.forEach(({ one, index }, place) => {
      const answer = answers[place]!;
      const { name } = options.signals[index]!.signal;
      if (answer.kind === "failed") {
        errors.push(`${name}: ${answer.reason}`);
        return;
      }
      one.seenTo = now;
      for (const row of one.counter.take(answer.value, now)) learnt.push({ node, sequence, signal: name, ...row });
      for (const { kind, reason } of one.counter.doubts) (kind === "error" ? errors : gaps).push(reason);
    });
    if (names.out.length === 0) gaps.push("no release is out");
    const { errors: refused, begun } = await begin(now, signal);
    if (begun) gaps.push("counting begins now: the first counts follow with the next scrapes");
    return healthOf([...errors, ...refused], gaps);
  }

  async function poll(signal: AbortSignal): Promise<SourceHealth> {
    const asked = clock.now();
    const told = await api.now(signal);
    if (told.kind === "failed") return { kind: "error", reason: told.reason };
    const now = told.value;
    names.refresh(now);
    const health = await advance(now, signal);
    const skew = Math.max(asked - now, now - clock.now());
    if (skew <= WORST_SKEW) return health;
    const reason = `the server's clock and ours are ${formatDuration(skew)} apart: set both by NTP`;
    return { kind: "error", reason: health.kind === "ok" ? reason : `${reason}; ${health.reason}` };
  }

  return {
    get everyMs() {
      return options.everyMs ?? Math.max(1000, (step ?? 2000) / 2);
    },
    poll(signal) {
      running ??= poll(signal)
        .catch((error: unknown): SourceHealth => ({ kind: "error", reason: `the answer cannot be read: ${error}` }))
        .finally(() => {
          running = undefined;
        });
      return running;
    },
    drain() {
      const known = clock.now();
      const drained = learnt.map((sample) => ({ ...sample, known }));
      learnt = [];
      if (drained.length > 0) sequence += 1;
      return drained;
    },
  };
}

type Ask = (text: string, kind: "selector" | "expression") => Promise<Answer<readonly Series[]>>;
interface Readings {
  readonly of: Exclude<Reading, { kind: "flawed" }>;
  readonly part: Exclude<Reading, { kind: "flawed" }>;
  readonly created: string | undefined;
}

/**
 * Asks for `of`, then `part`, then the created times: whoever is asked later has seen every scrape that the one before
 * had. Signals that share an expression in the same place share its answer.
 */
function createAsking(ask: Ask): (reading: Readings) => Promise<Answer<SignalAnswers>> {
  const asked = new Map<string, Promise<Answer<readonly Series[]>>>();
  const once = (place: string, text: string, kind: "selector" | "expression") => {
    const key = `${place} ${text}`;
    const answer = asked.get(key) ?? ask(text, kind);
    asked.set(key, answer);
    return answer;
  };
  return async ({ of: whole, part: portion, created }) => {
    const of = await once("of", whole.text, whole.kind);
    if (of.kind === "failed") return at("of", whole.text, of.reason);
    const part = await once(`part of ${whole.text}`, portion.text, portion.kind);
    if (part.kind === "failed") return at("part", portion.text, part.reason);
    const times = created === undefined ? undefined : await once(`created ${portion.text}`, created, "selector");
    if (times?.kind === "failed") return at("created", created ?? "", times.reason);
    return { kind: "ok", value: { of: of.value, part: part.value, created: times?.value ?? [] } };
  };
}

const at = (place: string, text: string, reason: string) =>
  ({ kind: "failed", reason: `${place}: "${text}": ${reason}` }) as const;

/** What is alive with its values, and what was silent at the start without one. */
function both(alive: Answer<SignalAnswers>, known: Answer<SignalAnswers>, now: Instant): Answer<SignalAnswers> {
  if (alive.kind === "failed") return alive;
  if (known.kind === "failed") return known;
  const merged = (place: "of" | "part"): readonly Series[] => {
    const ids = new Set(alive.value[place].map(({ labels }) => idOf(labels)));
    const silent = known.value[place].filter(({ labels }) => !ids.has(idOf(labels)));
    return [...alive.value[place], ...silent.map(({ labels }): Series => ({ labels, points: [[now, "NaN"]] }))];
  };
  return { kind: "ok", value: { of: merged("of"), part: merged("part"), created: alive.value.created } };
}

function readingOf(setup: PrometheusSignal, place: "of" | "part"): Readings["of"] {
  const reading = readExpression(setup[place], setup.release);
  if (reading.kind !== "flawed") return reading;
  throw new Error(`${setup.signal.name}: ${place}: "${setup[place]}": ${reading.reason}`);
}

function healthOf(errors: readonly string[], gaps: readonly string[]): SourceHealth {
  const reason = [...new Set([...errors, ...gaps])].join("; ").slice(0, 1000);
  if (errors.length > 0) return { kind: "error", reason };
  return gaps.length > 0 ? { kind: "no-data", reason } : { kind: "ok" };
}

const wholeSeconds = (span: Milliseconds) => Math.max(1, Math.ceil(span / 1000)) * 1000;
