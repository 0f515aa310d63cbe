import { loadavg } from "node:os";
import { fdatasyncTimes } from "./fsync.ts";
import type { Bar, BenchResult } from "./result.ts";
import { DBOS_VERSION } from "./saga/dbos.ts";
import type { SagaTimes, Way } from "./saga/saga-client.ts";
import { openSubjects, type Subject } from "./saga/subjects.ts";

const ROUNDS = 5;
/** Milliseconds of each way in each round. */
const SPAN = 250;
const SYNCS = 100;

const WAYS: Readonly<Record<Way, string>> = {
  chain: "chain",
  abreast: "side by side",
  whole: "chain, as control calls it",
};

type Times = Omit<SagaTimes, "commits" | "leases"> & Partial<SagaTimes>;
type Figures = Record<string, number>;

interface Found {
  readonly disk: number[];
  readonly loads: number[];
  readonly sagas: Map<string, Times[]>;
  readonly intents: Map<string, number>;
  readonly rates: number[];
}

/** The way back's own work, from the decision to the end of the saga, over targets that answer at once. About 25 s. */
export async function benchSaga(args: readonly string[]): Promise<BenchResult> {
  const rounds = Number(args.find((arg) => arg.startsWith("--rounds="))?.slice("--rounds=".length) ?? ROUNDS);
  const { subjects, close } = await openSubjects();
  const found: Found = { disk: [], loads: [], sagas: new Map(), intents: new Map(), rates: [] };
  try {
    // The round before the first warms up, and looks at what is durable when the first effect arrives.
    for (let round = -1; round < rounds; round += 1) await measure(subjects, found, round < 0);
  } finally {
    await close();
  }
  return resultOf(found, rounds);
}

async function measure(subjects: readonly Subject[], found: Found, warming: boolean): Promise<void> {
  const disk = fdatasyncTimes(SYNCS);
  if (!warming) {
    found.disk.push(...disk);
    found.loads.push(loadavg()[0]!);
  }
  for (const { name, ways, run, commitsPerSecond } of subjects) {
    for (const way of ways) {
      const row = rowOf(name, way);
      if (warming) found.intents.set(row, (await run(way, true)).intents!);
      const times: Times[] = [];
      for (const began = performance.now(); performance.now() - began < SPAN; ) times.push(await run(way));
      if (!warming) found.sagas.set(row, [...(found.sagas.get(row) ?? []), ...times]);
    }
    const rate = await commitsPerSecond?.(2 * SPAN);
    if (!warming && rate !== undefined) found.rates.push(rate);
  }
}

function resultOf(found: Found, rounds: number): BenchResult {
  const { disk, loads, sagas, intents, rates } = found;
  const rows: { subject: string; figures: Figures }[] = [
    { subject: "fdatasync", figures: { "p50 ms": quantile(disk, 0.5), "p99 ms": quantile(disk, 0.99) } },
    { subject: "load average", figures: { least: Math.min(...loads), most: Math.max(...loads) } },
    ...[...sagas].map(([subject, times]) => ({ subject, figures: figuresOf(times, intents.get(subject)!) })),
  ];
  if (rates.length > 0) rows.push({ subject: "Postgres, 8 stores", figures: { "commits/s": quantile(rates, 0.5) } });
  const figure = (subject: string, name: string) => rows.find((row) => row.subject === subject)?.figures[name];
  const ratios: Figures = {};
  const sync = figure("fdatasync", "p50 ms")!;
  for (const { subject, figures } of rows) {
    const { commits, "saga p50 ms": saga, "lease writes": leases } = figures;
    if (commits && saga && leases === 0)
      ratios[`${subject}: saga p50 ÷ (commits × fdatasync p50)`] = saga / (commits * sync);
  }
  for (const [name, way] of [
    ["to the first effect", "first p50 ms"],
    ["eight steps", "saga p50 ms"],
  ] as const)
    for (const shape of ["chain", "abreast"] as const) {
      const [ours, theirs] = [figure(rowOf("Postgres", shape), way), figure(rowOf("DBOS", shape), way)];
      if (ours !== undefined && theirs !== undefined)
        ratios[`Postgres ÷ DBOS, ${name}, ${WAYS[shape]}, p50`] = ours / theirs;
    }
  const compared = sagas.has(rowOf("DBOS", "chain"))
    ? `DBOS Transact ${DBOS_VERSION} on the same server does less in this run: it writes a step's row after the step, so there is no intent before an effect; there is no fence, no read of the target before and after, and no ledger`
    : `WITHOUT DBOS Transact ${DBOS_VERSION}, which could not be run`;
  const method = `eight steps over targets in this process that answer at once; times from the decision, before it is written; all of ${rounds} interleaved rounds together. ${compared}`;
  return { name: "saga", method, rows, ratios, bars: barsOf(figure) };
}

function figuresOf(times: readonly Times[], intents: number): Figures {
  const last = times.at(-1)!;
  const first = times.map((one) => one.first);
  const end = times.map((one) => one.end);
  return {
    sagas: times.length,
    "first p50 ms": quantile(first, 0.5),
    "first p99 ms": quantile(first, 0.99),
    "saga p50 ms": quantile(end, 0.5),
    "saga p99 ms": quantile(end, 0.99),
    ...(last.commits === undefined
      ? {}
      : {
          commits: quantile(
            times.map(({ commits }) => commits!),
            0.5,
          ),
          "lease writes": last.leases!,
        }),
    "steps on record at the first effect": intents,
  };
}

function barsOf(figure: (subject: string, name: string) => number | undefined): readonly Bar[] {
  const [p50, p99] = [figure("fdatasync", "p50 ms")!, figure("fdatasync", "p99 ms")!];
  const limits = { SQLite: { first: Math.max(5, 4 * p99), saga: 5 }, Postgres: { first: 15, saga: 10 } };
  const bars: Bar[] = [];
  const bar = (subject: string, name: string, limit: number, note: string) => {
    const measured = figure(subject, name);
    if (measured !== undefined) bars.push({ what: `${subject}: ${name}`, bar: limit, measured, note });
  };
  for (const [name, { first, saga }] of Object.entries(limits)) {
    for (const way of ["chain", "abreast", "whole"] as const) {
      const row = rowOf(name, way);
      bar(row, "first p99 ms", first, `of ${figure(row, "sagas")} sagas`);
    }
    for (const way of ["chain", "abreast"] as const) {
      const row = rowOf(name, way);
      const commits = figure(row, "commits") ?? 0;
      bar(row, "saga p50 ms", saga, `${commits} commits; so many fdatasyncs alone: ${(commits * p50).toFixed(1)}`);
    }
  }
  const rate = figure("Postgres, 8 stores", "commits/s");
  if (rate !== undefined)
    bars.push({ what: "Postgres, 8 stores: ms a commit (1,000 commits/s)", bar: 1, measured: 1000 / rate });
  return bars;
}

function rowOf(subject: string, way: Way): string {
  return `${subject}, ${WAYS[way]}`;
}

/** The nearest rank: of fewer than a hundred the greatest is the 99th percentile. */
function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]!;
}
