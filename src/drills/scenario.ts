import type { Random } from "../core/ports.ts";
import { drawChance, drawInteger, drawPick } from "../simulation/draws.ts";
import type { FaultKind } from "../simulation/faults.ts";
import type { Crowd } from "./crowd.ts";

/**
 * What is true of the candidate, whoever believes what. `healthy`: no worse than the playbook allows. `harmful`: worse.
 * `leaking`: breaks a hard limit. `blind`: its outcomes never arrive.
 */
export type Truth = "healthy" | "harmful" | "leaking" | "blind";

/** What will go wrong in one seeded world, drawn before it begins. */
export interface Scenario {
  readonly truth: Truth;
  /** The candidate's losses over those of stable. */
  readonly ratio: number;
  readonly requestsPerSecond: number;
  readonly outcomeDelay: number;
  readonly components: number;
  /** How many of the components differ between the two releases. */
  readonly changed: number;
  readonly authority: "act" | "observe";
  /** Faults of the targets, once the release has passed the gate. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  /** Chance that a write of the store fails, before or after it was made. */
  readonly storeErrors: number;
  /** Crashes at the nth crash point that any controller reaches. */
  readonly crashAtPoint: readonly number[];
  /** Crashes at these moments after the release. */
  readonly crashAfter: readonly number[];
  /** How long nobody is there after a crash. */
  readonly downtime: number;
  /** A controller that stands still, and another one that comes up in the meantime. */
  readonly pause?: { readonly after: number; readonly span: number };
  readonly cordAfter?: number;
  /** Somebody else writes to a random component. */
  readonly rivalAfter?: number;
  /** Mean delay of a slow target. */
  readonly slowness?: number;
  /** Several controllers, and what befalls them; one at a time without it. */
  readonly crowd?: Crowd;
}

/** The line between harm and no harm in every seeded playbook: losses may rise by this much. */
export const MARGIN = 0.3;

export function drawScenario(random: Random): Scenario {
  const truth = drawPick<Truth>(random, [
    "healthy",
    "healthy",
    "healthy",
    "harmful",
    "harmful",
    "harmful",
    "leaking",
    "blind",
  ]);
  const components = drawInteger(random, 1, 5);
  const moment = () => drawInteger(random, 500, 30_000);
  const crashes = Math.max(0, drawInteger(random, -1, 3));
  const pauses = drawChance(random, 0.25);
  const span = drawInteger(random, 1000, 12_000);
  const cord = drawChance(random, 0.15);
  const rival = drawChance(random, 0.1);
  const atPoint = Array.from({ length: crashes }, () => drawInteger(random, 1, 30));
  const inTime = Array.from({ length: crashes }, moment);
  const split = drawInteger(random, 0, crashes);
  return {
    truth,
    ratio: truth === "harmful" ? 1.6 + 1.4 * random.next() : drawPick(random, [0.7, 1, 1 + MARGIN]),
    requestsPerSecond: drawInteger(random, 600, 2000),
    outcomeDelay: drawPick(random, [0, 0, 400, 1500]),
    components,
    changed: drawInteger(random, 1, components),
    authority: drawChance(random, 0.05) ? "observe" : "act",
    faults: drawFaults(random),
    storeErrors: drawPick(random, [0, 0, 0.003]),
    crashAtPoint: atPoint.slice(0, split),
    crashAfter: inTime.slice(split),
    downtime: drawPick(random, [0, 500, 2500, 6000]),
    ...(pauses ? { pause: { after: moment(), span } } : {}),
    ...(cord ? { cordAfter: moment() } : {}),
    ...(rival ? { rivalAfter: moment() } : {}),
  };
}

/** Targets that are well, that stumble, or that are half dead. */
function drawFaults(random: Random): Scenario["faults"] {
  const health = drawPick(random, ["well", "stumbling", "stumbling", "half-dead"]);
  if (health === "well") return {};
  const most = health === "stumbling" ? 0.2 : 0.6;
  const rate = () => most * random.next();
  return {
    "lost-request": rate(),
    "lost-reply": rate(),
    slow: rate(),
    duplicate: rate(),
    unreachable: rate(),
    "rival-write": drawChance(random, 0.2) ? rate() / 2 : 0,
  };
}
