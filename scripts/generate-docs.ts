// Writes docs/api.md from the table of operations and docs/cli.md from the table of commands. With --check it writes
// nothing and fails when a file differs.
import { readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import type { OperationContext } from "../src/operations/context.ts";
import { operationsOf } from "../src/operations/operations.ts";
import { cliDocs } from "./cli-docs.ts";
import { connectionDocs } from "./connection-docs.ts";

const PERMISSIONS = {
  read: "no token: Rollbook listens on loopback only",
  report: "a token of role `reporter` or `admin`",
  admin: "a token of role `admin`",
} as const;

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly format?: string;
  readonly pattern?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
}

/** The type of an input, as people write it down. */
function shapeOf(schema: Schema): string {
  if (schema.pattern?.startsWith("^sha256")) return "digest";
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map(shapeOf).join(" or ");
  if (schema.type === undefined && schema.description) return schema.description;
  if (schema.type === "array") return `array of ${shapeOf(schema.items ?? {})}${limit("at most", schema.maxItems)}`;
  if (schema.properties) {
    const fields = Object.entries(schema.properties).map(([name, field]) => {
      const optional = schema.required?.includes(name) ? "" : "?";
      return `${name}${optional}: ${shapeOf(field)}`;
    });
    return `{ ${fields.join(", ")} }`;
  }
  if (typeof schema.additionalProperties === "object") return `{ name: ${shapeOf(schema.additionalProperties)} }`;
  const most = schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER ? schema.maximum : undefined;
  return `${schema.type}${limit("at most", most)}${limit("at most", schema.maxLength, " characters")}`;
}

function limit(word: string, value: number | undefined, unit = ""): string {
  return value === undefined ? "" : ` (${word} ${value.toLocaleString("en-US")}${unit})`;
}

export function apiDocs(): string {
  const operations = operationsOf({} as OperationContext);
  const sections = operations.map((operation) => {
    const schema = z.toJSONSchema(operation.input, { io: "input" }) as Schema;
    const inputs = Object.entries(schema.properties ?? {}).map(([name, field]) => {
      const place = operation.path.includes(`{${name}}`) ? "path" : operation.method === "GET" ? "query" : "body";
      const need = schema.required?.includes(name) ? "needed" : `default ${JSON.stringify(field.default)}`;
      return `| \`${name}\` | ${place} | ${shapeOf(field)} | ${need} |`;
    });
    const table = inputs.length > 0 ? ["| input | in | type | |", "|---|---|---|---|", ...inputs, ""] : [];
    return [
      `## ${operation.name}`,
      "",
      `\`${operation.method} ${operation.path}\` · ${PERMISSIONS[operation.permission]}`,
      "",
      operation.summary,
      ...(operation.dryRun
        ? ["With `dryRun: true` it answers with the plan and its digest, and changes nothing."]
        : []),
      "",
      ...table,
    ].join("\n");
  });
  return [API_HEAD, ...sections].join("\n");
}

const API_HEAD = `# HTTP API

This page is generated from the table of operations: \`node scripts/generate-docs.ts\`.

Rollbook answers on loopback only, and only to the names 127.0.0.1, localhost and [::1] (others: 421). Bodies are JSON
of at most 1 MiB, of \`samples\` 16 MiB (else: 413); unknown keys are errors. A token goes into \`Authorization: Bearer TOKEN\`; the first one
is printed once, at the first start, and only its SHA-256 is kept. Errors are \`application/problem+json\` (RFC 9457)
with \`code\`, \`state\` (what was left) and \`hint\` (what to do); [errors.md](errors.md) lists the codes.

| besides | |
|---|---|
| \`GET /\` | the live page |
| \`GET /v1/events\` | server-sent events: what happens, with the newest 400 events replayed first |
| \`POST /v1/alerts/{connection}\` | alerts for a connection that takes them, with a token of role \`reporter\`; see [alertmanager.md](adapters/alertmanager.md) |
| \`POST /ofrep/v1/evaluate/flags\`, \`POST /ofrep/v1/evaluate/flags/{key}\` | the OpenFeature Remote Evaluation Protocol |
| \`GET /healthz\` | 200 while the process is well; 503 with the reason once its store takes no write any more until it is started again. A full disk, or a Postgres that is away, does not turn it red: that passes, and a restart would forget what stands in memory |
`;

/** What a page should be, made from what it is. */
const pages: Readonly<Record<string, (page: string) => string>> = {
  "api.md": apiDocs,
  "cli.md": cliDocs,
  "connections.md": connectionDocs,
};

if (import.meta.main) {
  for (const [name, docs] of Object.entries(pages)) {
    const file = new URL(`../docs/${name}`, import.meta.url);
    const now = readFileSync(file, "utf8");
    if (!process.argv.includes("--check")) writeFileSync(file, docs(now));
    else if (now !== docs(now)) {
      process.stderr.write(`docs/${name} is not what the table says. Run: node scripts/generate-docs.ts\n`);
      process.exitCode = 1;
    }
  }
}
