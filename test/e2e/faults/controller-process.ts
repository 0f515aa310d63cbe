import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { CrashPoint } from "../../../src/restore/crash-point.ts";

/** Which way a saga goes when a crash point is passed. */
export type Phase = "release" | "rollback" | "compensate" | "redeploy";

/** What a controller process is told, as JSON. */
export interface Task {
  readonly store: { readonly folder: string } | { readonly url: string; readonly schema?: string; patience?: number };
  /** Base URL of the components. */
  readonly targets: string;
  /** Of the ledger, in PEM. */
  readonly key: string;
  /**
   * `rollback`: a release goes out and comes back. `compensate`: one that cannot be deployed is taken back. `both`: in
   * turns. `redeploy`: the way back gets stuck, and people put back what it changed.
   */
  readonly story: "rollback" | "compensate" | "both" | "redeploy";
  /** Rollouts to begin after the one that is found open. */
  readonly rounds: number;
  readonly holder: string;
  readonly leaseMs: number;
  readonly crash?: { readonly phase: Phase; readonly point: CrashPoint; pass: number };
  /** The cord is pulled at SIGUSR2, and not as soon as anything is exposed. */
  readonly waits?: boolean;
  /** Of its clock from the machine's, in milliseconds. */
  readonly clockOffset?: number;
  /** At the first pass of this point its clock jumps by so many milliseconds, while it runs. */
  readonly clockJump?: { readonly phase: Phase; readonly point: CrashPoint; readonly by: number };
}

export const LEDGER_KEY = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();

export interface ControllerProcess {
  readonly child: ChildProcess;
  /** Its lines so far. */
  readonly said: readonly string[];
  /** When it has said a line like this; rejects when it ended without. */
  until(line: RegExp): Promise<void>;
  /** When it has said so many lines; the same. */
  lines(count: number): Promise<void>;
  /** Kills it, and not only what runs it. */
  kill(): void;
  /** How it ended. */
  readonly ended: Promise<{ readonly exit: number | null; readonly signal: string | null; readonly err: string }>;
}

const FIXTURE = fileURLToPath(new URL("controller.fixture.ts", import.meta.url));

/** Starts one; `under` is a command that runs it, such as a tracer. */
export function startController(
  task: Task,
  under: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): ControllerProcess {
  const [program = "", ...args] = [...under, process.execPath, FIXTURE, JSON.stringify(task)];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  const said: string[] = [];
  const waiting = new Set<() => void>();
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    said.push(line);
    for (const look of waiting) look();
  });
  let err = "";
  child.stderr.on("data", (chunk) => {
    err = (err + String(chunk)).slice(-8000);
  });
  const ended = Promise.all([once(child, "close"), once(lines, "close")]).then(([[exit, signal]]) => ({
    exit: exit as number | null,
    signal: signal as string | null,
    err,
  }));
  const when = (what: string, so: () => boolean) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => so() && resolve();
    waiting.add(look);
    look();
    void ended.then(() => reject(new Error(`it ended without saying ${what}: ${said.slice(-5).join(" / ")} ${err}`)));
    return promise.finally(() => waiting.delete(look));
  };
  return {
    child,
    said,
    until: (line) => when(String(line), () => said.some((one) => line.test(one))),
    kill: () => {
      const pid = said.find((line) => line.startsWith("started "))?.split(" ")[1];
      if (child.exitCode === null && child.signalCode === null) process.kill(Number(pid ?? child.pid), "SIGKILL");
    },
    lines: (count) => when(`${count} lines`, () => said.length >= count),
    ended,
  };
}
