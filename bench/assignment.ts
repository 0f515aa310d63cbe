import { createSecretKey } from "node:crypto";
import { digestOf, shortDigest } from "../src/core/digest.ts";
import { mintRequestId, readRequestId } from "../src/traffic/attribution/request-id.ts";
import { assign } from "../src/traffic/routing/assignment.ts";
import { type BenchResult, medianOf } from "./result.ts";

const USERS = Array.from({ length: 1024 }, (_, i) => `user-${i * 7919}`);

/** The decision per request in this process, beside an empty loop over the same keys. */
export async function benchAssignment(): Promise<BenchResult> {
  const release = digestOf("stable");
  const route = { system: "loans", epoch: 1, stable: release, candidate: digestOf("candidate"), candidatePpm: 50_000 };
  const key = createSecretKey(Buffer.alloc(32, 1));
  const identity = { second: 1_800_000_000, variant: "stable" as const, release: shortDigest(release), sequence: 1 };
  const id = mintRequestId(key, identity);
  const subjects: Record<string, { readonly runs: number; readonly once: (user: string) => boolean }> = {
    "empty loop": { runs: 2_000_000, once: (user) => user.length > 7 },
    assign: { runs: 2_000_000, once: (user) => assign(route, user) === "candidate" },
    mintRequestId: { runs: 50_000, once: () => mintRequestId(key, identity).length === 40 },
    readRequestId: { runs: 50_000, once: () => readRequestId(key, id) !== undefined },
  };
  const times: Record<string, number[]> = {};
  for (let round = 0; round < 7; round++) {
    for (const [name, { runs, once }] of Object.entries(subjects)) {
      times[name] = [...(times[name] ?? []), timed(runs, once)];
    }
  }
  const rows = Object.entries(times).map(([subject, all]) => ({
    subject,
    figures: { "ns/op": medianOf(all), "heap bytes/op": allocated(subjects[subject]!.once) },
  }));
  const of = (name: string): number => medianOf(times[name]!);
  const ratios = { "assign less empty loop, ns": of("assign") - of("empty loop") };
  return { name: "assignment", method: "1,024 users, 5 % candidate, median of 7 rounds", rows, ratios };
}

function timed(runs: number, once: (user: string) => boolean): number {
  const began = process.hrtime.bigint();
  let hits = 0;
  for (let i = 0; i < runs; i++) if (once(USERS[i & 1023]!)) hits++;
  const took = Number(process.hrtime.bigint() - began);
  return hits < 0 ? Number.NaN : took / runs;
}

/** Least of several short runs: short enough that no collection hides what was allocated. */
function allocated(once: (user: string) => boolean): number {
  const runs = 10_000;
  const grown = Array.from({ length: 9 }, () => {
    const before = process.memoryUsage().heapUsed;
    timed(runs, once);
    return process.memoryUsage().heapUsed - before;
  });
  return medianOf(grown.filter((bytes) => bytes >= 0)) / runs;
}
