import { digestOf } from "../core/digest.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { Rollout } from "../core/rollout.ts";
import type { Instant } from "../core/time.ts";
import { drawInteger, drawPick } from "../simulation/draws.ts";
import { createSeededIds } from "../simulation/ids.ts";
import { bootController, type ControllerProcess } from "./controller-process.ts";
import { checkEnd } from "./invariants.ts";
import { liveInCrowd, outcomeOf } from "./live-in-crowd.ts";
import type { Truth } from "./scenario.ts";
import { seededSettings } from "./seeded-system.ts";
import { createWitness, type Witness } from "./witness.ts";
import { createWorld, inject, type Sabotage, type World, type WorldKind } from "./world.ts";

/** What happened in one seeded world. The same seed gives the same bytes. */
export interface SeedResult {
  readonly seed: number;
  readonly truth: Truth;
  readonly outcome: string;
  readonly violations: readonly string[];
  /** Faults that were injected, by kind. */
  readonly injected: Readonly<Record<string, number>>;
  readonly trace: string;
  readonly world: World;
}

/** Long enough for the last late request to land. */
const SETTLE_MS = 30_000;
const LONGEST_MS = 3_600_000;
/** Targets that stay half dead keep the way back red, and a sound release waits for it: they are mended after so long. */
const MENDED_AFTER_MS = 900_000;
const MOST_BOOTS = 40;
const MOST_RETRIES = 5;

/** Runs the production loop in the world of one seed, from the adoption of stable to the end of one rollout. */
export async function runSeed(seed: number, sabotage: Sabotage = {}, kind: WorldKind = "whole"): Promise<SeedResult> {
  const world = createWorld(seed, sabotage, kind);
  const witness = createWitness(world);
  const { truth } = world.scenario;
  let outcome = "not ended";
  try {
    const lived = kind === "saga" ? liveInCrowd(world, witness) : live(world, witness);
    outcome = await world.clock.run(lived, { within: LONGEST_MS });
  } catch (error) {
    witness.violate(`the run broke: ${(error as Error).message}`);
  }
  const entries = await world.store.entries(0, Number.MAX_SAFE_INTEGER);
  const injected = { ...world.injected, ...world.target.injected };
  return {
    seed,
    truth,
    outcome,
    violations: witness.violations,
    injected,
    world,
    // Few are read.
    get trace() {
      const scenario = `world ${JSON.stringify(world.scenario)}`;
      const effects = world.target.effects.map((effect) => JSON.stringify(effect));
      const leaves = entries.map(({ leaf }) => leaf);
      return [scenario, ...world.lines, ...effects, ...leaves, `ended: ${outcome}`].join("\n");
    },
  };
}

/** The digest of a trace, to compare replays by. */
export function traceDigest({ trace }: SeedResult): string {
  return digestOf(trace);
}

async function live(world: World, witness: Witness): Promise<string> {
  const crew = createCrew(world, witness);
  const id = await openRollout(world, crew);
  Object.assign(world.faults, world.scenario.faults);
  const calm = new AbortController();
  const nemesis = Promise.all([plague(world, crew, id, calm.signal), mend(world, calm.signal)]);
  let rollout = await drive(world, witness, crew, id, ({ endedAt }) => endedAt !== undefined);
  const first = outcomeOf(rollout);
  calm.abort();
  await nemesis;
  await world.clock.sleep(SETTLE_MS);
  for (let tries = 0; rollout.rollback?.outcome === "stuck" && tries < MOST_RETRIES; tries++) {
    world.say("person", "mends the target and runs it again");
    rollout = await drive(world, witness, crew, id, ({ endedAt, rollback }) => {
      return endedAt !== undefined && rollback?.outcome !== "stuck";
    });
  }
  await world.clock.sleep(SETTLE_MS);
  await checkEnd(world, witness, id);
  await checkGate(world, witness, crew);
  return first;
}

/** Adopts stable and opens the rollout of the candidate, against a store that may fail. */
async function openRollout(world: World, crew: Crew): Promise<string> {
  for (;;) {
    const { control } = await crew.someone();
    try {
      await control.adopt(world.system.stable);
      return (await control.release(world.system.candidate)).id;
    } catch (error) {
      world.say("person", `cannot release: ${(error as Error).message}`);
      const [open] = await world.store.rollouts(world.system.playbook.system);
      if (open) return open.id;
    }
  }
}

/** Keeps somebody at work until it is done: boots a controller wherever none is left that runs the rollout. */
async function drive(
  world: World,
  witness: Witness,
  crew: Crew,
  id: string,
  done: (rollout: Rollout) => boolean,
): Promise<Rollout> {
  for (;;) {
    const rollout = (await world.store.rollout(id))!;
    if (done(rollout)) return rollout;
    if (crew.boots() > MOST_BOOTS) {
      witness.violate(`nobody can finish the rollout: ${rollout.phase}, ${rollout.rollback?.outcome}`);
      return rollout;
    }
    const process = await crew.someone();
    if ((await process.control.resume()) === undefined) continue;
    const end = process.control.ended(id).then(
      () => undefined,
      (error: Error) => world.say(process.name, `gave up: ${error.message}`),
    );
    await Promise.race([end, process.death]);
    if (process.alive) await world.clock.sleep(250);
  }
}

/** The controllers of one world. */
interface Crew {
  /** A controller that lives; boots one, after some time, if there is none. */
  someone(): Promise<ControllerProcess>;
  boot(): ControllerProcess;
  newest(): ControllerProcess | undefined;
  boots(): number;
}

function createCrew(world: World, witness: Witness): Crew {
  const ids = createSeededIds(world.random.fork("ids"));
  const all: ControllerProcess[] = [];
  const boot = () => {
    const process = bootController(world, witness, `controller-${all.length + 1}`, ids);
    world.say(process.name, "boots");
    all.push(process);
    return process;
  };
  return {
    boot,
    boots: () => all.length,
    newest: () => all.at(-1),
    async someone() {
      const living = () => all.findLast((process) => process.alive);
      if (all.length > 0 && !living()) {
        await world.clock.sleep(world.scenario.downtime);
        await checkLapse(world, witness, Math.max(...all.map(({ diedAt }) => diedAt ?? world.clock.now())));
      }
      return living() ?? boot();
    },
  };
}

/** Nobody is there since `from`: whatever the candidate's share was, it has lapsed. */
async function checkLapse({ system, store, traffic }: World, witness: Witness, from: Instant): Promise<void> {
  const last = traffic.lastServed(system.candidate.id) ?? 0;
  const known = await store.lastKnownGood(system.playbook.system);
  if (known?.release !== system.candidate.id && last > from + seededSettings("").exposureMs) {
    witness.violate("a candidate was served longer than its lease with no controller alive");
  }
}

async function mend({ clock, faults }: World, calm: AbortSignal): Promise<void> {
  await clock.sleep(MENDED_AFTER_MS, calm);
  for (const kind of Object.keys(faults)) delete faults[kind as keyof typeof faults];
}

/** Everything that goes wrong at a moment: crashes, pauses, people and rivals. */
async function plague(world: World, crew: Crew, id: string, calm: AbortSignal): Promise<void> {
  const { clock, scenario, random } = world;
  const at = async (after: number | undefined, act: () => unknown) => {
    if (after === undefined) return;
    await clock.sleep(after, calm);
    if (!calm.aborted) await act();
  };
  const dice = random.fork("plague");
  await Promise.all([
    ...scenario.crashAfter.map((after) =>
      at(after, () => {
        inject(world, "crash");
        crew.newest()?.kill();
      }),
    ),
    at(scenario.pause?.after, () => {
      inject(world, "pause");
      crew.newest()?.pause(clock.now() + scenario.pause!.span);
      void crew.boot().control.resume();
    }),
    at(scenario.cordAfter, () => {
      inject(world, "cord");
      const pulled = crew.newest()?.control.pullCord(id, "on-call", "it looks wrong");
      pulled?.catch((error: Error) => world.say("person", `cannot pull the cord: ${error.message}`));
    }),
    at(scenario.rivalAfter, () => {
      inject(world, "rival");
      const { playbook, candidate, stable } = world.system;
      const { at: place, name } = playbook.components[drawInteger(dice, 0, playbook.components.length - 1)]!;
      const revision = drawPick(dice, [candidate, stable]).revisions[name]!;
      world.target.rivalWrite(place, revision.digest);
    }),
  ]);
}

/** A release that was found harmful may not go out again. */
async function checkGate(world: World, witness: Witness, crew: Crew): Promise<void> {
  const { candidate } = world.system;
  const quarantine = await world.store.quarantine(candidate.id);
  if (!quarantine) return;
  const { control } = await crew.someone();
  const refusal = await control.plan(candidate).then(
    () => undefined,
    (error: Error & { readonly code?: ErrorCode }) => error,
  );
  if (refusal?.code !== "RELEASE_REFUSED" || !refusal.message.includes("quarantine")) {
    witness.violate(`a quarantined release passes the gate: ${refusal?.message}`);
  }
}
