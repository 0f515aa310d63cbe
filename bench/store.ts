import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Change, Store } from "../src/core/ports.ts";
import type { Lease } from "../src/core/rollout.ts";
import { openPostgresStore } from "../src/store/postgres/postgres-store.ts";
import { openSqliteStore } from "../src/store/sqlite/sqlite-store.ts";
import { aRollout, aSaga, aSample, aStep, recording } from "../src/testing/store/fixtures.ts";
import { startPostgres } from "../test/servers/postgres.ts";
import { fdatasyncTimes } from "./fsync.ts";
import { type BenchResult, medianOf } from "./result.ts";

const ROUNDS = 5;
/** Milliseconds of each measurement. */
const SPAN = 1500;
const CLIENTS = 8;
const STEPS = 8;
const SAMPLES = 5000;
const HOUR = 3_600_000;

type Figures = Record<string, number>;

interface Subject {
  readonly name: string;
  /** One store for each client where a place may be open several times, else one for all. */
  readonly stores: readonly Store[];
  /** Do entries get their indices when they are read? */
  readonly sequences: boolean;
  readonly close: () => Promise<void>;
}

/** Commits of the embedded store and of Postgres, beside the disk's own fdatasync. About 45 s with both. */
export async function benchStore(): Promise<BenchResult> {
  const subjects = [await sqlite(), await postgres()].filter((subject) => subject !== undefined);
  const measured = new Map<string, Figures[]>();
  const note = (name: string, figures: Figures) => measured.set(name, [...(measured.get(name) ?? []), figures]);
  try {
    for (let round = -1; round < ROUNDS; round += 1) {
      const disk = fdatasyncTimes(300);
      const figures = { "fdatasync p50 ms": quantile(disk, 0.5), "fdatasync p99 ms": quantile(disk, 0.99) };
      // The round before the first warms up.
      if (round >= 0) note("disk", figures);
      for (const subject of subjects) {
        const found = await measure(subject, round);
        if (round >= 0) note(subject.name, found);
      }
    }
  } finally {
    for (const subject of subjects) await subject.close();
  }
  const median = (name: string, figure: string) => medianOf(measured.get(name)!.map((one) => one[figure]!));
  const rows = [...measured].map(([subject, all]) => ({
    subject,
    figures: Object.fromEntries(Object.keys(all[0]!).map((figure) => [figure, median(subject, figure)])),
  }));
  const ratios: Figures = {};
  for (const { name } of subjects) {
    ratios[`${name}: commit p50 ÷ fdatasync p50`] = median(name, "commit p50 ms") / median("disk", "fdatasync p50 ms");
    ratios[`${name}: commit p99 ÷ fdatasync p99`] = median(name, "commit p99 ms") / median("disk", "fdatasync p99 ms");
    ratios[`${name}: 8 clients ÷ 1 client, commits/s`] = median(name, "8 clients/s") / median(name, "1 client/s");
  }
  const method = `a commit is a guarded step, rollout and entry; ${CLIENTS} clients have a store and a lease each on Postgres; medians of ${ROUNDS} interleaved rounds of ${SPAN} ms`;
  return { name: "store", method, rows, ratios };
}

async function sqlite(): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-bench-"));
  const store = await openSqliteStore({ folder, now: Date.now });
  const close = async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  };
  return { name: "SQLite", stores: Array.from({ length: CLIENTS }, () => store), sequences: false, close };
}

async function postgres(): Promise<Subject | undefined> {
  const means = new URL("../scripts/means/postgres.mjs", import.meta.url).href;
  const { provide } = (await import(means)) as { provide: () => string | undefined };
  const bin = provide();
  if (bin === undefined) return undefined;
  const server = await startPostgres(bin);
  const open = () =>
    openPostgresStore({ url: server.url, elapsed: () => performance.now(), sleep: (span) => setTimeout(span) });
  const stores = await Promise.all(Array.from({ length: CLIENTS }, open));
  const close = async () => {
    await Promise.all(stores.map((store) => store.close()));
    await server.remove();
  };
  return { name: "Postgres", stores, sequences: true, close };
}

async function measure({ stores, sequences }: Subject, round: number): Promise<Figures> {
  const single = await committing(stores.slice(0, 1), round);
  const sagas = await sagaTimes(stores[0]!, round);
  const many = await committing(stores, round);
  const sequencing = await timed(() => stores[0]!.entryCount());
  const samples = Array.from({ length: SAMPLES }, (_, sequence) => aSample({ sequence, bucket: round }));
  const batch = await timed(() => stores[0]!.commit([{ kind: "samples", rollout: "r", samples }]));
  return {
    "1 client/s": single.rate,
    "commit p50 ms": quantile(single.times, 0.5),
    "commit p99 ms": quantile(single.times, 0.99),
    "8 clients/s": many.rate,
    "8 clients p99 ms": quantile(many.times, 0.99),
    "8-step saga p50 ms": quantile(sagas, 0.5),
    "8-step saga p99 ms": quantile(sagas, 0.99),
    "samples/s": SAMPLES / (batch / 1000),
    ...(sequences ? { "entries sequenced/s": many.times.length / (sequencing / 1000) } : {}),
  };
}

/** Each client commits for its own system, as fast as answers come. */
async function committing(stores: readonly Store[], round: number) {
  const times: number[] = [];
  const began = performance.now();
  await Promise.all(
    stores.map(async (store, client) => {
      const lease = await leaseOf(store, `system-${client}`);
      for (let n = 0; performance.now() - began < SPAN; n += 1)
        times.push(await timed(() => store.commit(changesOf(`${client}-${round}`, n), lease)));
    }),
  );
  return { times, rate: times.length / ((performance.now() - began) / 1000) };
}

/** The bookkeeping of whole sagas: the start with the first intent, each result with the next intent, the end. */
async function sagaTimes(store: Store, round: number): Promise<readonly number[]> {
  const lease = await leaseOf(store, "saga");
  const times: number[] = [];
  const began = performance.now();
  for (let n = 0; performance.now() - began < SPAN; n += 1) {
    const id = `saga-${round}-${n}`;
    times.push(
      await timed(async () => {
        await store.commit([{ kind: "saga", saga: aSaga(id, "r") }, intent(id, 0), recording("started")], lease);
        for (let step = 0; step < STEPS; step += 1)
          await store.commit([done(id, step), intent(id, step + 1), recording("done"), recording("intent")], lease);
        await store.commit(
          [{ kind: "saga", saga: aSaga(id, "r", { status: "completed" }) }, recording("ended")],
          lease,
        );
      }),
    );
  }
  return times;
}

function intent(saga: string, step: number): Change {
  return { kind: "step", record: aStep(saga, `step-${step}`) };
}

function done(saga: string, step: number): Change {
  return { kind: "step", record: aStep(saga, `step-${step}`, { status: "done" }) };
}

function changesOf(saga: string, n: number): readonly Change[] {
  const rollout = aRollout(saga, { step: n });
  return [{ kind: "rollout", rollout }, intent(saga, n % STEPS), recording(`${saga} ${n}`)];
}

async function leaseOf(store: Store, resource: string): Promise<Lease> {
  return (await store.acquireLease(resource, "bench", HOUR, Date.now()))!;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))]!;
}
