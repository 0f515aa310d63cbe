import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import pg from "pg";
import type { SagaTimes, Way } from "./saga-client.ts";

export const DBOS_VERSION = "5.3.0";
const STEPS = 8;

/** As much of its interface as is used here: it is no dependency of ours. */
interface Dbos {
  readonly workflowID: string;
  setConfig(config: Readonly<Record<string, unknown>>): void;
  launch(): Promise<void>;
  shutdown(): Promise<void>;
  registerWorkflow<Args extends unknown[], Result>(
    work: (...args: Args) => Promise<Result>,
    config: { readonly name: string },
  ): (...args: Args) => Promise<Result>;
  runStep<Result>(work: () => Promise<Result>, config: { readonly name: string }): Promise<Result>;
}

/**
 * DBOS Transact with a database of its own on a server: a workflow of as many steps that do nothing. Undefined after
 * saying so when it cannot be installed.
 */
export async function openDbos(server: string) {
  const entry = installed();
  if (entry === undefined) return undefined;
  const { DBOS } = (await import(pathToFileURL(entry).href)) as { readonly DBOS: Dbos };
  const url = new URL(server);
  url.pathname = "/dbos";
  DBOS.setConfig({ name: "bench", systemDatabaseUrl: url.href, logLevel: "error", tracingEnabled: false });
  let first: number | undefined;
  let look: (() => Promise<number>) | undefined;
  let looked: Promise<number> | undefined;
  const step = async () => {
    first ??= performance.now();
    // All of them wait for it: none is over by then.
    if (look) looked ??= look();
    await looked;
  };
  const next = (_: unknown, index: number) => DBOS.runStep(step, { name: `step-${index}` });
  const chain = async () => {
    for (let index = 0; index < STEPS; index += 1) await next(undefined, index);
  };
  const abreast = async () => void (await Promise.all(Array.from({ length: STEPS }, next)));
  const workflows = {
    chain: DBOS.registerWorkflow(chain, { name: "chain" }),
    abreast: DBOS.registerWorkflow(abreast, { name: "abreast" }),
  };
  await DBOS.launch();
  const run = async (way: Exclude<Way, "whole">, asked = false): Promise<Omit<SagaTimes, "commits" | "leases">> => {
    first = undefined;
    looked = undefined;
    look = asked ? () => recordsOf(url.href, DBOS.workflowID) : undefined;
    const workflow = workflows[way];
    const began = performance.now();
    await workflow();
    const times = { first: first! - began, end: performance.now() - began };
    return looked === undefined ? times : { ...times, intents: await looked };
  };
  return { run, close: () => DBOS.shutdown() };
}

/** What its database knows of the steps of a workflow. */
async function recordsOf(url: string, workflow: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const text = "SELECT count(*)::int AS known FROM dbos.operation_outputs WHERE workflow_uuid = $1";
    return (await client.query<{ known: number }>(text, [workflow])).rows[0]!.known;
  } finally {
    await client.end();
  }
}

/** Its main file, in a folder outside the repository. */
function installed(): string | undefined {
  const folder = join(homedir(), ".cache", "rollbook", `dbos-${DBOS_VERSION}`);
  const entry = join(folder, "node_modules", "@dbos-inc", "dbos-sdk", "dist", "src", "index.js");
  if (existsSync(entry)) return entry;
  process.stderr.write(`Installing DBOS Transact ${DBOS_VERSION} into ${folder} (once) ...\n`);
  const options = ["--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--save-exact"];
  const { status, stderr } = spawnSync("npm", ["install", ...options, `@dbos-inc/dbos-sdk@${DBOS_VERSION}`], {
    encoding: "utf8",
  });
  if (status === 0 && existsSync(entry)) return entry;
  process.stderr.write(`\nNO COMPARISON WITH DBOS: version ${DBOS_VERSION} could not be installed.\n${stderr ?? ""}\n`);
  return undefined;
}
