import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Report } from "../../src/index.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";

const MAIN = fileURLToPath(new URL("../../demo/main.ts", import.meta.url));

/** The longest that any run of the demonstration may take. */
const LONGEST_MS = 120_000;

export interface Ended {
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
  readonly ms: number;
}

/** The demonstration as a process of its own, as a stranger starts it. */
export interface DemoProcess {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when stderr matches, with the match; rejects when the process ends before that. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  /** The processes that it has started and that still run. */
  children(): readonly number[];
}

export function startDemo(args: readonly string[], env: Readonly<Record<string, string>> = {}): DemoProcess {
  const began = performance.now();
  const ports = args.some((arg) => arg === "--port") ? [] : ["--port", "0", "--gateway-port", "0"];
  const child = spawn(process.execPath, [MAIN, ...args, ...ports], {
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), LONGEST_MS);
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (exit, signal) => {
      clearTimeout(limit);
      resolve({ exit, signal, out, err, ms: performance.now() - began });
    });
  });
  let over = false;
  void ended.then(() => {
    over = true;
  });
  return {
    process: child,
    ended,
    children: () => childrenOf(child.pid!),
    async said(pattern) {
      for (;;) {
        const match = pattern.exec(err);
        if (match) return match;
        if (over) throw new Error(`it ended without ${pattern}:\n${err}`);
        await sleep(20);
      }
    },
  };
}

export function runDemo(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return startDemo(args, env).ended;
}

/** A data folder that is removed after the test. */
export function dataFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-e2e-"));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  return folder;
}

export type DemoReport = Report & { readonly synthetic: boolean; readonly seed: number };

/** The one JSON document on stdout; throws on anything else there. */
export function reportOf({ out, err }: Ended): DemoReport {
  try {
    return JSON.parse(out) as DemoReport;
  } catch {
    throw new Error(`stdout is not one JSON document: ${out.slice(0, 200)}\n${err}`);
  }
}

/** Waits until none of these processes runs any more; answers those that still do. */
export async function survivorsOf(pids: readonly number[], withinMs = 5000): Promise<readonly number[]> {
  for (let waited = 0; ; waited += 50) {
    const alive = pids.filter(runs);
    if (alive.length === 0 || waited >= withinMs) return alive;
    await sleep(50);
  }
}

function childrenOf(pid: number): readonly number[] {
  const list = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(list)) return [];
  return readFileSync(list, "utf8").split(" ").filter(Boolean).map(Number);
}

function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** The newest world below a data folder: Rollbook's store and the AI system's own database. */
export function worldIn(data: string): { readonly rollbook: string; readonly system: string; readonly count: number } {
  const worlds = join(data, "demo");
  const key = join(worlds, readdirSync(worlds)[0]!);
  const numbers = readdirSync(key).map(Number);
  const folder = join(key, String(Math.max(...numbers)));
  return { rollbook: join(folder, "rollbook"), system: join(folder, "system"), count: numbers.length };
}

export interface LedgerEntry {
  readonly type: string;
  readonly data: Readonly<Record<string, string | number | undefined>>;
}

/** What the ledger holds, read from the store after the process has ended. */
export async function ledgerIn(folder: string): Promise<readonly LedgerEntry[]> {
  const store = await openSqliteStore({ folder, now: Date.now });
  try {
    return (await store.entries(0, 1000)).map(({ leaf }) => JSON.parse(leaf) as LedgerEntry);
  } finally {
    await store.close();
  }
}

/** How often each component of the AI system was really changed to this digest: its own database's word. */
export function effectsIn(folder: string, digests: Readonly<Record<string, string>>): Readonly<Record<string, number>> {
  const db = new DatabaseSync(join(folder, "components.db"), { readOnly: true });
  try {
    const count = db.prepare("SELECT count(*) AS n FROM effect WHERE component = ? AND digest = ?");
    return Object.fromEntries(
      Object.entries(digests).map(([component, digest]) => [component, Number(count.get(component, digest)?.["n"])]),
    );
  } finally {
    db.close();
  }
}
