import type { Random } from "../core/ports.ts";
import { drawChance, drawInteger, drawPick } from "../simulation/draws.ts";
import type { Scenario } from "./scenario.ts";

/**
 * Several controllers over one store, and what may befall each of them at any of its awaits, until it is calm.
 * All chances are per await.
 */
export interface Crowd {
  readonly controllers: number;
  /** Where the rollout stands when they come: before its deployment, or with a share of traffic. */
  readonly begins: "pending" | "exposed";
  /** The candidate breaks a hard limit so long after its first request; never without it. */
  readonly harmAfter?: number;
  readonly crash: number;
  readonly pause: number;
  /** Longest pause; three seconds are a lease. */
  readonly longestPause: number;
  /** A call to the store that takes long, whose request is lost, or whose answer is. */
  readonly storeSlow: number;
  readonly storeLost: number;
  /** A controller that reaches the store, or the targets, no more for a while. */
  readonly cutOff: number;
  /** How wrong the clock of each controller is at first, and how far it jumps at some moment. */
  readonly skews: readonly number[];
  readonly jump: number;
  /** So long after the start nothing goes wrong any more. */
  readonly calmAfter: number;
  readonly downtime: number;
  /** Whoever acts holds a standing seat, which others take over; else a lease for each rollout. */
  readonly seats: boolean;
  /** What is sent to a target may arrive long after everybody has given it up, and gone back. */
  readonly congested: boolean;
  /** Somebody beside each component brings the candidate back whenever it is not frozen. */
  readonly rivals: boolean;
}

const HOUR = 3_600_000;
/** Mostly few: what one step does to another shows with two, and each costs as much as all that is not a step. */
const COMPONENTS = [1, 1, 1, 2, 2, 2, 2, 3, 3, 5];

export function drawCrowd(random: Random): Crowd {
  const controllers = drawInteger(random, 2, 5);
  const rate = (rates: readonly number[]) => drawPick(random, rates);
  const wrongClocks = drawChance(random, 0.5);
  const skew = () => (wrongClocks ? drawPick(random, [0, -500, 4000, -30_000, HOUR, -HOUR]) : 0);
  const congested = drawChance(random, 0.15);
  const begins = congested || drawChance(random, 0.25) ? "pending" : "exposed";
  return {
    controllers,
    begins,
    ...(drawChance(random, 0.7) ? { harmAfter: drawInteger(random, 0, 3000) } : {}),
    crash: rate([0, 0.02, 0.062]),
    pause: rate([0, 0.02, 0.055]),
    longestPause: rate([2000, 8000, 20_000]),
    storeSlow: rate([0, 0.18, 0.44]),
    storeLost: rate([0, 0, 0.02, 0.08]),
    cutOff: rate([0, 0, 0.015, 0.04]),
    skews: Array.from({ length: controllers }, skew),
    jump: wrongClocks ? drawPick(random, [0, HOUR, -HOUR]) : 0,
    calmAfter: drawInteger(random, 3000, 25_000),
    downtime: rate([0, 500, 4000]),
    seats: drawChance(random, 0.5),
    congested,
    rivals: begins === "exposed" && drawChance(random, 0.3),
  };
}

/** What goes wrong outside of the controllers in such a world. */
export function drawCrowdScenario(random: Random): Scenario {
  const crowd = drawCrowd(random);
  const components = drawPick(random, COMPONENTS);
  const cord = crowd.harmAfter === undefined || drawChance(random, 0.3);
  const rival = drawChance(random, 0.1);
  const half = drawChance(random, 0.25);
  const most = crowd.congested ? 0 : drawPick(random, [0, 0.15, 0.3, 0.6]);
  const fault = () => (drawChance(random, 0.5) ? most * random.next() : 0);
  return {
    truth: crowd.harmAfter === undefined ? "healthy" : "leaking",
    ratio: 1,
    requestsPerSecond: 1000,
    outcomeDelay: 0,
    components,
    changed: drawInteger(random, Math.ceil(components / 3), components),
    authority: "act",
    faults: {
      "lost-request": fault(),
      "lost-reply": fault(),
      slow: crowd.congested ? 0.8 : 1.4 * fault(),
      duplicate: fault(),
      unreachable: fault(),
      "late-view": fault(),
      "half-applied": half ? fault() / 2 : 0,
      "rival-write": rival ? fault() / 4 : 0,
    },
    slowness: crowd.congested ? 60_000 : drawPick(random, [300, 2000, 8000]),
    storeErrors: 0,
    crashAtPoint: [],
    crashAfter: [],
    downtime: crowd.downtime,
    ...(cord ? { cordAfter: drawInteger(random, 0, 9000) } : {}),
    ...(drawChance(random, 0.1) ? { rivalAfter: drawInteger(random, 0, 15_000) } : {}),
    crowd,
  };
}
