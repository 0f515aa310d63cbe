import type { ErrorCode } from "../core/errors.ts";
import type { Ids } from "../core/ports.ts";
import type { Rollout } from "../core/rollout.ts";
import { drawInteger, drawPick } from "../simulation/draws.ts";
import { createSeededIds } from "../simulation/ids.ts";
import { bootController, type ControllerProcess } from "./controller-process.ts";
import { checkEnd } from "./invariants.ts";
import { openedRollout } from "./saga-system.ts";
import type { Witness } from "./witness.ts";
import { inject, type World } from "./world.ts";

/** Long enough for the last late request to land. */
const SETTLE_MS = 600_000;
const MOST_RETRIES = 5;
/** How soon a controller asks again that failed; and one that was not let act, once nobody is known to. */
const LOOK_MS = 1000;
const NEXT_MS = 500;
/** So long a person waits for an answer. */
const ANSWER_MS = 1000;
const PERSON_MS = 300;
const MOST_BOOTS = 200;
/** What nobody has decided by then, a person does. */
const ONCALL_MS = 90_000;

/** Several controllers finish one rollout, each as well as it can; answers how it ended first. */
export async function liveInCrowd(world: World, witness: Witness): Promise<string> {
  const { rollout, changes } = openedRollout(world);
  await witness.watchStore(world.store, "person").commit(changes);
  Object.assign(world.faults, world.scenario.faults);
  const members: Members = { all: [], boots: 0, ids: createSeededIds(world.random.fork("ids")) };
  const over = new AbortController();
  const events = troubles(world, witness, members, rollout.id, over.signal);
  const first = await work(world, witness, members, rollout.id, (now) => now.endedAt !== undefined);
  over.abort();
  await events;
  for (const kind of Object.keys(world.faults)) delete world.faults[kind as keyof typeof world.faults];
  await world.clock.sleep(SETTLE_MS);
  let last = first;
  for (let tries = 0; last.rollback?.outcome === "stuck" && tries < MOST_RETRIES; tries++) {
    world.say("person", "mends the target and runs it again");
    last = await work(world, witness, members, rollout.id, ({ endedAt, rollback }) => {
      return endedAt !== undefined && rollback?.outcome !== "stuck";
    });
  }
  await world.clock.sleep(SETTLE_MS);
  await checkEnd(world, witness, rollout.id);
  return outcomeOf(first);
}

interface Members {
  /** Of each seat the newest process. */
  readonly all: ControllerProcess[];
  boots: number;
  /** Of all of them: what one names, no other names so. */
  readonly ids: Ids;
}

/** Keeps every seat taken, and every controller at it, until it is done. */
async function work(
  world: World,
  witness: Witness,
  members: Members,
  id: string,
  done: (rollout: Rollout) => boolean,
): Promise<Rollout> {
  const { promise: finished, resolve } = Promise.withResolvers<Rollout>();
  let over = false;
  const end = (rollout: Rollout) => {
    over = true;
    resolve(rollout);
    // Who waits to be let act finds nothing to do.
    for (const process of members.all) if (!process.control.acting(id)) process.kill();
  };
  const look = async () => {
    const rollout = (await world.store.rollout(id))!;
    if (done(rollout)) end(rollout);
    else if (members.boots > MOST_BOOTS) {
      witness.violate(`nobody can finish the rollout: ${rollout.phase}, ${rollout.rollback?.outcome}`);
      end(rollout);
    }
  };
  const dice = world.random.fork(`seats ${members.boots}`);
  const { clock } = world;
  const resource = `system:${world.system.playbook.system}`;
  /** Until so long after the lease of another has ended; before that, to ask is to be refused. */
  const lapse = async ({ name }: ControllerProcess, after: number) => {
    for (;;) {
      const { holder, until } = world.leases.get(resource) ?? { holder: name, until: 0 };
      const left = holder === name ? 0 : until - clock.now();
      await clock.sleep(Math.max(LOOK_MS, left) + after);
      // Who holds a standing seat keeps it, though the rollout is over.
      if (left <= 0) return;
      await look();
      if (over) return;
    }
  };
  const seat = async (index: number, skew: number) => {
    while (!over) {
      const known = members.all[index];
      const process = known?.alive
        ? known
        : bootController(world, witness, `c${index}-${members.boots++}`, members.ids, skew);
      members.all[index] = process;
      await look();
      if (over) return;
      let refused = false;
      const gone = goOn(process).then(
        (acted) => {
          refused = !acted;
        },
        (error: Error & { readonly code?: ErrorCode }) => {
          world.say(process.name, `gave up: ${error.message}`);
          refused = error.code === "RELEASE_REFUSED";
        },
      );
      await Promise.race([gone, process.death]);
      if (!process.alive) await clock.sleep(world.scenario.downtime + 1);
      else if (!refused) await clock.sleep(LOOK_MS);
      else await lapse(process, drawInteger(dice, 0, NEXT_MS));
    }
  };
  const seats = world.scenario.crowd!.skews.map((skew, index) => seat(index, skew));
  await Promise.all(seats);
  for (const process of members.all) process.rest();
  return finished;
}

/** Answers whether it was let act. */
async function goOn({ control, mayAct }: ControllerProcess): Promise<boolean> {
  if (!(await mayAct())) return false;
  const open = await control.resume();
  if (open) await control.ended(open.id);
  return true;
}

/** People, rivals and wrong clocks. */
async function troubles(
  world: World,
  witness: Witness,
  members: Members,
  id: string,
  over: AbortSignal,
): Promise<void> {
  const { clock, scenario, random, system } = world;
  const dice = random.fork("troubles");
  const at = async (after: number | undefined, act: () => unknown) => {
    if (after === undefined) return;
    await clock.sleep(after, over);
    if (!over.aborted) await act();
  };
  const crowd = scenario.crowd!;
  await Promise.all([
    at(scenario.cordAfter ?? ONCALL_MS, () => pullCord(world, witness, members, id, over)),
    at(scenario.rivalAfter, () => {
      inject(world, "rival");
      const { at: place, name } = drawPick(dice, system.playbook.components);
      world.target.rivalWrite(place, drawPick(dice, [system.candidate, system.stable]).revisions[name]!.digest);
    }),
    at(crowd.jump === 0 ? undefined : drawInteger(dice, 500, 10_000), () => {
      inject(world, "clock jump");
      drawPick(dice, members.all).jump(crowd.jump);
    }),
  ]);
}

/** A person tries one controller after the other, until one has acknowledged the order. */
async function pullCord(
  world: World,
  witness: Witness,
  members: Members,
  id: string,
  over: AbortSignal,
): Promise<void> {
  inject(world, "cord");
  for (let tries = 0; !over.aborted; tries++) {
    await world.clock.sleep(PERSON_MS, over);
    const process = members.all[tries % members.all.length]!;
    const pulled = process.control.pullCord(id, "on-call", "it looks wrong").then(
      () => "acknowledged" as const,
      (error: Error) => world.say("person", `cannot pull the cord at ${process.name}: ${error.message}`),
    );
    const answer = await Promise.race([pulled, world.clock.sleep(ANSWER_MS)]);
    if (answer === "acknowledged") {
      world.say("person", `pulled the cord at ${process.name}`);
      return witness.ordered();
    }
  }
}

export function outcomeOf({ phase, rollback, note }: Rollout): string {
  if (rollback) return `${rollback.cause[0]}: ${rollback.outcome}`;
  if (phase === "healthy") return "promoted";
  if (phase === "paused") return `observed: ${note}`;
  return "stopped before exposure";
}
