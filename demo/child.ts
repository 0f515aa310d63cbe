import { type ChildProcess, fork } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { RollbookError } from "../src/core/errors.ts";

/** A child program of the demonstration. It ends when we do, however we end: its channel to us closes. */
export interface Child {
  readonly port: number;
  /** Resolves with how and where to look when it ends without having been told to. */
  readonly lost: Promise<string>;
  /** Its newest message. */
  readonly latest: () => Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

const READY_MS = 20_000;

/**
 * Starts a program and waits until it says `{ ready: true }`; what it prints goes to a log file.
 * @throws SYSTEM_UNREACHABLE when it ends or stays silent before it is ready
 */
export async function startChild(
  program: URL,
  args: readonly string[],
  log: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Child> {
  mkdirSync(dirname(log), { recursive: true });
  const child = fork(fileURLToPath(program), [...args], {
    // A parent that is being tested or inspected has arguments that are not the child's.
    execArgv: [],
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const file = createWriteStream(log, { flags: "a", mode: 0o600 });
  child.stdout?.pipe(file);
  child.stderr?.pipe(file);
  let latest: Readonly<Record<string, unknown>> = {};
  child.on("message", (message) => {
    latest = message as typeof latest;
  });
  const port = await ready(child, program, log);
  let told = false;
  const lost = new Promise<string>((resolve) => {
    child.once("exit", (code, signal) => {
      if (!told) resolve(`${nameOf(program)} ended with ${signal ?? code}; its log is ${log}`);
    });
  });
  const end = () => {
    told = true;
    return stop(child);
  };
  return { port, lost, latest: () => latest, stop: end };
}

function nameOf(program: URL): string {
  return program.pathname.split("/").slice(-2).join("/");
}

function ready(child: ChildProcess, program: URL, log: string): Promise<number> {
  const name = nameOf(program);
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      clearTimeout(timer);
      child.kill();
      reject(new RollbookError("SYSTEM_UNREACHABLE", { reason: `${name} ${reason}; its log is ${log}` }));
    };
    const timer = setTimeout(() => fail("did not get ready in time"), READY_MS);
    child.once("exit", (code, signal) => fail(`ended with ${signal ?? code}`));
    child.once("error", (error) => fail(`could not be started (${error.message})`));
    child.on("message", (message) => {
      if (!(message as { ready?: boolean }).ready) return;
      clearTimeout(timer);
      child.removeAllListeners("exit");
      child.removeAllListeners("error");
      child.on("error", () => undefined);
      resolve((message as { port?: number }).port ?? 0);
    });
  });
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    if (child.connected) child.disconnect();
    else child.kill();
  });
}
