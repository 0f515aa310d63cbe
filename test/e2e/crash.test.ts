import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { CrashPoint } from "../../src/restore/crash-point.ts";
import {
  type DemoReport,
  dataFolder,
  effectsIn,
  ledgerIn,
  reportOf,
  runDemo,
  startDemo,
  survivorsOf,
  worldIn,
} from "./demo-process.ts";

const HTTP = { model: 1, config: 1, data: 1, schema: 1 };

/** One end, every component changed back exactly once, and nothing of the first process left. */
async function assertFinishedOnce(data: string, report: DemoReport): Promise<void> {
  assert.equal(report.outcome, "rolled-back-verified");
  assert.deepEqual(
    [report.route.candidatePercent, report.candidate.quarantined, report.ledger.verified],
    [0, true, true],
  );
  for (const { wanted, found, status } of report.components) assert.deepEqual([status, found], ["done", wanted]);
  const world = worldIn(data);
  assert.equal(world.count, 1, "the same command goes on with the same world");
  const wanted = Object.fromEntries(report.components.map(({ component, wanted: digest }) => [component, digest]));
  delete wanted["flag"];
  assert.deepEqual(effectsIn(world.system, wanted), HTTP);

  const ledger = await ledgerIn(world.rollbook);
  const of = (type: string) => ledger.filter((entry) => entry.type === type);
  assert.deepEqual([of("rollback-ended").length, of("quarantined").length, of("contained").length], [1, 1, 1]);
  const back = of("rollback-ended")[0]!.data["saga"];
  const steps = (type: string) => of(type).filter(({ data: { saga } }) => saga === back);
  assert.deepEqual(
    steps("step-done")
      .map(({ data: { step } }) => step)
      .sort(),
    ["config", "data", "flag", "model", "schema"],
  );
  assert.equal(steps("step-stuck").length, 0);
  // A crash repeats an intent at most once, always under the same key: that is what makes the effect happen once.
  const keys = Map.groupBy(steps("step-intent"), ({ data: { step } }) => step);
  for (const [step, intents] of keys) {
    assert.equal(new Set(intents.map(({ data: { key } }) => key)).size, 1, `${step} has one key`);
    assert.ok(intents.length <= 2, `${step} was tried ${intents.length} times`);
  }
}

const command = (data: string, seed: number) => ["--once", "--json", "--data", data, "--seed", String(seed)];

/** Runs until SIGKILL, checks that nothing of it is left, and runs the same command again. */
async function crashAt(t: TestContext, at: string, seed: number): Promise<void> {
  const data = dataFolder(t);
  const first = startDemo(command(data, seed), { ROLLBOOK_CRASH_AT: at });
  await first.said(/watching stable alone/);
  const children = first.children();
  assert.equal((await first.ended).signal, "SIGKILL");
  assert.deepEqual(await survivorsOf(children), [], "children end with their parent");
  const again = await runDemo(command(data, seed));
  assert.equal(again.exit, 0, again.err);
  assert.match(again.err, /going on where it stood/);
  await assertFinishedOnce(data, reportOf(again));
}

describe("killed in the middle, the same command finishes the way back, once", () => {
  // Five components go out before five come back, so the sixth time is the first one of the way back.
  const places = {
    "control.contained": "contained, nothing recorded yet",
    "control.rollback-recorded": "recorded, nothing restored yet",
    "saga.intent-recorded@6": "an intent of the way back, no effect yet",
    "saga.effect-sent@7": "an effect of the way back, not read back yet",
    "saga.effect-read-back@8": "an effect that was read back, not recorded yet",
    "saga.step-recorded@9": "a step of the way back that was recorded",
    "control.restored": "everything restored, not proved yet",
    "saga.effect-sent@3": "an effect of the way out",
  } satisfies Partial<Record<CrashPoint | `${CrashPoint}@${number}`, string>>;
  for (const [index, [at, what]] of Object.entries(places).entries()) {
    test(what, (t) => crashAt(t, at, 500 + index));
  }

  for (const [index, after] of [60, 300].entries()) {
    test(`${after} ms into a slow way back`, async (t) => {
      const data = dataFolder(t);
      const slow = [...command(data, 520 + index), "--slow-apply", "100"];
      const first = startDemo(slow);
      await first.said(/all traffic is on release 1 again/);
      const children = first.children();
      await sleep(after);
      first.process.kill("SIGKILL");
      assert.equal((await first.ended).signal, "SIGKILL");
      assert.deepEqual(await survivorsOf(children), []);
      const again = await runDemo(slow);
      assert.equal(again.exit, 0, again.err);
      await assertFinishedOnce(data, reportOf(again));
    });
  }

  test("again and again, at moments that nobody chose", async (t) => {
    const data = dataFolder(t);
    for (const span of [300 + Math.random() * 2000, 4000 + Math.random() * 9000, 2000 + Math.random() * 3000]) {
      const run = startDemo(command(data, 531));
      await sleep(span);
      const children = run.children();
      run.process.kill("SIGKILL");
      const { exit } = await run.ended;
      t.diagnostic(`killed after ${Math.round(span)} ms`);
      if (exit !== null) break;
      assert.deepEqual(await survivorsOf(children), []);
    }
    const last = await runDemo(command(data, 531));
    assert.equal(last.exit, 0, last.err);
    assert.equal(reportOf(last).outcome, "rolled-back-verified");
    const world = worldIn(data);
    const ledger = await ledgerIn(world.rollbook);
    assert.equal(ledger.filter(({ type }) => type === "rollback-ended").length, 1);
  });
});
