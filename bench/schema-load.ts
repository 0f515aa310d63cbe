import { DatabaseSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import pg from "pg";

/** What one client of the load saw: when each statement began (Unix ms) and how long it took (ms). */
export interface Timed {
  readonly statements: readonly (readonly [number, number])[];
  readonly failed: number;
}

type Ask = (write: boolean) => Promise<void>;

/** Milliseconds between two statements of one client. */
const THINK = 2;
const READ = "SELECT id, name, amount FROM loans ORDER BY id DESC LIMIT 1";
const WRITE = "INSERT INTO loans (name, amount) VALUES ('Edsger Dijkstra', 5)";

/** Reads and, every tenth time, writes, until it is told to stop. */
async function load(given: { readonly url?: string; readonly file?: string }): Promise<Timed> {
  let running = true;
  parentPort?.once("message", () => {
    running = false;
  });
  const { ask, close } = given.file === undefined ? await onPostgres(given.url ?? "") : onSqlite(given.file);
  const statements: (readonly [number, number])[] = [];
  let failed = 0;
  for (let turn = 0; running; turn++) {
    const [at, began] = [Date.now(), performance.now()];
    await ask(turn % 10 === 0).catch((error: unknown) => {
      failed += 1;
      process.stderr.write(`${error}\n`);
    });
    statements.push([at, performance.now() - began]);
    await setTimeout(THINK);
  }
  await close();
  return { statements, failed };
}

async function onPostgres(url: string): Promise<{ ask: Ask; close: () => Promise<void> }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const ask: Ask = async (write) => {
    await client.query(write ? { name: "write", text: WRITE } : { name: "read", text: READ });
  };
  return { ask, close: () => client.end() };
}

function onSqlite(file: string): { ask: Ask; close: () => Promise<void> } {
  const database = new DatabaseSync(file, { timeout: 5000 });
  const [read, write] = [database.prepare(READ), database.prepare(WRITE)];
  const ask: Ask = async (writes) => {
    if (writes) write.run();
    else read.all();
  };
  return { ask, close: async () => database.close() };
}

if (!isMainThread) parentPort?.postMessage(await load(workerData as { readonly url?: string; readonly file?: string }));
