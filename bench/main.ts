import type { Bar, BenchResult } from "./result.ts";

/** Every benchmark by name, loaded when it is asked for. */
const benches: Readonly<Record<string, () => Promise<(args: readonly string[]) => Promise<BenchResult>>>> = {
  gateway: async () => (await import("./gateway.ts")).benchGateway,
  store: async () => (await import("./store.ts")).benchStore,
  saga: async () => (await import("./saga.ts")).benchSaga,
  assignment: async () => (await import("./assignment.ts")).benchAssignment,
  detection: async () => (await import("./detection.ts")).benchDetection,
  "detection-weights": async () => (await import("./detection-weights.ts")).benchDetectionWeights,
  "detection-times": async () => (await import("./detection-times.ts")).benchDetectionTimes,
  watch: async () => (await import("./watch.ts")).benchWatch,
  ingest: async () => (await import("./ingest.ts")).benchIngest,
  schema: async () => (await import("./schema.ts")).benchSchema,
  pointer: async () => (await import("./pointer.ts")).benchPointer,
  "take-over": async () => (await import("./take-over.ts")).benchTakeOver,
};

const args = process.argv.slice(2);
const name = args.find((arg) => !arg.startsWith("--"));
const load = name === undefined ? undefined : benches[name];
if (!load) {
  process.stderr.write(`usage: npm run bench -- NAME [--json]\n  NAME: ${Object.keys(benches).join(", ")}\n`);
  process.exitCode = 2;
} else {
  const result = await (await load())(args);
  process.stdout.write(args.includes("--json") ? `${JSON.stringify(result, null, 2)}\n` : asText(result));
}

function asText({ name, method, rows, ratios, bars = [] }: BenchResult): string {
  const lines = [`${name}: ${method}`, ""];
  const width = Math.max(28, ...rows.map((row) => row.subject.length));
  for (const row of rows) {
    const figures = Object.entries(row.figures).map(([figure, value]) => `${figure} ${rounded(value)}`);
    lines.push(`  ${row.subject.padEnd(width)} ${figures.join("   ")}`);
  }
  lines.push("");
  for (const [ratio, value] of Object.entries(ratios)) lines.push(`  ${ratio.padEnd(60)} ${rounded(value)}`);
  for (const one of bars) {
    const note = one.note === undefined ? "" : `; ${one.note}`;
    lines.push(`  ${standing(one)} ${one.what.padEnd(60)} ${one.measured.toPrecision(5)} (bar ${one.bar})${note}`);
  }
  return `${lines.join("\n")}\n`;
}

function standing({ bar, measured, atLeast = measured }: Bar): string {
  if (measured <= bar) return "reached    ";
  return atLeast <= bar ? "not shown  " : "FALLS SHORT";
}

function rounded(value: number): string {
  if (Number.isInteger(value)) return value.toLocaleString("en");
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
