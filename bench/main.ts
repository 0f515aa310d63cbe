import type { BenchResult } from "./result.ts";

/** Every benchmark by name, loaded when it is asked for. */
const benches: Readonly<Record<string, () => Promise<() => Promise<BenchResult>>>> = {
  gateway: async () => (await import("./gateway.ts")).benchGateway,
  store: async () => (await import("./store.ts")).benchStore,
  assignment: async () => (await import("./assignment.ts")).benchAssignment,
  "detection-weights": async () => (await import("./detection-weights.ts")).benchDetectionWeights,
  watch: async () => (await import("./watch.ts")).benchWatch,
  ingest: async () => (await import("./ingest.ts")).benchIngest,
  schema: async () => (await import("./schema.ts")).benchSchema,
};

const args = process.argv.slice(2);
const name = args.find((arg) => !arg.startsWith("--"));
const load = name === undefined ? undefined : benches[name];
if (!load) {
  process.stderr.write(`usage: npm run bench -- NAME [--json]\n  NAME: ${Object.keys(benches).join(", ")}\n`);
  process.exitCode = 2;
} else {
  const result = await (await load())();
  process.stdout.write(args.includes("--json") ? `${JSON.stringify(result, null, 2)}\n` : asText(result));
}

function asText({ name, method, rows, ratios }: BenchResult): string {
  const lines = [`${name}: ${method}`, ""];
  for (const row of rows) {
    const figures = Object.entries(row.figures).map(([figure, value]) => `${figure} ${rounded(value)}`);
    lines.push(`  ${row.subject.padEnd(28)} ${figures.join("   ")}`);
  }
  lines.push("");
  for (const [ratio, value] of Object.entries(ratios)) lines.push(`  ${ratio.padEnd(60)} ${rounded(value)}`);
  return `${lines.join("\n")}\n`;
}

function rounded(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
