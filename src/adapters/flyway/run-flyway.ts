import { spawn } from "node:child_process";

export interface FlywayRun {
  /** The program and its first arguments; no shell reads them. */
  readonly command: readonly [string, ...string[]];
  readonly args: readonly string[];
  readonly folder: string;
  /** Its whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Milliseconds until it is killed. */
  readonly timeoutMs: number;
}

/** `ended`: by itself. `killed`: out of time or aborted, and what it had sent may still be carried out. */
export type FlywayEnd =
  | { readonly kind: "ended"; readonly code: number; readonly output: string }
  | { readonly kind: "killed" | "not-started"; readonly reason: string };

const MOST_OUTPUT = 64 * 1024;

/** Runs the user's own Flyway. Never throws. */
export async function runFlyway(run: FlywayRun, signal: AbortSignal): Promise<FlywayEnd> {
  if (signal.aborted) return { kind: "killed", reason: "given up before Flyway was started" };
  const [program, ...first] = run.command;
  return await new Promise((resolve) => {
    const child = spawn(program, [...first, ...run.args], {
      cwd: run.folder,
      env: run.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    let killed = "";
    const hear = (chunk: unknown) => {
      output = (output + String(chunk)).slice(-MOST_OUTPUT);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    const kill = (why: string) => {
      killed = why;
      child.kill("SIGKILL");
    };
    const timer = setTimeout(() => kill(`Flyway took longer than ${run.timeoutMs} ms`), run.timeoutMs);
    const abort = () => kill("the call was aborted");
    signal.addEventListener("abort", abort, { once: true });
    const end = (answer: FlywayEnd) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      resolve(answer);
    };
    child.on("error", (error) => end({ kind: "not-started", reason: `${program} cannot be run: ${error.message}` }));
    child.on("close", (code, by) => {
      if (killed !== "" || code === null) end({ kind: "killed", reason: killed || `Flyway was ended by ${by}` });
      else end({ kind: "ended", code, output });
    });
  });
}
