import type { Digest } from "../core/digest.ts";
import type { RestoreAdapter, SignalSource, Store, TrafficAdapter } from "../core/ports.ts";
import type { Release, ReleaseId } from "../core/release.ts";
import type { Lease, StepRecord } from "../core/rollout.ts";
import type { Instant } from "../core/time.ts";
import { createSimulatedClock, type SimulatedClock } from "../simulation/clock.ts";
import type { FaultKind } from "../simulation/faults.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { createSeededRandom, type SeededRandom } from "../simulation/random.ts";
import { createSimulatedTarget, type SimulatedTarget } from "../simulation/simulated-target.ts";
import { createSimulatedTraffic, type SimulatedTraffic } from "../simulation/simulated-traffic.ts";
import { type Crowd, drawCrowdScenario } from "./crowd.ts";
import { createGivenTraffic } from "./given-traffic.ts";
import { notedStore, type StoreLog } from "./noted-store.ts";
import { sagaSystem } from "./saga-system.ts";
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
  /** Of every intent that is durable, by its key. */
  readonly intents: ReadonlyMap<string, StepRecord>;
  readonly intended: StoreLog["intended"];
  /** The newest lease of each resource, whoever was told of it. */
  readonly leases: ReadonlyMap<string, Lease>;
  readonly target: SimulatedTarget;
  readonly traffic: TrafficAdapter &
    Pick<SimulatedTraffic, "lastServed"> & {
      served(release: ReleaseId): { readonly requests: number };
    };
  /** What controllers are given: the same as above, unless a test breaks one of them on purpose. */
  readonly ports: WorldPorts;
  /** Rates of the target's faults; none until the release has passed the gate. */
  readonly faults: Partial<Record<FaultKind, number>>;
  /** How often something went wrong, by kind, beside what the target counts itself. */
  readonly injected: Record<string, number>;
  readonly say: (who: string, text: string) => void;
  readonly lines: readonly string[];
  /** Nothing goes wrong any more between controllers and what they reach. */
  readonly calm: () => boolean;
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
  readonly crowd?: Partial<Crowd>;
}

/** `whole`: the loop with its statistics, one controller at a time. `saga`: the decision is given, and many act on it. */
export type WorldKind = "whole" | "saga";

const START: Instant = Date.UTC(2027, 0, 1);

export function createWorld(seed: number, sabotage: Sabotage = {}, kind: WorldKind = "whole"): World {
  const random = createSeededRandom(kind === "whole" ? seed : `saga ${seed}`);
  const draw = kind === "whole" ? drawScenario : drawCrowdScenario;
  const drawn = { ...draw(random.fork("scenario")), ...sabotage.scenario };
  const crowd = drawn.crowd && { ...drawn.crowd, ...sabotage.crowd };
  const scenario = { ...drawn, ...(crowd && { crowd }) };
  const system = crowd ? sagaSystem(scenario) : seededSystem(scenario);
  const clock = createSimulatedClock(START, { closed: true });
  const log: StoreLog = { intents: new Map(), intended: new Set(), leases: new Map() };
  const store = notedStore(createMemoryStore(crowd ? { now: clock.now } : {}), log);
  const faults: World["faults"] = {};
  const target = createSimulatedTarget({
    clock,
    random: random.fork("target"),
    revisions: revisionsOf(system, crowd?.begins === "exposed"),
    faults: { rates: faults, ...(scenario.slowness ? { meanDelay: scenario.slowness } : {}) },
    ...(crowd?.rivals ? { rivals: revisionsServed(system.candidate, system) } : {}),
    ...(sabotage.guarantee ? { guarantee: sabotage.guarantee } : {}),
  });
  const injected: Record<string, number> = {};
  const { traffic, signals } = crowd ? givenEdge(crowd, system, clock) : drawnEdge(scenario, system, clock, random);
  const honest: WorldPorts = { store, target, traffic, signals };
  const said: (readonly [at: Instant, who: string, text: string])[] = [];
  return {
    seed,
    scenario,
    system,
    random,
    clock,
    store,
    intents: log.intents,
    intended: log.intended,
    leases: log.leases,
    target,
    traffic,
    ports: { ...honest, ...sabotage.ports?.(honest) },
    faults,
    injected,
    // Written out only when somebody reads them.
    get lines() {
      return said.map(([at, who, text]) => `${((at - START) / 1000).toFixed(3)} ${who} ${text}`);
    },
    say: (who, text) => void said.push([clock.now(), who, text]),
    calm: () => clock.now() - START >= (crowd?.calmAfter ?? 0),
  };
}

function givenEdge(crowd: Crowd, { playbook, stable, candidate }: SeededSystem, clock: SimulatedClock) {
  const { system } = playbook;
  const none = { system, epoch: 1, stable: stable.id, candidatePpm: 0 };
  const shared = { ...none, epoch: 2, candidate: candidate.id, candidatePpm: 100_000 };
  const traffic = createGivenTraffic(clock, crowd.begins === "exposed" ? shared : none, crowd.harmAfter);
  return { traffic, signals: traffic };
}

function drawnEdge(scenario: Scenario, system: SeededSystem, clock: SimulatedClock, random: SeededRandom) {
  const traffic = trafficOf(scenario, system, clock, random);
  return { traffic, signals: signalsOf(scenario, system, traffic) };
}

/** What a store says that did not answer. */
export function storeError(reason: string): Error {
  return new Error(reason);
}

/** Counts one fault. */
export function inject(world: World, kind: string): void {
  world.injected[kind] = (world.injected[kind] ?? 0) + 1;
  world.say("world", kind);
}

/** `swapped`: the candidate serves already. */
function revisionsOf({ playbook, stable, candidate }: SeededSystem, swapped: boolean) {
  return Object.fromEntries(
    playbook.components.map(({ name, at }): [string, [Digest, ...Digest[]]] => {
      const releases = swapped ? [candidate, stable] : [stable, candidate];
      const [first, second] = releases.map(({ revisions }) => revisions[name]!.digest) as [Digest, Digest];
      return [at, first === second ? [first] : [first, second]];
    }),
  );
}

/** By address, what a release serves there. */
function revisionsServed({ revisions }: Release, { playbook }: SeededSystem): Readonly<Record<string, Digest>> {
  return Object.fromEntries(playbook.components.map(({ name, at }) => [at, revisions[name]!.digest]));
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
