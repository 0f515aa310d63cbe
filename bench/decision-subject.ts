// The Rollbook of the benchmark of decisions, in a process of its own and as `serve` starts it: default settings, SQLite in a
// folder. `PROCESS busy` has a rollout whose candidate serves half of everybody; `idle` has as many systems, and nothing to do.
import { subscribe } from "node:diagnostics_channel";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRollbook } from "../src/app/rollbook.ts";
import { defineRelease } from "../src/core/release.ts";
import type { Sample } from "../src/core/sample.ts";
import { parsePlaybook } from "../src/playbook/parse-playbook.ts";
import { defineFlag } from "../src/traffic/flags/flag-book.ts";
import { createArrivals } from "./arrivals.ts";

const [role, systems = "1"] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "rollbook-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const flagOf = (key: string, variant: "on" | "off") => defineFlag(key, { on: true, off: false }, variant);
const keys = Array.from({ length: Number(systems) }, (_, place) => `model-${place}`);

function playbookOf(key: string) {
  const text = `rollbook: v1
system: ${key}
owner: bench
risk: low
authority: act
what:
  model: flags://${key}
  route: flags://${key}-route
signals:
  approvals: { share: approvals, of: decisions, from: events, better: up }
  complaints: { share: complaints, of: decisions, from: events, better: down }
  errors: { share: errors, of: decisions, from: events, better: down }
when:
  lost-approvals: { approvals: falls, by: 5% }
  complaining: { complaints: rises, by: 50% }
  failing: { errors: above, limit: 20% }
  meltdown: { hard: errors > 90%, over: 30s, min: 200 }
false-alarms: 1 in 1000 releases
how:
  release: { canary: [50], each: 15m, holdback: 5% for 1d }
  contain: stable
  within: 60s
fixed:
  approvals: { within: 50% }
  for: 1s
who:
  now: [ page://dashboard ]
`;
  const parsed = parsePlaybook(text, `${key}.yaml`);
  if (parsed.kind !== "parsed") throw new Error(JSON.stringify(parsed));
  return parsed.playbook;
}

const rollbook = await startRollbook({
  folder: join(folder, "data"),
  ledgerName: "bench",
  apiPort: 0,
  flags: keys.map((key) => flagOf(key, "off")),
  flagRevisions: keys.map((key) => flagOf(key, "on")),
});
const token = await rollbook.issueToken("reporter", "bench");
const releaseOf = (key: string, variant: "on" | "off") =>
  defineRelease(key, `${key} ${variant}`, {
    model: { digest: flagOf(key, variant).digest, label: `${key} ${variant}` },
  });
for (const key of keys) {
  const system = await rollbook.protect(playbookOf(key), { values: () => true });
  await system.control().adopt();
  system.watch();
}

const arrivals = createArrivals();
subscribe("http.server.request.start", arrivals.note);

/** Judging follows the taking of counts in the same breath: what was taken is judged when the next microtask runs. */
function watchJudgements(key: string): void {
  const counter = rollbook.systems.get(key)!.counter as { drain: () => readonly Sample[] };
  const drain = counter.drain;
  counter.drain = () => {
    const samples = drain();
    const seen = samples.reduce((sum, { signal, n }) => sum + (signal === "approvals" ? n : 0), 0);
    if (seen > 0) queueMicrotask(() => arrivals.seen(seen));
    return samples;
  };
}

const releases = [releaseOf(keys[0]!, "off").id, releaseOf(keys[0]!, "on").id];
if (role === "busy") {
  const system = rollbook.systems.get(keys[0]!)!;
  await system.control().release(releaseOf(keys[0]!, "on"));
  while (system.edge.traffic.current(keys[0]!)?.candidatePpm !== 500_000)
    await new Promise((done) => setTimeout(done, 50));
  watchJudgements(keys[0]!);
}
process.send?.({ port: Number(new URL(rollbook.url).port), token, system: keys[0], releases });

process.on("message", (asked: { readonly ask: "cpu" | "watch" | "latencies"; readonly of?: number }) => {
  if (asked.ask === "watch") arrivals.watch(asked.of ?? 1);
  const { user, system } = process.cpuUsage();
  const data = join(folder, "data");
  const bytes = readdirSync(data).reduce((sum, file) => sum + statSync(join(data, file)).size, 0);
  const { latencies } = asked.ask === "latencies" ? arrivals : { latencies: [] };
  process.send?.({ cpu: (user + system) / 1e6, bytes, latencies });
});
process.on("disconnect", () => process.exit());
