import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A program of Debian's on a free loopback port, with files of its own in a folder that ends with it. */
export interface MonitoringServer {
  readonly url: string;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again with the same port and data. */
  start(): Promise<void>;
  /** Stops and continues the process, which then answers nobody; resolves when all of it has stopped. */
  freeze(frozen: boolean): Promise<void>;
  stop(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";

/** Scrapes these `HOST:PORT` every second. `rules` are alerting rules, sent to the Alertmanager at `alertmanager`. */
export function startPrometheus(
  programs: string,
  targets: readonly string[],
  alerting?: { readonly rules: object; readonly alertmanager: string },
): Promise<MonitoringServer> {
  return startServer(join(programs, "prometheus"), (folder, port) => {
    const config = {
      global: { scrape_interval: "1s", scrape_timeout: "900ms", evaluation_interval: "1s" },
      scrape_configs: [{ job_name: "app", static_configs: [{ targets }] }],
      ...(alerting
        ? {
            rule_files: [join(folder, "rules.json")],
            alerting: {
              alertmanagers: [{ static_configs: [{ targets: [new URL(alerting.alertmanager).host] }] }],
            },
          }
        : {}),
    };
    // JSON is YAML too.
    writeFileSync(join(folder, "prometheus.json"), JSON.stringify(config));
    if (alerting) writeFileSync(join(folder, "rules.json"), JSON.stringify(alerting.rules));
    return [
      `--config.file=${join(folder, "prometheus.json")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=${LOOPBACK}:${port}`,
      "--log.level=warn",
    ];
  });
}

export function startAlertmanager(programs: string, config: object): Promise<MonitoringServer> {
  return startServer(join(programs, "prometheus-alertmanager"), (folder, port) => {
    writeFileSync(join(folder, "alertmanager.json"), JSON.stringify(config));
    return [
      `--config.file=${join(folder, "alertmanager.json")}`,
      `--storage.path=${join(folder, "data")}`,
      `--web.listen-address=${LOOPBACK}:${port}`,
      "--cluster.listen-address=",
      "--log.level=warn",
    ];
  });
}

async function startServer(
  program: string,
  prepare: (folder: string, port: number) => readonly string[],
): Promise<MonitoringServer> {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-monitoring-"));
  const port = await freePort();
  const url = `http://${LOOPBACK}:${port}`;
  const args = prepare(folder, port);
  let child: ChildProcess;

  async function start(): Promise<void> {
    let log = "";
    child = spawn(program, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    child.stderr?.on("data", (chunk) => {
      log = (log + String(chunk)).slice(-4000);
    });
    for (let tries = 0; ; tries++) {
      const answer = await fetch(`${url}/-/ready`).catch(() => undefined);
      if (answer?.ok) return;
      if (child.exitCode !== null || tries > 300) throw new Error(`${program} did not start: ${log}`);
      await sleep(100);
    }
  }
  async function kill(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  const stop = async () => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  await start().catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    url,
    kill,
    start,
    stop,
    async freeze(frozen) {
      child.kill(frozen ? "SIGSTOP" : "SIGCONT");
      // The signal reaches one thread after the other; those that still run would answer.
      for (let tries = 0; frozen && !hasStopped(child.pid); tries++) {
        if (tries > 2000) throw new Error(`${program} did not stop`);
        await sleep(1);
      }
    },
  };
}

/** Are all threads of a process stopped? proc(5), task/TID/stat: the state follows the name in brackets. */
function hasStopped(pid: number | undefined): boolean {
  const tasks = `/proc/${pid}/task`;
  const states = readdirSync(tasks).map((task) => readFileSync(join(tasks, task, "stat"), "utf8"));
  return states.every((stat) => stat[stat.lastIndexOf(")") + 2] === "T");
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, LOOPBACK, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => void server.close(resolve));
  return port;
}
