import { isReportedLater, maturityOf, type Signal } from "../../core/playbook.ts";
import type { ReleaseId } from "../../core/release.ts";
import type { Sample } from "../../core/sample.ts";
import { formatDuration, type Milliseconds } from "../../core/time.ts";
import { type Instrument, NO_DOUBTS, QUIET } from "./instrument.ts";

export interface LateTurnsSetup {
  readonly signal: Signal;
  readonly candidate: ReleaseId;
  readonly reference: ReleaseId;
}

/** So many bad outcomes that came too late are no accident. */
const SOME = 20;
/** And this part of an arm's bad ones: fewer hide little of its harm. */
const MANY = 0.1;
const SECOND: Milliseconds = 1000;

/** Bad outcomes of one arm, and those of them that nothing was compared with any more. */
interface Turns {
  bad: number;
  late: number;
}

/**
 * Do units or requests turn bad after their second was compared? Then `labels` says less than is true, and this harm is no
 * evidence: what was compared cannot be compared again. A count, and no test: every one of them is known for certain. What
 * comes late for the first time is compared as it comes, so only what changes what was counted before is missed.
 */
export function createLateTurns({ signal, candidate, reference }: LateTurnsSetup): Instrument {
  const maturity = maturityOf(signal);
  if (maturity === 0 || !(signal.kind === "share" || isReportedLater(signal))) return QUIET;
  const arms = new Map<ReleaseId, Turns>([candidate, reference].map((release) => [release, { bad: 0, late: 0 }]));
  let doubts = NO_DOUBTS;
  return {
    observe(batch) {
      if (doubts.length > 0) return;
      for (const sample of batch) {
        const arm = arms.get(sample.release);
        if (!arm || sample.signal !== signal.name || sample.group !== undefined) continue;
        const { bucket, known = bucket } = sample;
        arm.bad += signal.better === "up" ? sample.n - sample.k : sample.k;
        if (known < bucket + SECOND + maturity) continue;
        arm.late += turned(sample, signal);
        if (arm.late >= SOME && arm.late > MANY * arm.bad) doubts = [sentence(signal, arm, maturity)];
      }
    },
    doubts: () => doubts,
  };
}

/** How many that were counted before have turned bad, at least: more are bad than there are. */
function turned({ n, k }: Sample, { better }: Signal): number {
  return Math.max(0, better === "up" ? -k : k - n);
}

function sentence({ name, per = "request" }: Signal, { late, bad }: Turns, maturity: Milliseconds): string {
  return `\`labels\` of ${name} is too short: ${late} of ${bad} bad ones turned bad when their ${per} was older than ${formatDuration(maturity)}, and are no evidence`;
}
