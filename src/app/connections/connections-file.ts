import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { RollbookError } from "../../core/errors.ts";
import { nearestWord } from "../../operations/words.ts";
import { systemClock } from "../system-clock.ts";
import { type SecretReference, secretReference } from "./connection.ts";
import type { Named } from "./connections.ts";
import { connectionKinds } from "./kinds.ts";

const port = z.number().int().min(0).max(65_535);
const upstream = z.url({ protocol: /^https?$/ });
const scalar = z.union([z.string(), z.number(), z.boolean(), z.record(z.string(), z.unknown())]);

const safeAnswer = z.strictObject({
  status: z.number().int().min(200).max(599),
  body: z.string(),
  headers: z.record(z.string(), z.string()).optional(),
});

const systemSettings = z.strictObject({
  gateway: z
    .strictObject({
      port: port.default(0),
      stable: upstream,
      candidate: upstream,
      /** Where `how.else` answers. */
      else: upstream.optional(),
      /** What answers as `how.safe`: something simple, or an answer that is ready here. */
      safe: z.union([upstream, safeAnswer]).optional(),
    })
    .optional(),
  /** What the release flag says, by the label of a release or of one of its revisions. */
  values: z.record(z.string(), scalar).optional(),
});

const fileSettings = z.strictObject({
  rollbook: z.literal("connections/v1"),
  /** Port of the API and the page, on loopback. */
  port: port.default(7464),
  /** Where Rollbook keeps its own data; relative to this file. */
  data: z.string().min(1).default(".rollbook"),
  /** The Postgres that several replicas share: its address, or better where that lies, because it has a password. */
  store: z.union([z.string().min(1), secretReference]).optional(),
  /** The private key (Ed25519, PEM) that all replicas sign the ledger with. */
  "ledger-key": secretReference.optional(),
  systems: z.record(z.string(), systemSettings).default({}),
  /** Built-in flags with their variants and the one that a new data folder begins with. */
  flags: z
    .record(
      z.string(),
      z.strictObject({
        variants: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
        initially: z.string(),
      }),
    )
    .default({}),
  connections: z
    .record(
      z.string().regex(/^[a-z][a-z0-9-]*$/, "a connection's name is made of a-z, 0-9 and dashes: it is a scheme"),
      z.looseObject({ kind: z.string().optional(), identity: z.string().min(1).optional() }),
    )
    .default({}),
});

export type SystemSettings = z.infer<typeof systemSettings>;

/** A connections file, read and checked; the connections are made and nothing was called yet. */
export interface ConnectionsFile {
  readonly file: string;
  readonly port: number;
  readonly data: string;
  /** Address of the shared store. */
  readonly store?: string;
  readonly ledgerKey?: string;
  readonly systems: Readonly<Record<string, SystemSettings>>;
  readonly flags: z.infer<typeof fileSettings>["flags"];
  readonly connections: readonly Named[];
}

/** Names that the house uses itself. */
const RESERVED = ["flags", "gateway", "page", "events", "local"];

/**
 * Reads a connections file. @throws CONNECTIONS_INVALID with every flaw and its place; FILE_UNREADABLE.
 * @param secretOf answers an environment variable's value
 */
export function readConnections(file: string, secretOf: (name: string) => string | undefined): ConnectionsFile {
  const text = readText(file);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const place = (path: readonly PropertyKey[]): string => {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = document.getIn(path.slice(0, depth), true) as { readonly range?: readonly number[] } | undefined;
      if (node?.range) {
        const { line, col } = lines.linePos(node.range[0]!);
        return `${line}:${col}`;
      }
    }
    return "1:1";
  };
  const fail = (flaws: readonly string[]) =>
    new RollbookError("CONNECTIONS_INVALID", { file, reason: flaws.join("; ") });
  if (document.errors.length > 0) throw fail(document.errors.map(({ message }) => message.split("\n")[0] ?? message));
  const parsed = fileSettings.safeParse(document.toJS() ?? {});
  if (!parsed.success) throw fail(parsed.error.issues.map((issue) => flawText(issue as Flaw, place)));
  const folder = dirname(resolve(file));
  const { data, connections, store, "ledger-key": ledgerKey, ...rest } = parsed.data;
  const secret = secretsIn(folder, secretOf, fail);
  const world = { folder, data: resolve(folder, data), clock: systemClock, secret };
  const flaws: string[] = [];
  const made: Named[] = [];
  for (const [name, { kind: said, identity, ...settings }] of Object.entries(connections)) {
    const kind = connectionKinds.find((one) => one.kind === (said ?? name));
    if (RESERVED.includes(name)) flaws.push(`${place(["connections", name])} "${name}" is a name of Rollbook's own`);
    else if (!kind) flaws.push(`${place(["connections", name])} ${unknownKind(said ?? name)}`);
    else {
      const checked = kind.settings.safeParse(settings);
      if (checked.success)
        made.push({ name, connection: kind.connect(name, checked.data, world), ...(identity ? { identity } : {}) });
      else
        for (const issue of checked.error.issues)
          flaws.push(flawText({ ...issue, path: ["connections", name, ...issue.path] }, place));
    }
  }
  if (flaws.length > 0) {
    for (const { connection } of made) void connection.close?.();
    throw fail(flaws);
  }
  return {
    ...rest,
    file,
    data: world.data,
    connections: made,
    ...(store === undefined ? {} : { store: typeof store === "string" ? store : secret(store) }),
    ...(ledgerKey === undefined ? {} : { ledgerKey: secret(ledgerKey) }),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new RollbookError("FILE_UNREADABLE", { file, reason: (error as Error).message });
  }
}

interface Flaw {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** What is wrong with a key itself. */
  readonly issues?: readonly { readonly message: string }[];
}

function flawText({ path, message, issues }: Flaw, place: (path: readonly PropertyKey[]) => string): string {
  return `${place(path)} ${path.join(".") || "the file"}: ${issues?.[0]?.message ?? message}`;
}

function unknownKind(name: string): string {
  const kinds = connectionKinds.map(({ kind }) => kind);
  const close = nearestWord(name, kinds);
  return `there is no kind of connection "${name}"${close ? `; is it "${close}"?` : ""} Write \`kind:\` with one of ${kinds.join(", ")}`;
}

function secretsIn(
  folder: string,
  secretOf: (name: string) => string | undefined,
  fail: (flaws: readonly string[]) => Error,
) {
  return (reference: SecretReference): string => {
    if ("env" in reference) {
      const value = secretOf(reference.env);
      if (value === undefined || value === "") throw fail([`the environment variable ${reference.env} is not set`]);
      return value;
    }
    try {
      return readFileSync(resolve(folder, reference.file), "utf8").trimEnd();
    } catch (error) {
      throw fail([`the secret file ${reference.file} cannot be read: ${(error as Error).message}`]);
    }
  };
}
