import type { Digest } from "../core/digest.ts";
import type { RestoreAdapter, SignalSource, Store, TrafficAdapter } from "../core/ports.ts";
import type { Instant } from "../core/time.ts";
import { createSimulatedClock, type SimulatedClock } from "../simulation/clock.ts";
import type { FaultKind } from "../simulation/faults.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { createSeededRandom, type SeededRandom } from "../simulation/random.ts";
import { createSimulatedTarget, type SimulatedTarget } from "../simulation/simulated-target.ts";
import { createSimulatedTraffic, type SimulatedTraffic } from "../simulation/simulated-traffic.ts";
import { drawScenario, type Scenario } from "./scenario.ts";
import { type SeededSystem, seededSystem, trueRates } from "./seeded-system.ts";

/** A seeded world: its truth, and the ports through which controllers see it. It outlives every controller. */
export interface World {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly system: SeededSystem;
  readonly random: SeededRandom;
  readonly clock: SimulatedClock;
  readonly store: Store;
  readonly target: SimulatedTarget;
  readonly traffic: SimulatedTraffic;
  /** What controllers are given: the same as above, unless a test breaks one of them on purpose. */
  readonly ports: WorldPorts;
  /** Rates of the target's faults; none until the release has passed the gate. */
  readonly faults: Partial<Record<FaultKind, number>>;
  /** How often something went wrong, by kind, beside what the target counts itself. */
  readonly injected: Record<string, number>;
  readonly say: (who: string, text: string) => void;
  readonly lines: readonly string[];
}

export interface WorldPorts {
  readonly store: Store;
  readonly target: RestoreAdapter;
  readonly traffic: TrafficAdapter;
  readonly signals: SignalSource;
}

/** Breaks what controllers are given, to prove that the invariants notice. */
export interface Sabotage {
  readonly guarantee?: "idempotent" | "blind";
  readonly ports?: (ports: WorldPorts) => Partial<WorldPorts>;
  readonly scenario?: Partial<Scenario>;
}

const START: Instant = Date.UTC(2027, 0, 1);

export function createWorld(seed: number, sabotage: Sabotage = {}): World {
  const random = createSeededRandom(seed);
  const scenario = { ...drawScenario(random.fork("scenario")), ...sabotage.scenario };
  const system = seededSystem(scenario);
  const clock = createSimulatedClock(START);
  const store = createMemoryStore();
  const faults: World["faults"] = {};
  const target = createSimulatedTarget({
    clock,
    random: random.fork("target"),
    revisions: revisionsOf(system),
    faults: { rates: faults },
    ...(sabotage.guarantee ? { guarantee: sabotage.guarantee } : {}),
  });
  const traffic = trafficOf(scenario, system, clock, random);
  const injected: Record<string, number> = {};
  const honest: WorldPorts = { store, target, traffic, signals: signalsOf(scenario, system, traffic) };
  const lines: string[] = [];
  return {
    seed,
    scenario,
    system,
    random,
    clock,
    store,
    target,
    traffic,
    ports: { ...honest, ...sabotage.ports?.(honest) },
    faults,
    injected,
    lines,
    say: (who, text) => void lines.push(`${((clock.now() - START) / 1000).toFixed(3)} ${who} ${text}`),
  };
}

/** Counts one fault. */
export function inject(world: World, kind: string): void {
  world.injected[kind] = (world.injected[kind] ?? 0) + 1;
  world.say("world", kind);
}

function revisionsOf({ playbook, stable, candidate }: SeededSystem) {
  return Object.fromEntries(
    playbook.components.map(({ name, at }): [string, [Digest, ...Digest[]]] => {
      const first = stable.revisions[name]!.digest;
      const second = candidate.revisions[name]!.digest;
      return [at, first === second ? [first] : [first, second]];
    }),
  );
}

function trafficOf(scenario: Scenario, system: SeededSystem, clock: SimulatedClock, random: SeededRandom) {
  const rates = trueRates(scenario, system);
  return createSimulatedTraffic({
    clock,
    random: random.fork("traffic"),
    route: { system: system.playbook.system, epoch: 0, stable: system.stable.id, candidatePpm: 0 },
    requestsPerSecond: scenario.requestsPerSecond,
    signals: [
      { name: "losses", rates: rates.losses, delay: scenario.outcomeDelay },
      { name: "errors", rates: rates.errors },
      { name: "leaks", kind: "count", rates: rates.leaks },
    ],
  });
}

/** A blind candidate's outcomes never arrive; everybody else's do. */
function signalsOf({ truth }: Scenario, { candidate }: SeededSystem, traffic: SimulatedTraffic): SignalSource {
  if (truth !== "blind") return traffic;
  return { drain: () => traffic.drain().filter((sample) => sample.release !== candidate.id) };
}
