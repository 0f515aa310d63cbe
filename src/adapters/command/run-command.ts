import { type ChildProcess, spawn } from "node:child_process";
import type { Milliseconds } from "../../core/time.ts";

/** One program to run: never a shell, unless the person who wrote the settings names one. */
export interface Command {
  readonly argv: readonly [string, ...string[]];
  /** The program's whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Working folder; relative programs begin there. */
  readonly folder: string;
  /** Written to its standard input, which is then closed. */
  readonly input: string;
  readonly timeoutMs: Milliseconds;
}

export type CommandEnd =
  | { readonly kind: "ended"; readonly code: number; readonly output: string; readonly complaint: string }
  /** It ran, and how it ended is not known: killed by us or by somebody else. */
  | { readonly kind: "killed"; readonly reason: string }
  /** Nothing ran. `lasting`: trying again will not help. */
  | { readonly kind: "not-started"; readonly reason: string; readonly lasting: boolean };

const MOST_OUTPUT = 64 * 1024;
/** How long a program may take to end after SIGTERM, and its output to close after its end. */
const GRACE_MS = 250;
/** The machine has no room now. */
const PASSING = ["EAGAIN", "EMFILE", "ENFILE", "ENOMEM", "ETXTBSY"];

/**
 * Runs a program in a process group of its own. After its time, when the call is given up, or when it writes more than
 * 64 KiB, the whole group is ended: SIGTERM, a quarter of a second later SIGKILL. Never throws.
 */
export function runCommand(command: Command, signal: AbortSignal): Promise<CommandEnd> {
  if (signal.aborted)
    return Promise.resolve({ kind: "not-started", reason: "given up before the start", lasting: false });
  const child = start(command);
  if ("kind" in child) return Promise.resolve(child);
  return new Promise((resolve) => {
    const out = gather(child.stdout, () => kill("it writes more than 64 KiB"));
    const err = gather(child.stderr, () => kill("it complains in more than 64 KiB"));
    let killed: string | undefined;
    const kill = (reason: string) => {
      if (killed !== undefined) return;
      killed = reason;
      endGroup(child, "SIGTERM");
      last = setTimeout(() => {
        endGroup(child, "SIGKILL");
        settle({ kind: "killed", reason });
      }, GRACE_MS);
    };
    let last: NodeJS.Timeout | undefined;
    const timer = setTimeout(() => kill(`no end within ${command.timeoutMs} ms`), command.timeoutMs);
    const giveUp = () => kill("the call was given up");
    signal.addEventListener("abort", giveUp, { once: true });
    const settle = (end: CommandEnd) => {
      clearTimeout(timer);
      clearTimeout(last);
      signal.removeEventListener("abort", giveUp);
      // A program that it left behind may keep the pipes open: nobody waits for that one.
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve(end);
    };
    const ended = (code: number | null, by: NodeJS.Signals | null) => {
      if (killed !== undefined) {
        // Its children may not have heard SIGTERM, or not obeyed.
        endGroup(child, "SIGKILL");
        return settle({ kind: "killed", reason: killed });
      }
      if (code === null) return settle({ kind: "killed", reason: `it was ended by ${by}` });
      settle({ kind: "ended", code, output: out.text(), complaint: lastLine(err.text()) });
    };
    child.once("error", (error: NodeJS.ErrnoException) =>
      settle(child.pid === undefined ? notStarted(command, error) : { kind: "killed", reason: error.message }),
    );
    child.once("close", ended);
    child.once("exit", (code, by) => {
      clearTimeout(timer);
      last ??= setTimeout(() => ended(code, by), GRACE_MS);
    });
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(command.input);
  });
}

function start(command: Command): ChildProcess | Extract<CommandEnd, { kind: "not-started" }> {
  const [program, ...args] = command.argv;
  try {
    return spawn(program, args, {
      cwd: command.folder,
      env: command.environment,
      detached: process.platform !== "win32",
      stdio: "pipe",
      windowsHide: true,
    });
  } catch (error) {
    return notStarted(command, error as NodeJS.ErrnoException);
  }
}

function notStarted({ argv }: Command, { code, message }: NodeJS.ErrnoException) {
  const reason = `${argv[0]} could not be started (${code ?? message})`;
  return { kind: "not-started" as const, reason, lasting: !PASSING.includes(code ?? "") };
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // Nobody of the group is left.
  }
}

function gather(stream: ChildProcess["stdout"], overflow: () => void) {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream?.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MOST_OUTPUT) overflow();
    else chunks.push(chunk);
  });
  return { text: () => Buffer.concat(chunks).toString("utf8") };
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)?.trim() ?? "";
}
