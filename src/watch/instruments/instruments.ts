import type { Signal } from "../../core/playbook.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Sample } from "../../core/sample.ts";
import type { Instant } from "../../core/time.ts";
import type { NumberShelf } from "../../statistics/index.ts";
import { watchDispersion } from "./dispersion.ts";
import { type Instrument, NO_DOUBTS, QUIET } from "./instrument.ts";
import { createLabelDelay } from "./label-delay.ts";
import { createLateTurns } from "./late-turns.ts";
import { createSampleRatio } from "./sample-ratio.ts";

export interface InstrumentsSetup {
  /** Those that a rule judges. */
  readonly signals: readonly Signal[];
  readonly candidate: ReleaseId;
  readonly reference: ReleaseId;
  /** Where what is looked at for every batch is kept. */
  readonly shelf?: NumberShelf;
}

/** Every check of the numbers, for every signal of a rollout. */
export interface Instruments {
  /** See `SampleRatio.exposed`. */
  exposed(at: Instant, share: number): void;
  /** Whatever wants the samples of this signal. */
  of(signal: string): Pick<Instrument, "observe">;
  /** What there is to doubt about a signal. */
  doubts(signal: string): readonly string[];
}

const NOTHING_ASKED: readonly Instrument[] = [];

/**
 * The arms' shares are told from a signal of the gateway, which sees every request, and then count for all signals; where
 * there is none, each signal is asked for its own: fewer loans of the candidate's, say, are another kind of loans.
 */
export function createInstruments({ signals, candidate, reference, shelf }: InstrumentsSetup): Instruments {
  const ratioOf = (signal: Signal, isRequest: boolean) =>
    createSampleRatio({
      signal: signal.name,
      candidate,
      reference,
      ...(!isRequest && { of: signal.of }),
      ...(signal.per !== undefined && { lump: 1 }),
    });
  const gateway = signals.find(({ from }) => from === "gateway");
  const shared = gateway && ratioOf(gateway, true);
  const ratios = shared ? [shared] : signals.map((signal) => ratioOf(signal, false));
  const asked = new Map<string, readonly Instrument[]>();
  const fed = new Map<string, readonly Instrument[]>();
  const state = { isDoubted: false };
  for (const [index, signal] of signals.entries()) {
    const own = [
      createLabelDelay({ signal, candidate, reference }),
      createLateTurns({ signal, candidate, reference }),
      watchDispersion({ signal, reference, shelf }),
    ];
    const loud = own.filter((instrument) => instrument !== QUIET);
    const ratio = shared ?? ratios[index]!;
    asked.set(signal.name, [ratio, ...loud]);
    fed.set(signal.name, !shared || signal === gateway ? [ratio, ...loud] : loud);
  }
  return {
    exposed(at, share) {
      for (const ratio of ratios) ratio.exposed(at, share);
    },
    of(signal) {
      const [only, ...others] = fed.get(signal) ?? NOTHING_ASKED;
      return new Feed(only ?? QUIET, others, state);
    },
    doubts(name) {
      if (!state.isDoubted) return NO_DOUBTS;
      for (const instrument of asked.get(name) ?? NOTHING_ASKED)
        if (instrument.doubts().length > 0) return asked.get(name)!.flatMap((one) => one.doubts());
      return NO_DOUBTS;
    },
  };
}

/** Doubts arise from samples only: while there is none, no instrument is asked. */
interface Doubted {
  isDoubted: boolean;
}

/** Hands samples to the instruments of a signal. A class, since there are very many: one object each. */
class Feed {
  readonly #first: Instrument;
  readonly #others: readonly Instrument[];
  readonly #state: Doubted;

  constructor(first: Instrument, others: readonly Instrument[], state: Doubted) {
    this.#first = first;
    this.#others = others.length === 0 ? NOTHING_ASKED : others;
    this.#state = state;
  }

  observe(batch: readonly Sample[]): void {
    this.#hand(this.#first, batch);
    for (const instrument of this.#others) this.#hand(instrument, batch);
  }

  #hand(instrument: Instrument, batch: readonly Sample[]): void {
    instrument.observe(batch);
    if (instrument.doubts().length > 0) this.#state.isDoubted = true;
  }
}
