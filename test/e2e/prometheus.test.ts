import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createConnections } from "../../src/app/connections/connections.ts";
import { readConnections } from "../../src/app/connections/connections-file.ts";
import { digestOf } from "../../src/core/digest.ts";
import type { Signal } from "../../src/core/playbook.ts";
import type { PolledSource, SourceHealth } from "../../src/core/ports.ts";
import { defineRelease } from "../../src/core/release.ts";
import type { Sample } from "../../src/core/sample.ts";
import { describeSignalSource } from "../../src/testing/index.ts";
import { type MonitoringServer, startPrometheus } from "./prometheus-server.ts";
import { type ScrapedApp, startScrapedApp } from "./scraped-app.ts";

const programs = process.env["PROMETHEUS_PROGRAMS"];
const skip = programs === undefined ? "PROMETHEUS_PROGRAMS names no folder" : false;
const release = (name: string) => defineRelease("loans", name, { model: { digest: digestOf(name), label: name } });
const stable = release("r1");
const candidate = release("r2");
const signal: Signal = {
  name: "approvals",
  kind: "share",
  part: "approved",
  of: "decisions",
  from: "metrics",
  better: "up",
};
const counters = { of: "decisions_total", part: "approved_total", release: "track" };

/** A source of a connections file with these settings. */
function sourceOf(url: string, settings: object = {}, node = "n1", more: object = {}) {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-prometheus-"));
  try {
    const file = join(folder, "connections.yaml");
    const metrics = {
      kind: "prometheus",
      url,
      timeout: "1s",
      signals: { approvals: { ...counters, ...settings } },
      ...more,
    };
    writeFileSync(file, `rollbook: connections/v1\nconnections: ${JSON.stringify({ metrics })}`);
    const connections = createConnections(readConnections(file, () => "secret").connections);
    const arms = () => ({ stable, candidate });
    const source = connections.source("metrics", { system: "loans", signals: [signal], node, arms });
    return { source, close: () => connections.close() };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const poll = (source: PolledSource) => source.poll(AbortSignal.timeout(10_000));
const says = (health: SourceHealth, kind: SourceHealth["kind"], pattern: RegExp) => {
  assert.equal(health.kind, kind, JSON.stringify(health));
  assert.match("reason" in health ? health.reason : "", pattern);
};

/** The first scrapes come some seconds after the start. */
async function scraped(...apps: readonly ScrapedApp[]): Promise<void> {
  for (let tries = 0; tries < 200 && apps.some(({ scrapes }) => scrapes < 3); tries++) await sleep(100);
}

describe("counters in a real Prometheus", { skip }, () => {
  let apps: readonly [ScrapedApp, ScrapedApp];
  let server: MonitoringServer;

  before(async () => {
    apps = [await startScrapedApp(), await startScrapedApp()];
    for (const app of apps) for (const track of ["stable", "candidate"]) app.add(track, 1000, 400);
    server = await startPrometheus(
      programs!,
      apps.map(({ target }) => target),
    );
    await scraped(...apps);
  });
  after(async () => {
    await server?.stop();
    await Promise.all((apps ?? []).map((app) => app.stop()));
  });

  test("counts are the truth over resets, vanished series, NaN, a killed server and a new source", async (t) => {
    const tracks = ["stable", "candidate"] as const;
    const truth = { stable: { n: 0, k: 0 }, candidate: { n: 0, k: 0 } };
    const told: Sample[] = [];
    const healths: SourceHealth[] = [];
    let { source, close } = sourceOf(server.url, { created: "process_start_time_seconds" });
    t.after(() => close());
    const ask = async () => {
      const health = await poll(source);
      healths.push(health);
      told.push(...source.drain());
      return health;
    };
    const lately = async (seconds: number) => {
      healths.length = 0;
      for (let turn = 0; turn < seconds; turn++) {
        await sleep(1000);
        await ask();
      }
      return healths.map((health) => `${health.kind}: ${"reason" in health ? health.reason : ""}`).join("\n");
    };
    says(await ask(), "no-data", /counting begins now/);
    assert.equal(source.everyMs, 1000, "the interval is learnt from the server");

    let busy = true;
    const traffic = setInterval(() => {
      for (const [index, app] of apps.entries()) {
        for (const track of busy ? tracks : []) {
          const n = 1 + ((index + truth[track].n) % (track === "stable" ? 7 : 5));
          const k = truth[track].n % (n + 1);
          app.add(track, n, k);
          truth[track].n += n;
          truth[track].k += k;
        }
      }
    }, 5);
    t.after(() => clearInterval(traffic));
    const [a, b] = apps;
    const restart = (app: ScrapedApp) => {
      for (const [track, lost] of app.restart()) {
        truth[track as "stable"].n -= lost.n;
        truth[track as "stable"].k -= lost.k;
      }
    };

    assert.match(await lately(4), /ok/);
    restart(a);
    await lately(3);
    b.hidden.add("candidate");
    await lately(3);
    b.hidden.delete("candidate");
    a.written.set("approved_total candidate", "NaN");
    assert.match(await lately(3), /error: approvals: a counter's value is NaN/);
    a.written.clear();
    await lately(5);
    assert.deepEqual(healths.at(-1), { kind: "ok" });

    await server.kill();
    assert.match(await lately(3), /error: no answer \(ECONNREFUSED\)/);
    await server.start();
    await lately(4);
    restart(b);
    await lately(3);
    assert.deepEqual(healths.at(-1), { kind: "ok" });

    busy = false;
    await lately(4);
    await close();
    ({ source, close } = sourceOf(server.url, { created: "process_start_time_seconds" }, "n2"));
    await lately(2);
    busy = true;
    await lately(3);
    busy = false;
    await lately(4);

    for (const [track, { id }] of Object.entries({ stable, candidate })) {
      const own = told.filter(({ release: of }) => of === id);
      const total = own.reduce((sum, { n, k }) => ({ n: sum.n + n, k: sum.k + k }), { n: 0, k: 0 });
      assert.deepEqual(total, truth[track as "stable"], track);
      t.diagnostic(`${track}: ${total.k} of ${total.n} in ${own.length} samples`);
    }
    assert.ok(told.every(({ n, k, bucket }) => k <= n && bucket % 1000 === 0));
    assert.equal(
      new Set(told.map((one) => `${one.node} ${one.sequence} ${one.bucket} ${one.release}`)).size,
      told.length,
    );
  });

  test("what the server refuses is said with its place and its words", async () => {
    const refusals: readonly (readonly [object, RegExp])[] = [
      [
        { of: "decisions_total{" },
        /approvals: of: "decisions_total\{": the server answers 400: bad_data: .*parse error/,
      ],
      [{ part: "decisions_total + on() approved_total" }, /approvals: part: .*answers 422: execution: .*many-to-many/],
      [{ part: "1" }, /part: "1": the expression yields a scalar/],
    ];
    for (const [settings, said] of refusals) {
      const { source, close } = sourceOf(server.url, settings);
      says(await poll(source), "error", said);
      says(await poll(source), "error", said);
      assert.deepEqual(source.drain(), []);
      await close();
    }
  });

  test("what is not there is no data and never well", async () => {
    const { source, close } = sourceOf(server.url, { of: "decision_total", part: "approvd_total" });
    await poll(source);
    says(await poll(source), "no-data", /"decision_total" has no series/);
    await close();
    const other = sourceOf(server.url, { release: "version" });
    await poll(other.source);
    says(await poll(other.source), "no-data", /no sample of stable since it is out; the label version has: \(absent\)/);
    await other.close();
    const nobody = sourceOf("http://127.0.0.1:9");
    says(await poll(nobody.source), "error", /ECONNREFUSED/);
    await nobody.close();
  });

  test("a server behind TLS is believed by the certificate that was given, and only then", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "rollbook-tls-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const [key, ca] = [join(folder, "key.pem"), join(folder, "ca.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const args = [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "1",
      "-keyout",
      key,
      "-out",
      ca,
      ...subject,
    ];
    const made = spawnSync("openssl", args, { encoding: "utf8" });
    if (made.status !== 0) return t.skip(`openssl: ${made.error?.message ?? made.stderr}`);
    const seen = new Set<string | undefined>();
    const door = createServer({ key: readFileSync(key), cert: readFileSync(ca) }, async (request, response) => {
      seen.add(request.headers.authorization);
      const answer = await fetch(`${server.url}${request.url?.replace("/metrics-of/lending", "")}`);
      response.writeHead(answer.status).end(await answer.text());
    });
    await new Promise<void>((resolve) => void door.listen(0, "127.0.0.1", resolve));
    t.after(() => door.close());
    const url = `https://localhost:${(door.address() as AddressInfo).port}/metrics-of/lending/`;
    const trusting = sourceOf(url, {}, "n1", { ca, auth: { user: "rollbook", password: { env: "PASSWORD" } } });
    says(await poll(trusting.source), "no-data", /counting begins now/);
    await trusting.close();
    assert.deepEqual([...seen], [`Basic ${Buffer.from("rollbook:secret").toString("base64")}`]);
    const doubting = sourceOf(url);
    says(await poll(doubting.source), "error", /SELF_SIGNED/);
    await doubting.close();
  });

  test("a server that hangs is an error within the timeout", async () => {
    const { source, close } = sourceOf(server.url);
    await poll(source);
    await server.freeze(true);
    try {
      const began = Date.now();
      says(await poll(source), "error", /no answer within 1000 ms/);
      assert.ok(Date.now() - began < 3000);
    } finally {
      await server.freeze(false);
    }
    await close();
  });
});

describe("the contract in a real Prometheus", { skip }, () => {
  let app: ScrapedApp;
  let server: MonitoringServer;
  let run = 0;
  before(async () => {
    app = await startScrapedApp();
    server = await startPrometheus(programs!, [app.target]);
    await scraped(app);
  });
  after(async () => {
    await server?.stop();
    await app?.stop();
  });

  describeSignalSource({
    name: "the Prometheus source",
    timeout: 60_000,
    async setup() {
      run += 1;
      app.tracks.clear();
      app.tracks.set("stable", { n: 5, k: 5 });
      app.tracks.set("candidate", { n: 100 * run, k: 40 * run });
      await sleep(2200);
      const { source, close } = sourceOf(server.url);
      return {
        source,
        signal: "approvals",
        release: candidate.id,
        async happen(n, k) {
          app.add("candidate", n, k);
          await sleep(2800);
        },
        silence: () => server.freeze(true),
        speak: () => server.freeze(false),
        stop: close,
      };
    },
  });
});
