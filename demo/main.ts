import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  type Control,
  createHttpAdapter,
  parsePlaybook,
  type ReleasePlans,
  type Report,
  type Rollbook,
  RollbookError,
  renderPlan,
  renderReport,
  startRollbook,
} from "../src/index.ts";
import { type ModelOnly, modelOnly, type Probes, probesText } from "./model-only.ts";
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

/** Called once, when the first traffic reaches the candidate. */
let onExposed = (): void => undefined;
const say = (text: string) => process.stderr.write(text);
let stopping = false;
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
  const rollbook = await bringUp(options, stage, world);
  const reporter = await rollbook.issueToken("reporter", `demo-${process.pid}`);
  const system = await stage.startSystem(world, rollbook.url, reporter);
  stops.push(() => system.stop());
  void system.lost.then((how) => say(`the AI system is gone: ${how}\n`));
  const base = `http://127.0.0.1:${system.port}`;
  const guarded = await rollbook.protect(playbookOf(stage), {
    upstreams: { stable: `${base}/slots/stable`, candidate: `${base}/slots/live` },
    gatewayPort: options.gatewayPort,
    adapters: [createHttpAdapter({ hosts: { [stage.host]: base } })],
  });
  const { gateway = "", moved } = guarded.edge;
  const control = guarded.control();
  say(`gateway:  ${gateway}${moved ? ` (port ${options.gatewayPort} is taken)` : ""}\n\n`);

  const known = options.dryRun ? undefined : await unfinished(control, world);
  const pair = known ? undefined : await stage.releases(control.playbook.system, system);
  if (pair) {
    await control.adopt(pair.stable);
    if (options.dryRun) return dryRun(options, world, await control.plan(pair.candidate));
  }
  let counterfactual: Promise<ModelOnly | undefined> | undefined;
  onExposed = () => {
    if (stage.host === "lending" && pair && !options.healthy) counterfactual ??= modelOnly(system, pair.stable);
  };
  const traffic = await stage.startTraffic(world, gateway, rollbook.url, reporter);
  stops.push(() => traffic.stop());
  const { id } = known ?? (await control.release(pair!.candidate));
  void traffic.lost.then((how) => {
    say(`nobody asks any more: ${how}\n`);
    // Without requests nothing can be judged: pull the cord instead of waiting for patience to end.
    control.pullCord(id, "demo", "the traffic has ended").catch(() => undefined);
  });

  await control.ended(id);
  const report = await control.report(id);
  if (report.outcome !== "stuck") world.finish();
  const alone = await counterfactual;
  print(options, report, rollbook.url, alone && { gone: alone, back: await modelOnly(system, pair!.stable) });
  if (!options.once) {
    say(`\nThe page stays open at ${rollbook.url}, and traffic goes on. Ctrl-C ends everything.\n`);
    await new Promise(() => undefined);
  }
  return EXIT[report.outcome];
}

/** The rollout that this world was cut off in. One that had ended before its report was printed is only reported. */
async function unfinished(control: Control, world: World): Promise<{ readonly id: string } | undefined> {
  const open = await control.resume();
  if (open || !world.resumed) return open;
  const [newest] = await control.rollouts();
  return newest;
}

async function bringUp(options: DemoOptions, stage: Stage, world: World): Promise<Rollbook> {
  const progress = createProgress(say, process.stderr.isTTY === true && !process.env["NO_COLOR"]);
  const rollbook = await startRollbook({
    folder: world.rollbook,
    ledgerName: playbookOf(stage).system,
    apiPort: options.port,
    flags: stage.flags,
    settings: { baselineCounts: stage.baselineCounts },
    onEvent: (event) => {
      progress(event);
      if (event.kind === "exposed") onExposed();
    },
    log: (text) => say(`${text}\n`),
    notifier: { notify: async (audience, subject) => void say(`          told ${audience.join(", ")}: ${subject}\n`) },
    ...crashPoint(),
  });
  stops.push(() => rollbook.stop());
  say(`Rollbook: ${rollbook.url}${rollbook.moved ? ` (port ${options.port} is taken)` : ""}\n`);
  say(`beside it: ${stage.about}\n`);
  if (world.resumed) say("this world has not ended; going on where it stood\n");
  else say(`API token, shown only now: ${await rollbook.issueToken("admin", "first")}\n`);
  return rollbook;
}

function playbookOf(stage: Stage) {
  const file = fileURLToPath(stage.playbook);
  const parsed = parsePlaybook(readFileSync(file, "utf8"), file);
  if (parsed.kind === "parsed") return parsed.playbook;
  throw new RollbookError("PLAYBOOK_INVALID", { file, count: parsed.issues.length });
}

function dryRun(options: DemoOptions, world: World, plans: ReleasePlans): number {
  world.finish();
  if (options.json) process.stdout.write(`${JSON.stringify(plans, undefined, 2)}\n`);
  else for (const { plan, digest } of [plans.out, plans.back]) process.stdout.write(`${renderPlan(plan, digest)}\n`);
  say("dry run: nothing was released\n");
  return 0;
}

function print(options: DemoOptions, report: Report, url: string, probes: Probes | undefined): void {
  const about = { synthetic: options.recording === undefined, seed: options.seed };
  if (options.json)
    process.stdout.write(
      `${JSON.stringify({ ...about, ...report, ...(probes ? { modelOnly: probes.gone, knownAnswers: probes.back } : {}) }, undefined, 2)}\n`,
    );
  else process.stdout.write(`\n${renderReport(report)}\n${probes ? `\n${probesText(probes)}\n` : ""}`);
  const trouble = troubleOf(report);
  if (trouble) say(`\n${trouble.explain()}\n`);
  if (!options.once) say(`\nas data: ${url}/v1/rollouts/${report.rollout}/report\n`);
}

/** What people have to know and do when it did not end well. */
function troubleOf({ outcome, components, fixed, because }: Report): RollbookError | undefined {
  if (outcome === "stuck") {
    const stuck = components
      .filter(({ status }) => status !== "done")
      .map(({ component, note }) => (note ? `${component} ${note}` : component));
    return new RollbookError("ROLLBACK_STUCK", { reason: stuck.join("; ") });
  }
  if (outcome === "rolled-back-unverified") {
    const open = fixed
      .filter(({ kind }) => kind !== "healthy")
      .map(({ name, kind }) => `${name.replace("fixed: ", "")} ${kind}`);
    return new RollbookError("ROLLBACK_UNVERIFIED", {
      reason: open.join("; ") || "it was not watched for long enough",
    });
  }
  return outcome === "undecided" ? new RollbookError("UNDECIDED", { reason: because.join("; ") }) : undefined;
}

/** For kill tests: ROLLBOOK_CRASH_AT=POINT or POINT@N ends this process with SIGKILL when it comes there the Nth time. */
function crashPoint() {
  const [at, times = "1"] = (process.env["ROLLBOOK_CRASH_AT"] ?? "").split("@");
  if (!at) return {};
  let left = Number(times);
  return {
    atCrashPoint: (point: string) => void (point === at && --left === 0 && process.kill(process.pid, "SIGKILL")),
  };
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
for (const [signal, exit] of Object.entries(SIGNALS)) {
  process.on(signal, () => {
    // Whoever asks a second time does not want to wait; the children end with us in any case.
    if (stopping) process.exit(exit);
    stopping = true;
    say(`\n${signal}: ending everything; the same command goes on with what was not finished\n`);
    void stopAll().finally(() => process.exit(exit));
  });
}
// A reader that has left (`| head`) is no reason to stop in the middle of a rollback.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

try {
  const exit = await main(parseDemoOptions(process.argv.slice(2)));
  await stopAll();
  process.exit(exit);
} catch (error) {
  await stopAll();
  say(error instanceof RollbookError ? `${error.explain()}\n` : `${(error as Error).stack ?? error}\n`);
  process.exit(error instanceof RollbookError ? error.exit : 1);
}
