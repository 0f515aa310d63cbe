import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { createAlertmanagerAlerts } from "./alertmanager-alerts.ts";

const START = "2026-11-23T04:00:00.123456789Z";
const alert = (more: object = {}) => ({
  status: "firing",
  labels: { alertname: "ErrorBudgetBurn", system: "loans" },
  annotations: { summary: "two percent an hour", description: "longer" },
  startsAt: START,
  endsAt: "0001-01-01T00:00:00Z",
  generatorURL: "http://prometheus/graph",
  fingerprint: "72c1f9f3a1d2b3c4",
  ...more,
});
const payload = (alerts: readonly object[] = [alert()], more: object = {}) => ({
  version: "4",
  groupKey: '{}:{alertname="ErrorBudgetBurn"}',
  truncatedAlerts: 0,
  status: "firing",
  receiver: "rollbook",
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: "http://alertmanager",
  alerts,
  ...more,
});
const byLabel = { system: { label: "system" } };

test("an alert is one reason, whatever its repeats, and another when it starts anew", () => {
  const alerts = createAlertmanagerAlerts(byLabel);
  const [first, ...none] = alerts.take(payload());
  assert.deepEqual(none, []);
  assert.deepEqual(
    { ...first, key: "", alert: "" },
    {
      system: "loans",
      name: "ErrorBudgetBurn",
      status: "firing",
      startsAt: Date.parse("2026-11-23T04:00:00.123Z"),
      summary: "two percent an hour",
      key: "",
      alert: "",
    },
  );
  assert.match(first!.key, /^[0-9a-f]{32}$/);
  assert.deepEqual(alerts.take(payload()), []);
  assert.deepEqual(alerts.take(payload([alert({ annotations: {} })])), []);
  const [anew] = alerts.take(payload([alert({ startsAt: "2026-11-23T05:00:00Z" })]));
  assert.notEqual(anew?.key, first?.key);
});

test("a resolved alert is told once, beside the firing one", () => {
  const alerts = createAlertmanagerAlerts(byLabel);
  alerts.take(payload());
  const resolved = payload([alert({ status: "resolved" })], { status: "resolved" });
  assert.deepEqual(
    alerts.take(resolved).map(({ status }) => status),
    ["resolved"],
  );
  assert.deepEqual(alerts.take(resolved), []);
});

test("what is forgotten is told again", () => {
  const alerts = createAlertmanagerAlerts(byLabel);
  const [reason] = alerts.take(payload());
  alerts.forget(reason!);
  assert.deepEqual(alerts.take(payload()), [reason]);
});

test("the system comes from a label, or is always the same; alerts that were cut off are said", () => {
  const other = alert({ labels: { alertname: "X" }, annotations: {} });
  const [named] = createAlertmanagerAlerts(byLabel).take(payload([other], { truncatedAlerts: 3 }));
  assert.deepEqual([named?.system, named?.summary], [undefined, "X (3 more alerts of this group were cut off)"]);
  const [always] = createAlertmanagerAlerts({ system: { always: "loans" } }).take(payload([other]));
  assert.equal(always?.system, "loans");
});

test("a body that is no payload of version 4 is refused with what is wrong, and nothing of it is remembered", () => {
  const alerts = createAlertmanagerAlerts(byLabel);
  for (const [body, said] of [
    [undefined, /version/],
    [[], /version/],
    [{ ...payload(), version: "3" }, /only "4"/],
    [payload([], { groupKey: 1 }), /groupKey/],
    [{ ...payload(), alerts: "none" }, /no list of alerts/],
    [payload([alert(), alert({ fingerprint: "" })]), /alerts\[1\] has no fingerprint/],
    [payload([alert({ startsAt: "soon" })]), /startsAt is no time/],
    [payload([alert({ status: "pending" })]), /neither firing nor resolved/],
    [payload([alert(), "text" as never]), /alerts\[1\]/],
  ] as const) {
    assert.throws(() => alerts.take(body), { code: "REQUEST_INVALID", message: said });
  }
  assert.equal(alerts.take(payload()).length, 1);
});

test("no body makes the reader fail in another way", () => {
  fc.assert(
    fc.property(fc.anything(), fc.array(fc.anything(), { maxLength: 3 }), (body, list) => {
      for (const given of [body, payload(list as object[])]) {
        const alerts = createAlertmanagerAlerts(byLabel);
        try {
          alerts.take(given);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "REQUEST_INVALID");
        }
      }
    }),
  );
});

test("the memory of alerts is bounded, and repeats renew it", () => {
  const alerts = createAlertmanagerAlerts(byLabel);
  const numbered = (from: number, count: number) =>
    payload(Array.from({ length: count }, (_, index) => alert({ fingerprint: `f${from + index}` })));
  assert.equal(alerts.take(numbered(0, 6000)).length, 6000);
  assert.equal(alerts.take(numbered(0, 1)).length, 0);
  assert.equal(alerts.take(numbered(6000, 6000)).length, 6000);
  assert.equal(alerts.take(numbered(0, 1)).length, 0, "renewed by its repeat");
  assert.equal(alerts.take(numbered(1, 1)).length, 1, "the oldest is forgotten");
});

test("active alerts are asked for, and told once between the API and the webhook", async (t) => {
  const server = await alertServer(t);
  const alerts = createAlertmanagerAlerts({
    ...byLabel,
    server: { url: server.url, everyMs: 5000, timeoutMs: 500, headers: { authorization: "Bearer x" } },
  });
  t.after(() => alerts.close());
  const poll = () => alerts.poll!(AbortSignal.timeout(2000));
  const [first] = await poll();
  assert.equal(first?.name, "ErrorBudgetBurn");
  assert.deepEqual(server.asked, ["/api/v2/alerts?active=true&silenced=false&inhibited=false Bearer x"]);
  assert.deepEqual(await poll(), []);
  assert.deepEqual(alerts.take(payload()), []);
  for (const [status, body, said] of [
    [503, "", /answers 503/],
    [200, "{", /cannot be read/],
    [200, "[{}]", /alerts\[0\]/],
  ] as const) {
    server.answer = { status, body };
    await assert.rejects(poll(), said);
  }
  await server.stop();
  await assert.rejects(poll(), /no answer/);
});

async function alertServer(t: TestContext) {
  const active = [{ ...alert({ startsAt: "2026-11-23T04:00:00.123Z" }), status: { state: "active" }, receivers: [] }];
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`);
    response.writeHead(world.answer.status, { "content-type": "application/json" }).end(world.answer.body);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const world = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: { status: 200, body: JSON.stringify(active) },
    asked,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
  t.after(world.stop);
  return world;
}
