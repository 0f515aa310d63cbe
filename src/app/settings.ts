import type { Settings } from "../control/ports.ts";
import type { Playbook } from "../core/playbook.ts";

/** The cadences that follow from a playbook. Exposure ends by itself after two seconds without a living controller. */
export function settingsOf(playbook: Playbook, holder: string): Settings {
  const horizon = playbook.how.each * playbook.how.steps.length;
  return {
    tickMs: 100,
    exposureMs: 2000,
    leaseMs: 3000,
    baselineMs: Math.ceil(playbook.fixed.for * 1.6),
    blindMs: Math.max(10_000, playbook.how.each),
    patienceMs: horizon * 4,
    proofMs: playbook.fixed.for * 6,
    pollMs: 5000,
    holder,
  };
}
