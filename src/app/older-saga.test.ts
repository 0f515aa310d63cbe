import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf } from "../core/digest.ts";
import { holdingResources } from "../restore/resource-leases.ts";
import { runSaga } from "../restore/saga-runner.ts";
import { createSimulatedClock } from "../simulation/clock.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { createSimulatedTarget } from "../simulation/simulated-target.ts";
import { Connection } from "../store/sqlite/connection.ts";
import { knownMigrations, migrate } from "../store/sqlite/migrations.ts";
import { openSqliteStore } from "../store/sqlite/sqlite-store.ts";

const [OLD, NEW] = [digestOf("old"), digestOf("new")];
const OLDER_FENCE = 57;

/** A store as the version before starts and directions left it: a saga whose first step is done, its second one intended. */
function olderStore(folder: string): void {
  const connection = new Connection(join(folder, "rollbook.sqlite"));
  migrate(connection, knownMigrations(), () => 1);
  const step = (id: string, after: readonly string[]) => {
    return { id, component: id, at: `sim:${id}`, desired: OLD, label: id, undo: "compensatable", after };
  };
  const steps = [step("a", []), step("b", ["a"]), step("c", ["b"])];
  const plan = { system: "loans", kind: "rollback", from: NEW, to: OLD, steps, deadline: 60_000 };
  const saga = { id: "saga-1", rollout: "r", plan, planDigest: NEW, status: "running", startedAt: 1 };
  const put = connection.prepare("INSERT INTO sagas (id, rollout, status, started_at, body) VALUES (?, ?, ?, ?, ?)");
  put.run("saga-1", "r", "running", 1, JSON.stringify(saga));
  const record = (id: string, status: string) => {
    const intent = { saga: "saga-1", step: id, key: `older ${id}`, fence: 1, attempts: 1, before: NEW, desired: OLD };
    return JSON.stringify({ ...intent, status, intentAt: 1, recovered: false });
  };
  const journal = connection.prepare("INSERT INTO steps (saga, step, body) VALUES (?, ?, ?)");
  journal.run("saga-1", "a", record("a", "done"));
  journal.run("saga-1", "b", record("b", "intent"));
  // Whoever ran it wrote at its targets under the fence of its system, which is far above those of their own leases.
  const lease = connection.prepare("INSERT INTO leases (resource, holder, fence, until) VALUES (?, ?, ?, ?)");
  lease.run("system:loans", "older version", OLDER_FENCE, 2);
  lease.run("target:sim:b", "saga-1", 3, 2);
  connection.close();
}

test("a saga that an older version left running is finished, under the keys that it had", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-older-"));
  try {
    olderStore(folder);
    const store = await openSqliteStore({ folder, now: () => 1 });
    const clock = createSimulatedClock(1_000_000);
    const held = [NEW, OLD] as const;
    const revisions = { "sim:a": [OLD, NEW], "sim:b": held, "sim:c": held } as const;
    const target = createSimulatedTarget({ clock, random: createSeededRandom(1), revisions });
    const lease = (await store.acquireLease("system:loans", "new version", 3000, 1_000_000))!;
    const nothing = () => undefined;
    const ports = { store, clock, adapterFor: () => target, atCrashPoint: nothing, onStep: nothing };
    const [found] = await store.runningSagas();
    const resources = found!.plan.steps.map(({ at }) => at);
    const claim = {
      resources,
      holder: found!.rollout,
      leaseMs: 3000,
      guard: lease,
      onWait: nothing,
      stopped: () => false,
    };
    const run = holdingResources(ports, claim, (fenceAt) => runSaga({ ...ports, fenceAt }, found!, lease));
    const end = await clock.run(run);
    assert.equal(end?.kind, "completed");
    for (const { fence } of target.effects) assert.ok(fence > OLDER_FENCE, "no target takes it for an older one");
    assert.deepEqual(
      target.effects.map(({ at, key }) => [at, key === "older b"]),
      [
        ["sim:b", true],
        ["sim:c", false],
      ],
    );
    assert.equal((await store.steps("saga-1")).length, 3);
    await store.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
