import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { shortDigest } from "../src/core/digest.ts";
import {
  parsePlaybook,
  type ReleasePlans,
  type Report,
  RollbookError,
  renderReport,
  startRollbook,
} from "../src/index.ts";
import type { Child } from "./child.ts";
import { type DemoOptions, HELP, parseDemoOptions } from "./options.ts";
import { createProgress } from "./progress.ts";
import { lendingStage, recordedStage, type Stage } from "./stage.ts";
import { openWorld, type World } from "./world.ts";

const EXIT: Readonly<Record<Report["outcome"], number>> = {
  promoted: 0,
  "rolled-back-verified": 0,
  "observed-harm": 11,
  undecided: 11,
  "rolled-back-unverified": 20,
  stuck: 21,
  running: 1,
};

const say = (text: string) => process.stderr.write(text);
const stops: (() => Promise<void>)[] = [];

async function stopAll(): Promise<void> {
  for (const stop of stops.splice(0).reverse()) await stop().catch(() => undefined);
}

async function main(options: DemoOptions): Promise<number> {
  if (options.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  const stage = options.recording ? await recordedStage(options, options.recording) : lendingStage(options);
  const world = openWorld(options.data, stage.key);
  const rollbook = await startRollbook({
    folder: world.rollbook,
    playbook: playbookOf(stage),
    apiPort: options.port,
    gatewayPort: options.gatewayPort,
    flags: stage.flags,
    onEvent: createProgress(say, process.stderr.isTTY === true && !process.env["NO_COLOR"]),
    log: (text) => say(`${text}\n`),
    notifier: { notify: async (audience, subject) => void say(`          told ${audience.join(", ")}: ${subject}\n`) },
    ...crashPoint(),
  });
  stops.push(() => rollbook.stop());
  say(`Rollbook: ${rollbook.url}${rollbook.moved ? ` (port ${options.port} is taken)` : ""}\n`);
  say(`beside it: ${stage.about}\n`);
  if (world.resumed) say("this world was cut off; going on where it stood\n");
  else say(`API token, shown only now: ${await rollbook.issueToken("admin", "first")}\n`);

  const token = await rollbook.issueToken("reporter", `demo-${process.pid}`);
  const system = await stage.startSystem(world, rollbook.url, token);
  stops.push(() => system.stop());
  const base = `http://127.0.0.1:${system.port}`;
  const { gateway, moved, control } = await rollbook.protect({
    hosts: { [stage.host]: base },
    upstreams: { stable: `${base}/slots/stable`, candidate: `${base}/slots/live` },
  });
  say(`gateway:  ${gateway}${moved ? ` (port ${options.gatewayPort} is taken)` : ""}\n\n`);

  const open = await control.resume();
  let id = open?.id ?? (world.resumed ? (await control.rollouts())[0]?.id : undefined);
  const startTraffic = async (): Promise<Child> => {
    const traffic = await stage.startTraffic(world, gateway, rollbook.url, token);
    stops.push(() => traffic.stop());
    return traffic;
  };
  if (id === undefined) {
    const { stable, candidate } = await stage.releases(control.playbook.system, system);
    await control.adopt(stable);
    if (options.dryRun) return dryRun(options, world, await control.plan(candidate));
    await startTraffic();
    id = (await control.release(candidate)).id;
  } else await startTraffic();

  const ended = await control.ended(id);
  const report = await control.report(ended.id);
  world.finish();
  print(options, report, rollbook.url);
  if (!options.once) {
    say(`\nThe page stays open at ${rollbook.url}. Ctrl-C ends it.\n`);
    await new Promise(() => undefined);
  }
  return EXIT[report.outcome];
}

function playbookOf(stage: Stage) {
  const file = fileURLToPath(stage.playbook);
  const parsed = parsePlaybook(readFileSync(file, "utf8"), file);
  if (parsed.kind === "parsed") return parsed.playbook;
  throw new RollbookError("PLAYBOOK_INVALID", { file, count: parsed.issues.length });
}

function dryRun(options: DemoOptions, world: World, plans: ReleasePlans): number {
  world.finish();
  const { out, back } = plans;
  if (options.json) process.stdout.write(`${JSON.stringify(plans, undefined, 2)}\n`);
  else
    for (const { plan, digest } of [out, back]) {
      process.stdout.write(`${plan.kind}: plan ${shortDigest(digest)}\n`);
      for (const step of plan.steps) {
        const after = step.after.length > 0 ? ` after ${step.after.join(", ")}` : "";
        process.stdout.write(`  ${step.component.padEnd(8)} -> ${step.label} (${shortDigest(step.desired)})${after}\n`);
      }
    }
  say("dry run: nothing was released\n");
  return 0;
}

function print(options: DemoOptions, report: Report, url: string): void {
  const about = { synthetic: options.recording === undefined, seed: options.seed };
  if (options.json) process.stdout.write(`${JSON.stringify({ ...about, ...report }, undefined, 2)}\n`);
  else process.stdout.write(`\n${renderReport(report)}\n`);
  say(`\nas data: ${url}/v1/rollouts/${report.rollout}/report\n`);
}

/** For kill tests: ROLLBOOK_CRASH_AT=POINT ends this process with SIGKILL where that point is first reached. */
function crashPoint() {
  const at = process.env["ROLLBOOK_CRASH_AT"];
  return at ? { atCrashPoint: (point: string) => void (point === at && process.kill(process.pid, "SIGKILL")) } : {};
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => void stopAll().finally(() => process.exit(signal === "SIGINT" ? 130 : 143)));
}

try {
  const exit = await main(parseDemoOptions(process.argv.slice(2)));
  await stopAll();
  process.exit(exit);
} catch (error) {
  await stopAll();
  say(error instanceof RollbookError ? `${error.explain()}\n` : `${(error as Error).stack ?? error}\n`);
  process.exit(error instanceof RollbookError ? error.exit : 1);
}
