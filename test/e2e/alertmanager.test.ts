import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chatPlaybook } from "../../src/app/chat.fixture.ts";
import { alertmanager } from "../../src/app/connections/alertmanager.ts";
import type { ConnectionWorld } from "../../src/app/connections/connection.ts";
import { type Rollbook, startRollbook } from "../../src/app/rollbook.ts";
import { systemClock } from "../../src/app/system-clock.ts";
import { defineFlag } from "../../src/traffic/flags/flag-book.ts";
import { type MonitoringServer, startAlertmanager, startPrometheus } from "./prometheus-server.ts";
import { type ScrapedApp, startScrapedApp } from "./scraped-app.ts";

const programs = process.env["PROMETHEUS_PROGRAMS"];
const skip = programs === undefined ? "PROMETHEUS_PROGRAMS names no folder" : false;

const RULES = {
  groups: [
    {
      name: "chat",
      rules: [
        {
          alert: "ManyComplaints",
          expr: "complaints > 0",
          labels: { system: "chat" },
          annotations: { summary: "{{ $value }} complaints" },
        },
      ],
    },
  ],
};
const world: ConnectionWorld = { folder: "/", data: "/", clock: systemClock, secret: () => "" };
const NOWHERE = "http://127.0.0.1:9";

/** A Rollbook that protects `chat` and has this connection to an Alertmanager, called pager. */
async function startProtected(t: TestContext, settings: object): Promise<Rollbook> {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-alerts-"));
  const connection = alertmanager.connect("pager", alertmanager.settings.parse(settings), world);
  const rollbook = await startRollbook({
    folder: join(folder, "data"),
    ledgerName: "chat",
    apiPort: 0,
    flags: [defineFlag("polite", { on: true, off: false }, "off")],
    connections: [{ name: "pager", connection }],
  });
  t.after(async () => {
    await rollbook.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  await rollbook.protect(chatPlaybook(), { upstreams: { stable: NOWHERE, candidate: NOWHERE }, gatewayPort: 0 });
  return rollbook;
}

/** What the ledger holds of looks. */
async function looks({ store }: Rollbook): Promise<readonly { reason: string; key: string; resolved?: boolean }[]> {
  const entries = await store.entries(0, 1000);
  return entries
    .map(({ leaf }) => JSON.parse(leaf) as { type: string; data: { reason: string; key: string; resolved?: boolean } })
    .flatMap(({ type, data }) => (type === "looked" ? [data] : []));
}

async function until<T>(what: string, find: () => Promise<T | undefined | false>, seconds = 20): Promise<T> {
  for (let tries = 0; tries < seconds * 20; tries++) {
    const found = await find();
    if (found) return found;
    await sleep(50);
  }
  throw new Error(`${what}: not within ${seconds} s`);
}

describe("alerts of a real Alertmanager", { skip }, () => {
  let app: ScrapedApp;
  before(async () => {
    app = await startScrapedApp();
    app.extra = "complaints 0";
  });
  after(() => app?.stop());

  const stopping = async (t: TestContext, server: Promise<MonitoringServer>) => {
    const started = await server;
    t.after(() => started.stop());
    return started;
  };

  test("a rule that fires is a look within seconds, once whatever the repeats; resolved is recorded; polls agree", async (t) => {
    const rollbook = await startProtected(t, {});
    const token = await rollbook.issueToken("reporter", "alertmanager");
    const receiver = {
      name: "rollbook",
      webhook_configs: [
        {
          url: `${rollbook.url}/v1/alerts/pager`,
          send_resolved: true,
          http_config: { authorization: { credentials: token } },
        },
      ],
    };
    const timing = { group_wait: "0s", group_interval: "1s", repeat_interval: "1s" };
    const alerts = await stopping(
      t,
      startAlertmanager(programs!, { route: { receiver: "rollbook", ...timing }, receivers: [receiver] }),
    );
    await stopping(t, startPrometheus(programs!, [app.target], { rules: RULES, alertmanager: alerts.url }));
    const asking = await startProtected(t, { url: alerts.url, every: "1s" });
    const posted = async () => {
      const metrics = await (await fetch(`${alerts.url}/metrics`)).text();
      return Number(/^alertmanager_notifications_total\{integration="webhook"\} (\d+)/m.exec(metrics)?.[1] ?? 0);
    };
    const refused = async () => {
      const metrics = await (await fetch(`${alerts.url}/metrics`)).text();
      return Number(/^alertmanager_notifications_failed_total\{integration="webhook"\} (\d+)/m.exec(metrics)?.[1] ?? 0);
    };
    await until("the first scrapes", async () => app.scrapes >= 3);

    app.extra = "complaints 7";
    const began = Date.now();
    const first = await until("a look", async () => (await looks(rollbook))[0]);
    const tookPosted = Date.now() - began;
    assert.match(first.reason, /^alert ManyComplaints is firing since 20.*Z$/);
    const polled = await until("a look of who asks", async () => (await looks(asking))[0]);
    const tookPolled = Date.now() - began;
    assert.equal(polled.reason, first.reason);
    assert.ok(tookPosted < 10_000 && tookPolled < 10_000, `${tookPosted} and ${tookPolled} ms`);

    const repeated = await until("repeats", async () => (await posted()) >= 4 && posted());
    assert.equal((await looks(rollbook)).length, 1);
    assert.equal((await looks(asking)).length, 1);
    assert.equal(await refused(), 0);

    app.extra = "complaints 0";
    const resolved = await until("the end", async () => (await looks(rollbook))[1]);
    assert.match(resolved.reason, /^alert ManyComplaints, of 20.*Z, is resolved/);
    assert.deepEqual([resolved.resolved, resolved.key], [true, first.key]);

    app.extra = "complaints 2";
    const anew = await until("the second alert", async () => (await looks(rollbook))[2]);
    assert.notEqual(anew.key, first.key);
    t.diagnostic(`posted after ${tookPosted} ms, asked after ${tookPolled} ms, one look of ${repeated} notices`);
  });

  test("without a token nothing comes in, and Alertmanager counts the failure", async (t) => {
    const rollbook = await startProtected(t, {});
    const receiver = { name: "r", webhook_configs: [{ url: `${rollbook.url}/v1/alerts/pager` }] };
    const route = { receiver: "r", group_wait: "0s", group_interval: "1s" };
    const alerts = await stopping(t, startAlertmanager(programs!, { route, receivers: [receiver] }));
    const body = JSON.stringify([{ labels: { alertname: "X", system: "chat" } }]);
    const headers = { "content-type": "application/json" };
    assert.ok((await fetch(`${alerts.url}/api/v2/alerts`, { method: "POST", headers, body })).ok);
    await until("a failure", async () => {
      const metrics = await (await fetch(`${alerts.url}/metrics`)).text();
      return /^alertmanager_notifications_failed_total\{integration="webhook"\} [1-9]/m.test(metrics);
    });
    assert.deepEqual(await looks(rollbook), []);
  });
});
