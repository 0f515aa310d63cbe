import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "../../../src/core/ports.ts";
import type { StepRecord } from "../../../src/core/rollout.ts";
import { openPostgresStore } from "../../../src/store/postgres/postgres-store.ts";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import type { PostgresServer } from "../../servers/postgres.ts";
import { type Components, startComponents } from "./component-targets.ts";
import { type ControllerProcess, LEDGER_KEY, type Task } from "./controller-process.ts";
import { broken, COMPONENTS, type ComponentName, revision } from "./lending.ts";

/** One store and four components; controllers come and go. */
export interface FaultWorld {
  readonly components: Components;
  readonly store: Task["store"];
  task(more: Pick<Task, "story" | "rounds"> & Partial<Task>): Task;
  /** The store, read by this process; no controller may have it if it is SQLite. */
  open(): Promise<Store>;
  remove(): Promise<void>;
}

/** What the components end with, and how often each was changed, by story. */
const ENDS: Readonly<Record<Task["story"], Readonly<Record<ComponentName, readonly number[]>>>> = {
  rollback: { schema: [2, 1], model: [2, 1], config: [2, 1], prompt: [2, 1] },
  compensate: { schema: [2, 1], model: [2, 1], config: [], prompt: [2, 1] },
  redeploy: { schema: [2], model: [2, 1, 2], config: [2, 1, 2], prompt: [2, 1, 2] },
  both: { schema: [], model: [], config: [], prompt: [] },
};

/**
 * Where stores of processes that are killed lie: what a killed process has written stays with the kernel, so a disk would
 * only make the tests wait. What a power cut leaves is another test's matter.
 */
export const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

let schemas = 0;

/** With Postgres every world has a schema of its own. */
export async function createFaultWorld(server?: PostgresServer): Promise<FaultWorld> {
  const components = await startComponents(Object.fromEntries(COMPONENTS.map((name) => [name, revision(name, 1)])));
  components.refused.add(`config ${broken.revisions["config"]!.digest}`);
  const folder = mkdtempSync(join(MEMORY, "rollbook-faults-"));
  const store: Task["store"] = server
    ? { url: server.url, schema: `faults_${process.pid}_${schemas++}`, patience: 20_000 }
    : { folder: join(folder, "data") };
  return {
    components,
    store,
    // The same holder: nobody has to wait for the lease of a process that is known to be dead.
    task: (more) => ({ store, targets: components.base, key: LEDGER_KEY, holder: "one", leaseMs: 20_000, ...more }),
    open: () =>
      "folder" in store
        ? openSqliteStore({ folder: store.folder, now: Date.now })
        : openPostgresStore({ ...store, elapsed: () => performance.now(), sleep: (span) => sleep(span) }),
    async remove() {
      await components.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Whoever is to get stuck on the way back: the schema's old revision is gone. */
export function loseOldSchema({ components }: FaultWorld): void {
  components.refused.add(`schema ${revision("schema", 1)}`);
}

/** Every component was changed as the story says, each time once. */
export function assertEffects({ components }: FaultWorld, story: Task["story"]): void {
  for (const name of COMPONENTS) {
    const wanted = ENDS[story][name].map((number) => revision(name, number));
    const found = components.effects(name).map(({ digest }) => digest);
    assert.deepEqual(found, wanted, `the effects at ${name}`);
    assert.equal(components.live(name), wanted.at(-1) ?? revision(name, 1));
  }
}

/** A process that came to its end, and whose ledger holds. */
export async function assertFinished(process: ControllerProcess): Promise<void> {
  const { exit, err } = await process.ended;
  assert.equal(exit, 0, `${process.said.slice(-3).join(" / ")} ${err}`);
  assert.ok(process.said.includes("ledger verified"), process.said.slice(-3).join(" / "));
}

/**
 * It cannot record what it does: either it has ended, or it says so and stands contained until it can. Either way it names
 * the reason, and the candidate gets nothing.
 */
export async function assertContained(process: ControllerProcess, why: RegExp): Promise<void> {
  const late = /^event late (contained, and nothing can be recorded|the deployment waits for the store)/;
  const waits = process.until(late).then(() => process.until(/^share /));
  const end = await Promise.race([
    process.ended,
    waits.then(
      () => undefined,
      () => process.ended,
    ),
  ]);
  assert.notEqual(end?.exit, 0, `it went on: ${process.said.slice(-3).join(" / ")}`);
  assert.match(end ? end.err : process.said.filter((line) => late.test(line)).join(), why);
  // Nothing was said where the store could not even be opened; then nothing was routed either.
  const share = process.said.findLast((line) => line.startsWith("share "));
  assert.ok(["share 0", "share none", undefined].includes(share), share);
}

/** How the rollouts of a process ended: `ended PHASE OUTCOME NOTE`. */
export function endsOf({ said }: ControllerProcess): readonly string[] {
  return said.filter((line) => line.startsWith("ended "));
}

/**
 * The journal against what processes were told and what targets log: nothing acknowledged is lost; every effect has its
 * record, and every recorded change exactly one effect.
 */
export async function audit(world: FaultWorld, said: readonly string[]): Promise<void> {
  const store = await world.open();
  try {
    const steps = await allSteps(store);
    const byKey = new Map(steps.map((record) => [record.key, record]));
    assert.equal(byKey.size, steps.length, "every step of every saga has a key of its own");
    for (const line of said) {
      const [what, key = "", status] = line.split(" ");
      if (what !== "acked") continue;
      const record = byKey.get(key);
      assert.ok(record, `${line} is lost`);
      if (status !== "intent") assert.equal(record.status, status, `${line} is lost`);
    }
    const effects = COMPONENTS.flatMap((name) => world.components.effects(name).map((effect) => ({ name, ...effect })));
    const keys = effects.map(({ key }) => key);
    assert.equal(new Set(keys).size, keys.length, "no key had two effects");
    for (const { name, key, digest } of effects) {
      const record = byKey.get(key);
      assert.ok(record, `an effect at ${name} without a record`);
      assert.equal(record.desired, digest);
    }
    const done = steps.filter(({ status, before, desired }) => status === "done" && before !== desired);
    // After a crash, an intent whose expectation never came true (a config that never started) is found to be served
    // already: nothing had to be done.
    const never = broken.revisions["config"]!.digest;
    const changed = done.filter(({ before, recovered }) => !(recovered && before === never));
    for (const { step, key } of changed) assert.ok(keys.includes(key), `${step} is recorded as changed, and was not`);
    assert.equal(changed.length, effects.length, "as many effects as recorded changes");
    const entries = await store.entries(0, 1_000_000);
    assert.deepEqual(
      entries.map(({ index }) => index),
      entries.map((_, index) => index),
    );
    const ended = (await store.rollouts()).filter(({ endedAt }) => endedAt !== undefined);
    const told = entries.filter(({ leaf }) => /"type":"roll(back|out)-ended"/.test(leaf));
    const twice = ended.filter(({ rollback }) => rollback?.held).length;
    assert.equal(told.length, ended.length + twice, "every end is in the ledger once; who was put back ended twice");
    assert.equal((await store.runningSagas()).length, 0, "no saga is left running");
  } finally {
    await store.close();
  }
}

async function allSteps(store: Store): Promise<readonly StepRecord[]> {
  const rollouts = await store.rollouts();
  const records = await Promise.all(rollouts.map(({ id }) => store.record(id)));
  return records.flatMap((record) => record?.steps ?? []);
}
