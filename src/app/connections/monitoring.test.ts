import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startPrometheusTwin } from "../../adapters/prometheus/prometheus-twin.fixture.ts";
import { digestOf } from "../../core/digest.ts";
import type { Signal } from "../../core/playbook.ts";
import { defineRelease } from "../../core/release.ts";
import { systemClock } from "../system-clock.ts";
import { alertmanager } from "./alertmanager.ts";
import { readConnections } from "./connections-file.ts";
import { prometheus } from "./prometheus.ts";

const world = {
  folder: "/",
  data: "/",
  clock: systemClock,
  secret: (reference: object) => ("env" in reference ? `<${String(reference.env)}>` : ""),
};
const counters = { of: "decisions_total", part: "approved_total", release: "track" };
const sound = { url: "https://metrics.example/prometheus/", signals: { approvals: counters } };
const approvals: Signal = {
  name: "approvals",
  kind: "share",
  part: "approved",
  of: "decisions",
  from: "metrics",
  better: "up",
};

test("the settings of Prometheus are closed, and say what is wrong", () => {
  assert.ok(prometheus.settings.safeParse(sound).success);
  const of = (more: object) => ({ signals: { approvals: { ...counters, ...more } } });
  for (const [flaw, said] of [
    [{ url: "ftp://x" }, /http\(s\)/],
    [{ url: "http://metrics.example", auth: { bearer: { env: "T" } } }, /https:\/\/ only/],
    [{ url: "http://metrics.example", headers: { "X-Key": { env: "T" } } }, /https:\/\/ only/],
    [{ auth: { bearer: "abc" } }, /is either/],
    [{ timeout: "30s" }, /at most 9s/],
    [{ every: "10ms" }, /at least 1s/],
    [{ headers: { "a b": "x" } }, /no name of a header/],
    [{ headers: { a: "x\r\ny" } }, /no value of a header/],
    [{ values: { canary: "new" } }, /candidate/],
    [{ signals: { "a/b/c": counters } }, /SYSTEM\/SIGNAL/],
    [of({ release: "a-b" }), /no name of a label/],
    [of({ of: "rate(decisions_total[5m])" }), /rate\(\) does not yield a counter/],
    [of({ part: "sum(approved_total)" }), /drops the label track/],
    [of({ created: "min(x) by (pod)" }), /does not yield a counter|must be a selector/],
    [of({ missing: "none" }), /zero/],
    [{ password: "x" }, /password/],
  ] as const) {
    const { error } = prometheus.settings.safeParse({ ...sound, ...flaw });
    assert.match(JSON.stringify(error?.issues ?? []).replaceAll("\\", ""), said);
  }
});

test("the settings of Alertmanager are closed, and say what is wrong", () => {
  assert.ok(alertmanager.settings.safeParse({}).success);
  for (const [flaw, said] of [
    [{ system: "loans", label: "team" }, /either `system` or `label`/],
    [{ every: "5s" }, /say the `url`/],
    [{ auth: { bearer: { env: "T" } } }, /say the `url`/],
    [{ url: "http://alerts.example", auth: { bearer: { env: "T" } } }, /https:\/\/ only/],
  ] as const) {
    assert.match(JSON.stringify(alertmanager.settings.safeParse(flaw).error?.issues ?? []), said);
  }
});

test("a signal's settings are its own, or those of a system's signal, and are missed at once", async (t) => {
  const twin = await startPrometheusTwin(systemClock.now());
  t.after(() => twin.stop());
  const release = (name: string) => defineRelease("loans", name, { model: { digest: digestOf(name), label: name } });
  const arms = () => ({ stable: release("r1"), candidate: release("r2") });
  const own = { ...counters, of: "loans_total" };
  const settings = prometheus.settings.parse({
    url: twin.url,
    auth: { user: "me", password: { env: "PASSWORD" } },
    headers: { "X-Scope-OrgID": "lending", "X-Key": { env: "KEY" } },
    interval: "4s",
    signals: { approvals: counters, "loans/approvals": own },
  });
  const { source, close } = prometheus.connect("metrics", settings, world);
  t.after(() => close?.());
  const context = { signals: [approvals], node: "n", arms };
  const polled = source!({ ...context, system: "loans" });
  assert.equal(polled.everyMs, 2000);
  assert.deepEqual(await polled.poll(AbortSignal.timeout(5000)), {
    kind: "no-data",
    reason: "counting begins now: the first counts follow with the next scrapes",
  });
  const [{ headers } = { headers: {} }] = twin.asked as readonly { headers: Record<string, unknown> }[];
  assert.deepEqual(
    [headers["authorization"], headers["x-scope-orgid"], headers["x-key"]],
    [`Basic ${Buffer.from("me:<PASSWORD>").toString("base64")}`, "lending", "<KEY>"],
  );
  await source!({ ...context, system: "cards" }).poll(AbortSignal.timeout(5000));
  const queries = twin.asked.map(({ query }) => query);
  assert.ok(queries.includes("loans_total") && queries.includes("decisions_total"));
  const signals = [{ ...approvals, name: "errors" }];
  assert.throws(() => source!({ ...context, system: "loans", signals }), {
    code: "RELEASE_REFUSED",
    message: /metrics has no settings for the signal errors of loans: add metrics\.signals\.errors/,
  });
  for (const kind of ["mean", "time"] as const)
    assert.throws(() => source!({ ...context, system: "loans", signals: [{ ...approvals, kind }] }), {
      code: "RELEASE_REFUSED",
      message: /approvals is a (mean|time), and metrics has counters: .* report them \(from: events\)/,
    });
});

test("the connections of the docs are read", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-monitoring-"));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [page, part] of [
    ["prometheus", "source"],
    ["alertmanager", "alerts"],
  ] as const) {
    const text = readFileSync(new URL(`../../../docs/adapters/${page}.md`, import.meta.url), "utf8");
    const file = join(folder, `${page}.yaml`);
    writeFileSync(file, /```yaml\n(# connections[\s\S]*?)```/.exec(text)?.[1] ?? "");
    const [named] = readConnections(file, () => "secret").connections;
    assert.ok(named?.connection[part]);
  }
});

test("both are read from a connections file; certificates that cannot be read are said", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-monitoring-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "connections.yaml");
  const read = (ca: string) => {
    const metrics = JSON.stringify({ ...sound, kind: "prometheus", ca });
    writeFileSync(
      file,
      `rollbook: connections/v1\nconnections: { metrics: ${metrics}, alertmanager: { label: app } }\n`,
    );
    return readConnections(file, () => undefined);
  };
  assert.throws(() => read("missing.pem"), { code: "FILE_UNREADABLE", message: /missing\.pem/ });
  writeFileSync(join(folder, "ca.pem"), "-----BEGIN CERTIFICATE-----");
  const { connections } = read("ca.pem");
  assert.ok(connections.find(({ name }) => name === "metrics")?.connection.source);
  const alerts = connections.find(({ name }) => name === "alertmanager")?.connection.alerts;
  assert.ok(alerts && alerts.poll === undefined);
});
