import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bars } from "./bars.ts";
import type { JobResult } from "./job.ts";

/**
 * Writes `rollouts.csv` (one row for each method, world and rollout with harm), `false-alarms.csv` (healthy worlds: one
 * row for each method and world), `alarms.csv` (each false alarm that was judged second by second) and `provenance.json`.
 */
export function writeCsv(
  folder: string,
  provenance: Readonly<Record<string, unknown>>,
  results: readonly JobResult[],
  found: Bars,
): void {
  mkdirSync(folder, { recursive: true });
  const put = (name: string, header: string, rows: readonly (readonly (string | number)[])[]) =>
    writeFileSync(join(folder, name), `${[header, ...rows.map((row) => row.map(cell).join(","))].join("\n")}\n`);
  const outcomes = results.flatMap((result) =>
    result.kind === "harm" || result.kind === "values" ? result.outcomes : [],
  );
  put(
    "rollouts.csv",
    "method,world,rollout,fault_second,end,seconds,answers,bad_answers",
    outcomes.map((one) => [one.method, one.world, one.rollout, one.fault, one.end, one.seconds, one.answers, one.bad]),
  );
  put(
    "false-alarms.csv",
    "method,world,rollouts,false_alarms,rate_at_most",
    found.falseAlarms.map((one) => [one.method, one.world, one.rollouts, one.alarms, one.atMost]),
  );
  put(
    "alarms.csv",
    "method,world,rollout",
    results.flatMap((result) =>
      result.kind === "healthy" ? result.part.alarms.map((one) => [one.method, one.world, one.rollout]) : [],
    ),
  );
  const { seed } = provenance;
  writeFileSync(
    join(folder, "provenance.json"),
    `${JSON.stringify(
      {
        ...provenance,
        streams: `sfc32, seeded with "${String(seed)}/WORLD/ROLLOUT" (many: "${String(seed)}/many/WORLD/ROLLOUT")`,
        commit: commit(),
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        date: new Date().toISOString(),
      },
      null,
      2,
    )}\n`,
  );
}

function commit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty", "--abbrev=40"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown: no git repository";
  }
}

function cell(value: string | number): string {
  const text = typeof value === "number" ? String(Math.round(value * 1e9) / 1e9) : value;
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
