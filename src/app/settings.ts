import type { Settings } from "../control/ports.ts";
import { horizonOf } from "../core/error-budget.ts";
import type { Playbook } from "../core/playbook.ts";

/** How long a candidate keeps its share without a living controller that sees its signals. */
export const EXPOSURE_MS = 2000;

/** The cadences that follow from a playbook. Exposure ends by itself after two seconds without a living controller. */
export function settingsOf(playbook: Playbook, holder: string): Settings {
  const { how } = playbook;
  return {
    tickMs: 100,
    judgeMs: 20,
    exposureMs: EXPOSURE_MS,
    leaseMs: 3000,
    baselineMs: Math.ceil(playbook.fixed.for * 1.6),
    blindMs: Math.max(10_000, how.each),
    patienceMs: horizonOf(playbook),
    proofMs: playbook.fixed.for * 6,
    pollMs: 5000,
    readinessMs: 30_000,
    holder,
  };
}
