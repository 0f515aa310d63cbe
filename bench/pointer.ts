import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createReplicas } from "../src/app/replicas/replicas.ts";
import { openStore } from "../src/app/shared-store.ts";
import { systemClock } from "../src/app/system-clock.ts";
import { digestOf } from "../src/core/digest.ts";
import type { Exchange } from "../src/core/exchange.ts";
import { createExposure } from "../src/traffic/routing/exposure.ts";
import { startPostgres } from "../test/servers/postgres.ts";
import { type BenchResult, medianOf } from "./result.ts";

const ROUNDS = 300;

/**
 * Two replicas with connections of their own over one Postgres: from the holder's decision to contain, at its own edge and
 * then in the store, to the edge of the other one. With hints, and with every hint lost.
 */
export async function benchPointer(): Promise<BenchResult> {
  const bin = process.env["POSTGRES_BIN"];
  if (!bin) throw new Error("name the programs of a Postgres with POSTGRES_BIN");
  const server = await startPostgres(bin);
  const folder = mkdtempSync(join(tmpdir(), "rollbook-pointer-"));
  try {
    const rows = [];
    for (const [subject, hints] of [
      ["with hints", true],
      ["every hint lost", false],
    ] as const)
      rows.push(rowOf(subject, await containments(server.url, folder, hints, hints ? ROUNDS : ROUNDS / 5)));
    const measured = rows[0]!.figures["p99, ms"]!;
    return {
      name: "pointer",
      method: "containment at the edge of a second replica, after the decision of the one that acts",
      rows,
      ratios: {},
      bars: [{ what: "with hints, p99, ms", bar: 250, measured }],
    };
  } finally {
    await server.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

function rowOf(subject: string, times: readonly number[]) {
  const sorted = times.toSorted((a, b) => a - b);
  const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1]!;
  return { subject, figures: { rounds: times.length, "median, ms": medianOf(times), "p99, ms": p99 } };
}

async function containments(url: string, folder: string, hints: boolean, rounds: number): Promise<readonly number[]> {
  const system = hints ? "hinted" : "polled";
  const route = (epoch: number, candidatePpm: number) => ({
    system,
    epoch,
    stable: digestOf("stable"),
    candidate: digestOf("candidate"),
    candidatePpm,
  });
  const open = async (name: string) => {
    const opened = await openStore({ folder, shared: { url } });
    const exchange: Exchange = hints ? opened.exchange! : { ...opened.exchange!, onHint: () => undefined };
    const edge = createExposure(system, systemClock);
    const nothing = async () => undefined;
    const parts = { store: opened.store, exchange, name, learn: nothing, hear: nothing, followFlags: () => undefined };
    const replicas = createReplicas({ ...parts, log: () => undefined });
    const joined = replicas.join({ system, edge, drain: () => [], acts: () => true });
    joined.attend(() => undefined);
    return { edge, joined, store: opened.store, stop: () => replicas.stop().then(opened.store.close) };
  };
  const holder = await open("a");
  while (!holder.joined.seat.lease()) await sleep(5);
  const other = await open("b");
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const epoch = 10_000 + 2 * round;
    const { resource, fence } = holder.joined.seat.lease()!;
    const set = async (next: ReturnType<typeof route>) => {
      holder.joined.traffic.set(next);
      await holder.store.commit([{ kind: "route", route: next }], { resource, fence });
    };
    await set(route(epoch, 500_000));
    while (other.edge.current(system)?.epoch !== epoch) await sleep(2);
    await sleep(Math.random() * 300);
    const decided = performance.now();
    const written = set(route(epoch + 1, 0));
    while (other.edge.current(system)?.epoch !== epoch + 1) await sleep(1);
    times.push(performance.now() - decided);
    await written;
  }
  await Promise.all([holder.stop(), other.stop()]);
  return times;
}
