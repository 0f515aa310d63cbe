import type { Signal } from "../../core/playbook.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Instant } from "../../core/time.ts";
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
export function createInstruments({ signals, candidate, reference }: InstrumentsSetup): Instruments {
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
  /** Doubts arise from samples only: while there is none, no instrument is asked. */
  let isDoubted = false;
  for (const [index, signal] of signals.entries()) {
    const own = [
      createLabelDelay({ signal, candidate, reference }),
      createLateTurns({ signal, candidate, reference }),
      watchDispersion({ signal, reference }),
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
      const own = fed.get(signal) ?? NOTHING_ASKED;
      return {
        observe(batch) {
          for (const instrument of own) {
            instrument.observe(batch);
            if (instrument.doubts().length > 0) isDoubted = true;
          }
        },
      };
    },
    doubts(name) {
      if (!isDoubted) return NO_DOUBTS;
      for (const instrument of asked.get(name) ?? NOTHING_ASKED)
        if (instrument.doubts().length > 0) return asked.get(name)!.flatMap((one) => one.doubts());
      return NO_DOUBTS;
    },
  };
}
