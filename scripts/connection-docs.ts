// The generated parts of docs/connections.md: kinds of connections with their keys, from the settings' own schemas, and
// how far each is proved.
import { z } from "zod";
import { connectionKinds } from "../src/app/connections/kinds.ts";
import { undoByKind } from "../src/playbook/lint-undo.ts";

interface Facts {
  /** Which port it serves. */
  readonly for: "components" | "signals" | "policies" | "notices" | "looks";
  readonly guarantee?: "cas" | "blind" | "as declared" | "reads only";
  readonly permission: string;
  readonly proof: string;
  /** Without `.md`, where it is not the kind's own name. */
  readonly page?: string;
}

const NOTICES = { for: "notices", page: "notices" } as const;

/** What no schema knows; the kinds' own pages say it at length. */
const facts: Readonly<Record<string, Facts>> = {
  alertmanager: {
    for: "looks",
    permission: "a `reporter` token for it; `GET /api/v2/alerts` for us",
    proof: "real server",
  },
  command: {
    for: "components",
    guarantee: "as declared",
    permission: "whatever the programs need",
    proof: "real programs",
  },
  fingerprint: {
    for: "components",
    guarantee: "reads only",
    permission: "one call of the service",
    proof: "real HTTP server, no vendor",
  },
  flyway: {
    for: "components",
    guarantee: "cas",
    permission: "what the migrations need; CREATE on the schema once",
    proof: "Flyway's engine, real Postgres",
  },
  git: { for: "components", guarantee: "cas", permission: "read, and push to one branch", proof: "real server" },
  http: { for: "components", guarantee: "cas", permission: "reach the hosts", proof: "real HTTP servers" },
  kubernetes: {
    for: "components",
    guarantee: "cas",
    permission: "a Role: get and patch, see its page",
    proof: "real API server and Argo Rollouts, kubelets played",
  },
  launchdarkly: {
    for: "components",
    guarantee: "blind",
    permission: "a custom role for the flags of one environment",
    proof: "vendor's SDK against our emulator",
  },
  mlflow: {
    for: "components",
    guarantee: "blind",
    permission: "EDIT on the model or prompt, READ on its experiment",
    proof: "real server",
  },
  opa: { for: "policies", permission: "POST below `v1/data/PACKAGE`", proof: "real server, real Wasm" },
  pagerduty: { ...NOTICES, permission: "an integration key", proof: "emulated" },
  prometheus: { for: "signals", permission: "GET `/api/v1/query` and `query_range`", proof: "real server" },
  slack: { ...NOTICES, permission: "`chat:write`, or a webhook", proof: "emulated" },
  "sql-schema": {
    for: "components",
    guarantee: "cas",
    permission: "own the views; CREATE on the database",
    proof: "real Postgres and SQLite",
  },
  vault: {
    for: "components",
    guarantee: "cas",
    permission: "read the path, write its folder",
    proof: "real disk",
  },
  webhook: { ...NOTICES, permission: "none", proof: "emulated; the standard's own example" },
};

/** The page with its generated parts as they are now. */
export function connectionDocs(page: string): string {
  return filled(filled(page, "kinds", kindTable()), "keys", keyTable());
}

function kindTable(): readonly string[] {
  const rows = connectionKinds.map(({ kind, summary }) => {
    const { for: purpose, guarantee, permission, proof, page = kind } = factsOf(kind);
    const what = `${summary.charAt(0).toLowerCase()}${summary.slice(1)}`;
    const text = /^(kubernetes|mLflow)/.test(what) ? summary : what;
    return `| [\`${kind}\`](adapters/${page}.md) | ${purpose} | ${text} | ${undoOf(kind)} | ${guarantee ?? "–"} | ${permission} | ${proof} |`;
  });
  return [
    "| kind | for | what | a change is | guarantee | least permission | proved against |",
    "|---|---|---|---|---|---|---|",
    ...rows,
  ];
}

/** What its adapter declares of a change; a test compares. */
function undoOf(kind: string): string {
  const declared = undoByKind[kind];
  return declared === "undeclared" ? "as `undo` says" : (declared ?? "–");
}

function keyTable(): readonly string[] {
  const rows = connectionKinds.map(({ kind, settings }) => {
    const keys = keysOf(z.toJSONSchema(settings, { io: "input", unrepresentable: "any" }) as Schema);
    return `| \`${kind}\` | ${keys.join(", ")} |`;
  });
  return ["| kind | keys (bold: needed) |", "|---|---|", ...rows];
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly anyOf?: readonly Schema[];
}

function keysOf({ properties = {}, required = [], anyOf = [] }: Schema): readonly string[] {
  if (anyOf.length > 0) return [...new Set(anyOf.flatMap(keysOf))];
  return Object.entries(properties).map(([name, value]) => {
    if (required.includes(name)) return `**\`${name}\`**`;
    const { default: given } = value;
    const plain = given !== undefined && (typeof given !== "object" || given === null);
    return plain ? `\`${name}\` (${String(given)})` : `\`${name}\``;
  });
}

function factsOf(kind: string): Facts {
  const known = facts[kind];
  if (!known) throw new Error(`scripts/connection-docs.ts says nothing of the kind ${kind}`);
  return known;
}

function filled(page: string, part: string, lines: readonly string[]): string {
  const [before, rest] = page.split(`<!-- ${part} -->\n`, 2);
  const after = rest?.split("<!-- end -->").slice(1).join("<!-- end -->");
  if (before === undefined || after === undefined) throw new Error(`docs/connections.md has no part ${part}`);
  return `${before}<!-- ${part} -->\n${lines.join("\n")}\n<!-- end -->${after}`;
}
