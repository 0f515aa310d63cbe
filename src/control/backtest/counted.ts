import type { Signal } from "../../core/playbook.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { FrozenWindow } from "../../core/rollout.ts";
import type { Sample } from "../../core/sample.ts";
import { type Interval, interval } from "../../statistics/index.ts";

/** Bad observations of all, with the interval that their share stays in at all times with 95 % probability. */
export interface Counted {
  readonly n: number;
  readonly bad: number;
  /** Absent where there is more than one for each observation, and for values. */
  readonly interval?: Interval;
}

/** What a release did by one signal, beside what stable did. */
export interface SignalCost {
  readonly signal: string;
  /** What is bad, in the playbook's words. */
  readonly bad: string;
  readonly candidate: Counted;
  readonly reference: Counted & { readonly from: "concurrent stable" | "frozen window" | "nothing" };
  /** Bad ones beyond what stable's own share would have given; absent where stable was never seen. */
  readonly excess?: number;
}

/** Sums up both sides since the exposure. */
export interface Ledger {
  take(samples: readonly Sample[]): void;
  costs(): readonly SignalCost[];
}

const CONFIDENCE = 0.95;

/** Sums for the signals of counts; a mean and a time have no bad ones to count. */
export function createLedger(
  signals: readonly Signal[],
  arms: { readonly candidate: ReleaseId; readonly stable: ReleaseId },
  frozen: readonly FrozenWindow[],
): Ledger {
  const counting = signals.filter(({ kind }) => kind === "share" || kind === "count");
  const sums = new Map(counting.map(({ name }) => [name, { n1: 0, k1: 0, n0: 0, k0: 0 }]));
  return {
    take(samples) {
      for (const { signal, group, release, n, k } of samples) {
        const sum = sums.get(signal);
        if (!sum || group !== undefined) continue;
        if (release === arms.candidate) {
          sum.n1 += n;
          sum.k1 += k;
        } else if (release === arms.stable) {
          sum.n0 += n;
          sum.k0 += k;
        }
      }
    },
    costs: () =>
      counting.flatMap((signal) => {
        const { n1, k1, n0, k0 } = sums.get(signal.name)!;
        const window = frozen.find((one) => one.signal === signal.name);
        const from = n0 > 0 ? "concurrent stable" : window && window.n > 0 ? "frozen window" : "nothing";
        const reference = n0 > 0 || !window ? { n: n0, k: k0 } : window;
        if (n1 + reference.n === 0) return [];
        return [costOf(signal, { n: n1, k: k1 }, reference, from)];
      }),
  };
}

interface Counts {
  readonly n: number;
  readonly k: number;
}

function costOf(
  signal: Signal,
  candidate: Counts,
  reference: Counts,
  from: SignalCost["reference"]["from"],
): SignalCost {
  const counted = ({ n, k }: Counts): Counted => {
    const bad = signal.better === "down" ? k : n - k;
    return bad >= 0 && bad <= n ? { n, bad, interval: interval(n, bad, CONFIDENCE) } : { n, bad };
  };
  const [one, other] = [counted(candidate), counted(reference)];
  return {
    signal: signal.name,
    bad: signal.better === "down" ? signal.part : `${signal.of} not ${signal.part}`,
    candidate: one,
    reference: { ...other, from },
    ...(other.n > 0 ? { excess: one.bad - (one.n * other.bad) / other.n } : {}),
  };
}
