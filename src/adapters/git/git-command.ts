import { spawn } from "node:child_process";
import type { Milliseconds } from "../../core/time.ts";

/** What one run of git did. */
export interface GitRun {
  readonly code: number;
  readonly out: Buffer;
  /** What it and the server said, without secrets and control characters. */
  readonly said: string;
  /** Ended by the signal or by its time: what it did by then is unknown. */
  readonly cut: boolean;
}

export interface GitCall {
  readonly folder: string;
  readonly input?: string | Uint8Array;
  /** Added to the closed environment; secrets go here, never into the arguments. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Texts that must not appear in what is said. */
  readonly secrets?: readonly string[];
  readonly signal: AbortSignal;
  /** Gets the output piece by piece instead of collecting it. */
  readonly take?: (piece: Buffer) => void;
}

export interface GitCommandOptions {
  /** The program; `git` on PATH without it. */
  readonly command?: string;
  /** PATH, and what a proxy or a company's certificates need. Nothing else of the environment reaches git. */
  readonly environment: Readonly<Record<string, string>>;
  /** Of one run; 30 s without it. */
  readonly timeoutMs?: Milliseconds;
}

export type Git = (args: readonly string[], call: GitCall) => Promise<GitRun>;

const MAX_OUT_BYTES = 64 * 2 ** 20;
const MAX_SAID_BYTES = 16 * 1024;

/** Nobody's configuration but ours: no hooks, no helpers, no prompts, no redirects, no housekeeping in between. */
const SETTINGS = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "credential.helper=",
  "core.askPass=",
  "gc.auto=0",
  "maintenance.auto=false",
  "fetch.recurseSubmodules=false",
  "push.recurseSubmodules=no",
  "push.gpgSign=false",
  "http.followRedirects=false",
  "http.lowSpeedLimit=1",
  "http.lowSpeedTime=20",
  "protocol.version=2",
  "protocol.allow=never",
  "protocol.https.allow=always",
  "protocol.http.allow=always",
  "protocol.ssh.allow=always",
  "protocol.file.allow=always",
].flatMap((setting) => ["-c", setting]);

/** Runs git as a child process without a shell, in a process group that ends with its time. Never throws. */
export function createGit({ command = "git", environment, timeoutMs = 30_000 }: GitCommandOptions): Git {
  return (args, call) =>
    new Promise((resolve) => {
      const signal = AbortSignal.any([call.signal, AbortSignal.timeout(timeoutMs)]);
      if (signal.aborted) return resolve({ code: -1, out: Buffer.alloc(0), said: "no time left", cut: true });
      const env = { ...environment, ...CLOSED, HOME: call.folder, ...call.environment };
      const child = spawn(command, [...SETTINGS, "--literal-pathspecs", ...args], {
        cwd: call.folder,
        env,
        shell: false,
        detached: true,
      });
      const out: Buffer[] = [];
      const said: Buffer[] = [];
      let size = 0;
      let cut = false;
      const end = () => {
        cut = true;
        endGroup(child.pid);
      };
      signal.addEventListener("abort", end, { once: true });
      child.stdout.on("data", (piece: Buffer) => {
        if (call.take !== undefined) return call.take(piece);
        size += piece.byteLength;
        if (size > MAX_OUT_BYTES) end();
        else out.push(piece);
      });
      child.stderr.on("data", (piece: Buffer) => {
        if (said.reduce((total, { byteLength }) => total + byteLength, 0) < MAX_SAID_BYTES) said.push(piece);
      });
      const settle = (code: number, extra = "") => {
        signal.removeEventListener("abort", end);
        const text = cut ? "git was given no more time" : `${Buffer.concat(said).toString("utf8")}${extra}`;
        resolve({ code, out: Buffer.concat(out), said: clean(text, call.secrets ?? []), cut });
      };
      child.once("error", (error) => settle(-1, `git cannot run: ${error.message}`));
      child.once("close", (code) => settle(code ?? -1));
      // Git may end before it has read everything; the broken pipe is then no news.
      child.stdin.on("error", () => undefined).end(call.input ?? "");
    });
}

const CLOSED = {
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_NO_LAZY_FETCH: "1",
  GIT_SSH_COMMAND: "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=10",
};

/** With whatever it started: the transport is a process of its own. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

function clean(text: string, secrets: readonly string[]): string {
  const hidden = secrets
    .filter((secret) => secret !== "")
    .reduce((rest, secret) => rest.replaceAll(secret, "***"), text);
  const lines = hidden.split(/[\r\n]+/).map((line) => line.replaceAll(/\p{C}/gu, "").trim());
  return lines.filter((line) => line !== "").join("; ");
}
