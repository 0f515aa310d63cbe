import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Store } from "../../src/core/ports.ts";
import { openPostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { openSqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { startPostgres } from "../../test/servers/postgres.ts";
import { openDbos } from "./dbos.ts";
import { createSagaClient, type SagaTimes, type Way } from "./saga-client.ts";

const REPLICAS = 8;

export interface Subject {
  readonly name: string;
  readonly ways: readonly Way[];
  /** One saga from its decision to its end; `look`: what was on record at the first effect, too. */
  readonly run: (way: Way, look?: boolean) => Promise<Omit<SagaTimes, "commits" | "leases"> & Partial<SagaTimes>>;
  /** Commits of sagas of all replicas together, each as fast as it can for so many milliseconds. */
  readonly commitsPerSecond?: (ms: number) => Promise<number>;
}

/** SQLite, and Postgres and DBOS Transact where they can be had. */
export async function openSubjects() {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const one of closing.toReversed()) await one();
  };
  try {
    const subjects: Subject[] = [await sqlite(closing), ...(await overPostgres(closing))];
    return { subjects, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function sqlite(closing: (() => Promise<unknown>)[]): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-bench-"));
  closing.push(async () => rmSync(folder, { recursive: true }));
  const store = await openSqliteStore({ folder, now: Date.now, sleep: (span) => setTimeout(span) });
  closing.push(() => store.close());
  return { name: "SQLite", ways: ["chain", "abreast", "whole"], run: await createSagaClient(store, "one") };
}

async function overPostgres(closing: (() => Promise<unknown>)[]): Promise<readonly Subject[]> {
  const means = new URL("../../scripts/means/postgres.mjs", import.meta.url).href;
  const { provide } = (await import(means)) as { provide: () => string | undefined };
  const bin = provide();
  if (bin === undefined) return [];
  const server = await startPostgres(bin);
  closing.push(() => server.remove());
  const stores: Store[] = [];
  for (let replica = 0; replica < REPLICAS; replica += 1) {
    const store = await openPostgresStore({
      url: server.url,
      elapsed: () => performance.now(),
      sleep: (span) => setTimeout(span),
    });
    closing.push(() => store.close());
    stores.push(store);
  }
  const clients = await Promise.all(stores.map((store, replica) => createSagaClient(store, `replica-${replica}`)));
  const postgres: Subject = {
    name: "Postgres",
    ways: ["chain", "abreast", "whole"],
    run: clients[0]!,
    commitsPerSecond: (ms) => commitsPerSecond(clients, ms),
  };
  const dbos = await openDbos(server.url);
  if (dbos === undefined) return [postgres];
  closing.push(dbos.close);
  return [postgres, { name: "DBOS", ways: ["chain", "abreast"], run: (way, look) => dbos.run(way as "chain", look) }];
}

/** Whole ways back, leases of targets too, which are not counted. */
async function commitsPerSecond(clients: readonly ((way: Way) => Promise<SagaTimes>)[], ms: number): Promise<number> {
  const began = performance.now();
  let commits = 0;
  await Promise.all(
    clients.map(async (run) => {
      while (performance.now() - began < ms) {
        const saga = await run("whole");
        commits += saga.commits;
      }
    }),
  );
  return commits / ((performance.now() - began) / 1000);
}
