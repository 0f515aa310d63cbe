import assert from "node:assert/strict";
import { test } from "node:test";
import { createAlertmanagerAlerts } from "../adapters/alertmanager/index.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { openAlertIntake } from "./alert-intake.ts";
import type { Alerts } from "./connections/connection.ts";
import { createConnections } from "./connections/connections.ts";

const payload = (status: string, system?: string) => ({
  version: "4",
  groupKey: "{}",
  alerts: [
    {
      status,
      labels: { alertname: "Burn", ...(system ? { system } : {}) },
      startsAt: "2026-11-23T04:00:00Z",
      fingerprint: "a1",
    },
  ],
});

function intakeOf(
  names: readonly string[],
  alerts: Alerts = createAlertmanagerAlerts({ system: { label: "system" } }),
) {
  const store = createMemoryStore();
  const looks: string[] = [];
  const logged: string[] = [];
  let failing = false;
  const look = async (reason: string) => {
    if (failing) throw new Error("the disk is full");
    looks.push(reason);
  };
  const systems = new Map(names.map((name) => [name, { control: () => ({ look }) }]));
  const connections = createConnections([{ name: "pager", connection: { alerts } }]);
  const intake = openAlertIntake({ connections, systems, store, log: (text) => void logged.push(text) });
  return {
    intake,
    looks,
    logged,
    store,
    fail(now: boolean) {
      failing = now;
    },
  };
}

test("a firing alert asks once, a resolved one is recorded, and another system's is ignored", async () => {
  const { intake, looks, store } = intakeOf(["loans", "cards"]);
  const none = { looked: 0, recorded: 0, ignored: 0 };
  assert.deepEqual(await intake.take("pager", payload("firing", "loans")), { ...none, looked: 1 });
  assert.deepEqual(await intake.take("pager", payload("firing", "loans")), none);
  assert.deepEqual(looks, ["alert Burn is firing since 2026-11-23T04:00:00.000Z"]);
  assert.deepEqual(await intake.take("pager", payload("resolved", "loans")), { ...none, recorded: 1 });
  const [entry] = await store.entries(0, 10);
  assert.match(entry?.leaf ?? "", /alert Burn, of 2026-11-23T04:00:00.000Z, is resolved/);
  assert.deepEqual(await intake.take("pager", payload("firing", "desk")), none, "the same alert, whatever it says now");
  await assert.rejects(intake.take("slack", payload("firing")), { code: "NOT_FOUND" });
  await assert.rejects(intake.take("pager", {}), { code: "REQUEST_INVALID" });
});

test("an alert that names no system is the only system's; of an unknown one it is ignored until it is known", async () => {
  const only = intakeOf(["loans"]);
  assert.equal((await only.intake.take("pager", payload("firing"))).looked, 1);
  const two = intakeOf(["loans", "cards"]);
  for (let turn = 0; turn < 2; turn++) assert.equal((await two.intake.take("pager", payload("firing"))).ignored, 1);
});

test("a look that failed is asked for again by the next repeat", async () => {
  const { intake, looks, fail } = intakeOf(["loans"]);
  fail(true);
  await assert.rejects(intake.take("pager", payload("firing")), /disk is full/);
  fail(false);
  assert.equal((await intake.take("pager", payload("firing"))).looked, 1);
  assert.equal(looks.length, 1);
});

test("a connection that can ask is asked again and again, and silence is said once", async () => {
  const alerts = createAlertmanagerAlerts({ system: { always: "loans" } });
  let asked = 0;
  let done = () => {};
  const enough = new Promise<void>((resolve) => {
    done = resolve;
  });
  const poll = async () => {
    asked += 1;
    if (asked === 5) done();
    if (asked < 4) throw new Error("no answer");
    return alerts.take(payload("firing"));
  };
  const { intake, looks, logged } = intakeOf(["loans"], { ...alerts, poll, everyMs: 1 });
  await enough;
  await new Promise((resolve) => setImmediate(resolve));
  intake.stop();
  assert.deepEqual(logged, ["pager: alerts are not known: no answer"]);
  assert.equal(looks.length, 1);
});
