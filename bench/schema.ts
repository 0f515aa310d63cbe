import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import pg from "pg";
import { createPostgresSchema, createSqliteSchema, createSqlSchemaAdapter } from "../src/adapters/sql-schema/index.ts";
import { lendingVersions } from "../src/adapters/sql-schema/lending-versions.fixture.ts";
import type { SchemaDatabase } from "../src/adapters/sql-schema/schema-database.ts";
import { type PostgresServer, startPostgres } from "../test/servers/postgres.ts";
import type { BenchResult } from "./result.ts";
import type { Timed } from "./schema-load.ts";

const SWITCHES = 60;
/** Milliseconds between two switches, and of the load before the first. */
const PAUSE = 50;
const BEFORE = 3000;
const CLIENTS = 4;

interface Subject {
  readonly name: string;
  readonly database: SchemaDatabase;
  readonly migrations: string;
  /** What a client of the load connects to. */
  readonly load: { readonly url: string } | { readonly file: string };
  readonly prepare: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** View switches under a running load of reads and writes, on SQLite and on a real Postgres. About 25 s. */
export async function benchSchema(): Promise<BenchResult> {
  const rows = [];
  const ratios: Record<string, number> = {};
  for (const subject of [sqlite(), await postgres()].filter((one) => one !== undefined)) {
    const figures = await measure(subject).finally(() => subject.close());
    rows.push({ subject: subject.name, figures });
    ratios[`${subject.name}: statement p99 during ÷ before`] =
      figures["statement p99 during ms"]! / figures["statement p99 before ms"]!;
  }
  const method = `${SWITCHES} switches between two versions, ${PAUSE} ms apart, beside ${CLIENTS} clients that read and write through the views in threads of their own; a switch is the whole apply: look, compare, switch, record, durable commit`;
  return { name: "schema", method, rows, ratios };
}

async function measure({ name, database, migrations, load, prepare }: Subject): Promise<Record<string, number>> {
  const adapter = createSqlSchemaAdapter({ scheme: "schema", databases: { loans: { database, migrations } } });
  const [at, signal] = ["schema://loans", AbortSignal.timeout(120_000)];
  let turn = 0;
  const go = async (version: number): Promise<number> => {
    const found = await adapter.resolve!(at, String(version), signal);
    const before = await adapter.read(at, signal);
    if (found.kind !== "revision" || before.kind !== "live")
      throw new Error(`${name}: ${JSON.stringify([found, before])}`);
    const request = { at, desired: found.revision.digest, before, key: `bench-${turn++}`, fence: 0 };
    const began = performance.now();
    const answer = await adapter.apply(request, signal);
    if (answer.kind !== "applied") throw new Error(`${name}: ${JSON.stringify(answer)}`);
    return performance.now() - began;
  };
  await prepare();
  for (const version of [1, 2, 1]) await go(version);
  const workers = Array.from({ length: CLIENTS }, () => {
    return new Worker(fileURLToPath(new URL("schema-load.ts", import.meta.url)), { workerData: load });
  });
  const results = workers.map(
    (worker) => new Promise<Timed>((resolve, reject) => worker.once("message", resolve).once("error", reject)),
  );
  await setTimeout(BEFORE);
  const switching = Date.now();
  const switches: number[] = [];
  for (let count = 0; count < SWITCHES; count++) {
    switches.push(await go(count % 2 === 0 ? 2 : 1));
    await setTimeout(PAUSE);
  }
  for (const worker of workers) worker.postMessage("stop");
  const timed = await Promise.all(results);
  await adapter.close();
  const all = timed.flatMap(({ statements }) => statements);
  // The first half second warms the clients up.
  const before = all.filter(([at]) => at < switching && at > switching - BEFORE + 500).map(([, ms]) => ms);
  const during = all.filter(([at]) => at >= switching).map(([, ms]) => ms);
  return {
    "switch p50 ms": quantile(switches, 0.5),
    "switch p99 ms": quantile(switches, 0.99),
    "switch max ms": Math.max(...switches),
    "failed statements": timed.reduce((sum, { failed }) => sum + failed, 0),
    statements: all.length,
    "statement p99 before ms": quantile(before, 0.99),
    "statement p99 during ms": quantile(during, 0.99),
    "statement max during ms": during.reduce((most, ms) => Math.max(most, ms), 0),
  };
}

function sqlite(): Subject {
  const migrations = lendingVersions("sqlite");
  const file = join(migrations, "loans.db");
  const prepare = async () => {
    const database = new DatabaseSync(file);
    database.exec("PRAGMA journal_mode = WAL");
    database.close();
  };
  const close = async () => rmSync(migrations, { recursive: true, force: true });
  return { name: "SQLite", database: createSqliteSchema(file), migrations, load: { file }, prepare, close };
}

async function postgres(): Promise<Subject | undefined> {
  const means = new URL("../scripts/means/postgres.mjs", import.meta.url).href;
  const { provide } = (await import(means)) as { provide: () => string | undefined };
  const bin = provide();
  if (bin === undefined) return undefined;
  const server: PostgresServer = await startPostgres(bin);
  const migrations = lendingVersions("postgres");
  const { url } = server;
  const close = async () => {
    await server.remove();
    rmSync(migrations, { recursive: true, force: true });
  };
  const prepare = async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query("ALTER DATABASE rollbook SET search_path = app, public");
    await client.end();
  };
  return { name: "Postgres", database: createPostgresSchema({ url }), migrations, load: { url }, prepare, close };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
