// Processes that are killed at moments that nobody chose, while sagas go forward and back: the soak, and a short form
// of it for the tests.
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { PostgresServer } from "../../servers/postgres.ts";
import { startController } from "./controller-process.ts";
import { assertFinished, audit, createFaultWorld } from "./fault-world.ts";
import { COMPONENTS, revision } from "./lending.ts";

export interface StormResult {
  readonly kills: number;
  /** Kills after which the next process found a rollout open. */
  readonly midway: number;
  readonly sagas: number;
  readonly effects: number;
}

/** Two rounds say about so many lines: a kill may come anywhere in them, or between. */
const LINES = 100;
/** What lies between two lines takes less. */
const LONGEST_MS = 15;
/** Somewhere in here a process starts and opens its store. */
const START_MS = 500;

/**
 * Lets controllers run and kills them so often, then lets a last one finish, and holds the journal, what was
 * acknowledged and the targets' own logs against one another. Throws on anything lost or doubled.
 */
export async function killStorm(kills: number, server?: PostgresServer): Promise<StormResult> {
  const world = await createFaultWorld(server);
  // Writes that take their time, and answers that come late or, after a kill, to nobody.
  world.components.delays = () => [randomInt(3) === 0 ? randomInt(40) : 0, randomInt(3) === 0 ? randomInt(40) : 0];
  const said: string[] = [];
  let midway = 0;
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      const running = startController(world.task({ story: "both", rounds: 1_000_000 }));
      const lines = randomInt(LINES);
      await running.lines(lines);
      await sleep(randomInt(lines === 0 ? START_MS : LONGEST_MS));
      running.child.kill("SIGKILL");
      const { signal, err } = await running.ended;
      if (signal !== "SIGKILL") throw new Error(`it ended by itself: ${running.said.slice(-3).join(" / ")} ${err}`);
      said.push(...running.said);
      midway += Number(running.said.some((line) => line.startsWith("found ")));
    }
    const last = startController(world.task({ story: "both", rounds: 2 }));
    await assertFinished(last);
    midway += Number(last.said.some((line) => line.startsWith("found ")));
    await audit(world, [...said, ...last.said]);
    for (const name of COMPONENTS)
      assertAlternates(
        name,
        world.components.effects(name).map(({ digest }) => digest),
      );
    const store = await world.open();
    const sagas = (await Promise.all((await store.rollouts()).map(({ id }) => store.record(id)))).flatMap(
      (record) => record?.sagas ?? [],
    ).length;
    await store.close();
    const effects = COMPONENTS.reduce((sum, name) => sum + world.components.effects(name).length, 0);
    return { kills, midway, sagas, effects };
  } finally {
    await world.remove();
  }
}

/** Out and back, out and back: an effect that was lost or doubled would break the turn. */
function assertAlternates(name: (typeof COMPONENTS)[number], digests: readonly string[]): void {
  for (const [at, digest] of digests.entries())
    if (digest !== revision(name, at % 2 === 0 ? 2 : 1)) throw new Error(`effect ${at} at ${name} is out of turn`);
  if (digests.length % 2 !== 0) throw new Error(`${name} was not brought back`);
}
