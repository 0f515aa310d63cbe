import { spawn } from "node:child_process";
import type { Milliseconds } from "../../core/time.ts";

/** How what serves is told to load what lies at the path now. */
export type Reload =
  | { readonly url: string; readonly method?: "POST" | "PUT" | "GET"; readonly bearer?: () => string }
  | { readonly command: readonly [string, ...string[]] };

/** Where what serves says which revision it has loaded. */
export interface Serving {
  readonly url: string;
  /** Names a field of the JSON answer, dots between levels: `model.digest`. */
  readonly field: string;
  readonly bearer?: () => string;
}

const PATIENCE: Milliseconds = 5000;
const MAX_BODY_BYTES = 64 * 1024;

/** Tells it; answers why that failed, or undefined when it went well. Never throws. */
export async function reload(
  hook: Reload,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  try {
    if ("command" in hook) return await run(hook.command, environment, limited);
    const { status } = await call(hook.url, hook.method ?? "POST", hook.bearer, limited);
    return status >= 200 && status < 300 ? undefined : `the reload answers ${status}`;
  } catch (error) {
    return `the reload gives no answer (${reasonOf(error)})`;
  }
}

/** What it says it has loaded, or why nobody knows. Never throws. */
export async function loadedBy(
  { url, field, bearer }: Serving,
  signal: AbortSignal,
): Promise<{ readonly loaded: string } | { readonly reason: string }> {
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
    const { status, text } = await call(url, "GET", bearer, limited);
    if (status !== 200) return { reason: `what serves answers ${status}` };
    let value: unknown = JSON.parse(text);
    for (const name of field.split(".")) {
      const known = typeof value === "object" && value !== null && Object.hasOwn(value, name);
      value = known ? (value as Record<string, unknown>)[name] : undefined;
    }
    return typeof value === "string" ? { loaded: value } : { reason: `its answer has no text in "${field}"` };
  } catch (error) {
    return { reason: `what serves gives no answer (${reasonOf(error)})` };
  }
}

async function call(
  url: string,
  method: string,
  bearer: (() => string) | undefined,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer()}` };
  const response = await fetch(url, { method, headers, redirect: "manual", signal });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw new Error("the answer is larger than 64 KiB");
    chunks.push(chunk);
  }
  return { status: response.status, text: Buffer.concat(chunks).toString("utf8") };
}

function run(
  [command, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, stdio: "ignore", shell: false, detached: true });
    // The whole group: what the command started must not outlive its time.
    const end = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    };
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    const settle = (reason: string | undefined) => {
      signal.removeEventListener("abort", end);
      resolve(reason);
    };
    child.once("error", (error) => settle(`the reload command cannot run (${reasonOf(error)})`));
    child.once("close", (code, by) => {
      settle(code === 0 ? undefined : `the reload command ended with ${by ?? `exit code ${code}`}`);
    });
  });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "no reason given";
  if (error.name === "TimeoutError") return "not in time";
  const cause = error.cause instanceof Error ? error.cause : error;
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}
