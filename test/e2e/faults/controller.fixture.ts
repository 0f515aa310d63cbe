// A small controller: the production control, restore, record, store and HTTP adapter, and nothing else, so that one
// start takes a moment. It finishes what it finds cut off, then does as many rounds as it is told, and says on standard
// output what was acknowledged and what it passed. Its parent kills it, or it kills itself where it is told to.
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createHttpAdapter } from "../../../src/adapters/http/index.ts";
import { systemClock } from "../../../src/app/system-clock.ts";
import { systemIds } from "../../../src/app/system-ids.ts";
import { createControl } from "../../../src/control/control.ts";
import type { ControlPorts } from "../../../src/control/ports.ts";
import type { Clock, Store } from "../../../src/core/ports.ts";
import type { Rollout } from "../../../src/core/rollout.ts";
import { createLedger } from "../../../src/record/ledger/ledger.ts";
import type { CrashPoint } from "../../../src/restore/crash-point.ts";
import { openPostgresStore } from "../../../src/store/postgres/postgres-store.ts";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { createExposure } from "../../../src/traffic/routing/exposure.ts";
import type { Phase, Task } from "./controller-process.ts";
import { broken, candidate, playbook, SYSTEM, stable } from "./lending.ts";

const task = JSON.parse(process.argv[2] ?? "") as Task;
const say = (...words: readonly (string | number)[]) => writeSync(1, `${words.join(" ")}\n`);

let offset = task.clockOffset ?? 0;
const clock: Clock = { now: () => systemClock.now() + offset, sleep: systemClock.sleep };
const store = await open();
const ledger = createLedger({ store, origin: "example.org/faults", key: task.key });
const traffic = createExposure(SYSTEM, clock);
const adapter = createHttpAdapter({ hosts: { lending: task.targets } });
let phase: Phase = "release";

const ports: ControlPorts = {
  store: { ...store, commit: acknowledging(store) },
  clock,
  ids: systemIds,
  traffic,
  signals: { drain: () => [] },
  adapterFor: () => adapter,
  checkpoint: async () => void (await ledger.checkpoint()),
  notifier: { notify: async () => undefined },
  emit: ({ kind, rollout, text }) => {
    say("event", kind, text);
    if (kind === "late") sayShare();
    // What people do: they pull the cord as soon as anything is exposed. It goes back by the `abort`, which leaves no
    // quarantine, so that the next round can send the same release out again.
    const exposed = kind === "exposed" || (kind === "resumed" && !rollout.rollback);
    const stop = () => void control.abort(rollout.id, "on-call", "stop").catch(() => undefined);
    if (exposed && task.waits) process.once("SIGUSR2", stop);
    else if (exposed) stop();
  },
  atCrashPoint: (point) => {
    phase = phaseAfter(point);
    pass(point);
  },
};
// However it ends: what the candidate gets at that moment.
process.once("exit", sayShare);
const control = createControl(ports, settings(), playbook, {
  ledger: async () => ({ size: 0, root: "", verified: true, checkpoint: "" }),
  lastCandidateDispatch: () => undefined,
});

function sayShare(): void {
  say("share", traffic.effective()?.candidatePpm ?? "none");
}

function settings() {
  const { holder, leaseMs } = task;
  const patience = { blindMs: 600_000, patienceMs: 600_000, proofMs: 1, pollMs: 100 };
  return {
    tickMs: 5,
    judgeMs: 5,
    readinessMs: 600_000,
    exposureMs: 60_000,
    baselineMs: 0,
    leaseMs,
    holder,
    ...patience,
  };
}

function open(): Promise<Store> {
  if ("folder" in task.store) return openSqliteStore({ folder: task.store.folder, now: clock.now });
  return openPostgresStore({ ...task.store, elapsed: () => performance.now(), sleep: (span) => sleep(span) });
}

/** Says what the store has acknowledged of the journal. */
function acknowledging({ commit }: Store): Store["commit"] {
  return async (changes, guard, claim) => {
    const answer = await commit(changes, guard, claim);
    if (answer.kind === "committed")
      for (const change of changes) if (change.kind === "step") say("acked", change.record.key, change.record.status);
    return answer;
  };
}

function phaseAfter(point: CrashPoint): Phase {
  if (point === "control.contained") return "rollback";
  return point === "saga.turned" ? "compensate" : phase;
}

function pass(point: CrashPoint): void {
  say("passed", phase, point);
  jump(point);
  const { crash } = task;
  if (crash?.phase === phase && crash.point === point && --crash.pass === 0) process.kill(process.pid, "SIGKILL");
}

/** Sleeping is by a clock that cannot be set, as everywhere; what is read from it is an hour off from now on. */
function jump(point: CrashPoint): void {
  const { clockJump } = task;
  if (clockJump?.phase !== phase || clockJump.point !== point || offset !== (task.clockOffset ?? 0)) return;
  offset += clockJump.by;
  say("jumped", clockJump.by);
}

/** A halted or stuck way back that a person lets put back what it changed; after that there is nothing more to do. */
async function redeploy({ id, rollback }: Rollout): Promise<Rollout> {
  if (rollback?.held) return control.ended(id);
  phase = "redeploy";
  await control.redeploy(id, "on-call", "the old schema is gone");
  return control.ended(id);
}

async function finish(rollout: Rollout): Promise<void> {
  const ended = await control.ended(rollout.id);
  const last = ended.rollback?.outcome === "stuck" && task.story === "redeploy" ? await redeploy(ended) : ended;
  say("ended", last.phase, last.rollback?.outcome ?? "", last.note ?? "");
}

const route = await store.route(SYSTEM);
if (route) traffic.set({ ...route, candidatePpm: 0 });
say("started", process.pid);
// As a server does: who changes components without Rollbook is noticed all the time.
const over = new AbortController();
const watching = control.watch(over.signal);
const [newest] = await store.rollouts(SYSTEM);
const stuck = newest?.rollback?.outcome === "stuck";
if (newest && stuck && task.story === "redeploy") await finish(newest);
else {
  const open = await control.resume();
  if (open) {
    say("found", open.phase);
    await finish(open);
  }
}
for (let round = 0; round < task.rounds; round += 1) {
  await control.adopt(stable);
  phase = "release";
  const odd = ((await store.rollouts(SYSTEM)).length & 1) === 1;
  const next = task.story === "compensate" || (task.story === "both" && odd) ? broken : candidate;
  await finish(await control.release(next));
}
over.abort();
await watching;
// A server signs regularly; whoever died before it had signed anything leaves that to the next.
if ((await store.checkpoint()) === undefined) await ledger.checkpoint();
const { kind } = await ledger.verify();
say("ledger", kind);
await store.close();
