import { isAbsolute, resolve } from "node:path";
import { z } from "zod";
import { createFlywayAdapter, type FlywayDatabase } from "../../adapters/flyway/index.ts";
import { parseDuration } from "../../core/time.ts";
import { type ConnectionKind, type ConnectionWorld, secretReference } from "./connection.ts";
import { recordOf } from "./record-of.ts";

/** What Flyway gets of this process's own environment; everything else is named in `environment`. */
const INHERITED = ["PATH", "HOME", "LANG", "TMPDIR", "JAVA_HOME"];
const VERSION = /^\d+([._]\d+)*$/;

const path = z.string().min(1).max(1000);
const identifier = z.string().min(1).max(63);
const version = z.string().regex(VERSION, 'is a version in quotes, as in "12" or "12.1"');
const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, "must be a time such as 2m")
  .transform((text) => parseDuration(text) as number);

const database = z.strictObject({
  postgres: secretReference,
  migrations: path,
  compensations: recordOf(VERSION, 'is a version in quotes, as in "12" or "12.1"', path).default({}),
  irreversible: z.array(version).max(1000).default([]),
  schema: identifier.optional(),
  table: identifier.optional(),
  "lock-timeout": duration.optional(),
});

const settings = z.strictObject({
  databases: recordOf(
    /^[a-z0-9][a-z0-9._-]*$/,
    "a database's name is made of a-z, 0-9, dots and dashes",
    database,
  ).refine((all) => Object.keys(all).length > 0, "name at least one database"),
  command: z
    .array(z.string().regex(/^[^\0]+$/, "an argument is not empty and has no NUL"))
    .min(1, "your Flyway and its first arguments, as a list: no shell reads it")
    .max(50)
    .transform((list) => list as [string, ...string[]])
    .default(["flyway"]),
  environment: recordOf(
    /^(?!FLYWAY_(URL|USER|PASSWORD)$)[A-Za-z_][A-Za-z0-9_]*$/,
    "the name of a variable; FLYWAY_URL, _USER and _PASSWORD come from `postgres`",
    z.union([z.string(), secretReference]),
  ).default({}),
  timeout: duration.default(120_000),
});

/** Schemas that Flyway migrates; see docs/adapters/flyway.md. */
export const flyway: ConnectionKind<z.infer<typeof settings>> = {
  kind: "flyway",
  summary: "schemas of Postgres that Flyway migrates, brought back by declared forward migrations",
  settings,
  connect(name, { databases, command, environment, timeout }, world) {
    const { folder, secret } = world;
    const inherited = INHERITED.flatMap((key) => (process.env[key] === undefined ? [] : [[key, process.env[key]]]));
    const declared = Object.entries(environment).map(([key, value]) => [
      key,
      typeof value === "string" ? value : secret(value),
    ]);
    const tool = { command, folder, environment: Object.fromEntries([...inherited, ...declared]), timeoutMs: timeout };
    const restore = createFlywayAdapter({
      scheme: name,
      databases: Object.fromEntries(
        Object.entries(databases).map(([key, one]) => [key, { ...databaseOf(one, world), tool }]),
      ),
    });
    return { restore, close: () => restore.close() };
  },
};

function databaseOf(given: z.infer<typeof database>, world: ConnectionWorld): Omit<FlywayDatabase, "tool"> {
  const { postgres, migrations, compensations, irreversible, schema, table, "lock-timeout": lockTimeoutMs } = given;
  const pathIn = (path: string) => (isAbsolute(path) ? path : resolve(world.folder, path));
  return {
    url: world.secret(postgres),
    migrations: pathIn(migrations),
    compensations: Object.fromEntries(Object.entries(compensations).map(([of, file]) => [of, pathIn(file)])),
    irreversible,
    ...(schema === undefined ? {} : { schema }),
    ...(table === undefined ? {} : { table }),
    ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
  };
}
