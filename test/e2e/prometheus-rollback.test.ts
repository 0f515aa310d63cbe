import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectionWorld } from "../../src/app/connections/connection.ts";
import { prometheus } from "../../src/app/connections/prometheus.ts";
import { startRollbook } from "../../src/app/rollbook.ts";
import { systemClock } from "../../src/app/system-clock.ts";
import { defineRelease } from "../../src/core/release.ts";
import { parsePlaybook } from "../../src/playbook/parse-playbook.ts";
import { defineFlag } from "../../src/traffic/flags/flag-book.ts";
import { startPrometheus } from "./prometheus-server.ts";
import { startScrapedApp } from "./scraped-app.ts";

const programs = process.env["PROMETHEUS_PROGRAMS"];
const skip = programs === undefined ? "PROMETHEUS_PROGRAMS names no folder" : false;

const PLAYBOOK = `
rollbook: v1
system: loans
owner: credit
risk: low
authority: act
what: { flag: flags://polite, route: gateway://loans }
signals: { approvals: { share: approved, of: decisions, from: metrics, better: up } }
when: { lost-approvals: { approvals: falls, by: 20% } }
how: { release: { canary: [50], each: 10m } }
fixed: { approvals: { above: 50% }, for: 2s }
`;
const world: ConnectionWorld = { folder: "/", data: "/", clock: systemClock, secret: () => "" };
const flag = (variant: "on" | "off") => defineFlag("polite", { on: true, off: false }, variant);
const release = (variant: "on" | "off") =>
  defineRelease("loans", variant, { flag: { digest: flag(variant).digest, label: `polite ${variant}` } });

test("a release that loses approvals in Prometheus' counters is rolled back and proved fixed by them", {
  skip,
}, async (t) => {
  const app = await startScrapedApp();
  t.after(() => app.stop());
  const [stable, candidate] = [release("off"), release("on")];
  const share = { [stable.id]: 0.8, [candidate.id]: 0.8 };
  for (const { id } of [stable, candidate]) app.add(id, 0, 0);
  const traffic = setInterval(() => {
    for (const { id } of [stable, candidate]) app.add(id, 10, Math.round(10 * share[id]!));
  }, 50);
  t.after(() => clearInterval(traffic));
  const server = await startPrometheus(programs!, [app.target]);
  t.after(() => server.stop());
  while (app.scrapes < 3) await sleep(100);

  const { control, stop } = await startProtected(t, server.url);
  t.after(stop);
  await control.adopt(stable);
  await sleep(6000);
  const rollout = await control.release(candidate);
  await sleep(5000);
  assert.equal((await control.rollouts()).find(({ id }) => id === rollout.id)?.rollback, undefined);
  share[candidate.id] = 0.3;
  const began = Date.now();
  const ended = await control.ended(rollout.id);
  assert.equal(ended.rollback?.outcome, "verified", JSON.stringify(ended.rollback));
  assert.match(ended.rollback.cause.join(" "), /lost-approvals/);
  const after = (at = Number.NaN) => Math.round(at - began);
  const { decidedAt, containedAt, restoredAt, fixedAt } = ended.rollback;
  t.diagnostic(
    `decided ${after(decidedAt)} ms, contained ${after(containedAt)} ms, restored ${after(restoredAt)} ms and proved fixed ${after(fixedAt)} ms after the fault`,
  );
});

async function startProtected(t: TestContext, url: string) {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-prometheus-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const counters = { of: "decisions_total", part: "approved_total", release: "track" };
  const connection = prometheus.connect(
    "metrics",
    prometheus.settings.parse({ url, signals: { approvals: counters } }),
    world,
  );
  const rollbook = await startRollbook({
    folder: join(folder, "data"),
    ledgerName: "loans",
    apiPort: 0,
    flags: [flag("off")],
    flagRevisions: [flag("on")],
    connections: [{ name: "metrics", connection }],
  });
  const parsed = parsePlaybook(PLAYBOOK, "loans.yaml");
  assert.ok(parsed.kind === "parsed", JSON.stringify(parsed));
  const upstreams = { stable: "http://127.0.0.1:9", candidate: "http://127.0.0.1:9" };
  const { control } = await rollbook.protect(parsed.playbook, { upstreams, gatewayPort: 0 });
  return { control: control(), stop: () => rollbook.stop() };
}
