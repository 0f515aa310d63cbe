import { isAbsolute, resolve } from "node:path";
import { z } from "zod";
import {
  createPostgresSchema,
  createSqliteSchema,
  createSqlSchemaAdapter,
  type SchemaDatabase,
} from "../../adapters/sql-schema/index.ts";
import { parseDuration } from "../../core/time.ts";
import { type ConnectionKind, type ConnectionWorld, secretReference } from "./connection.ts";
import { recordOf } from "./record-of.ts";

/** Postgres cuts longer names off; `_v` and the number of a version come after it. */
const identifier = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,49}$/, "is no plain name of at most 50 characters");
const path = z.string().min(1).max(1000);

const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, "must be a time such as 100ms")
  .transform((text) => parseDuration(text) as number);

const shared = { migrations: path, identity: z.string().min(1).max(300).optional() };
const database = z.union(
  [
    z.strictObject({
      postgres: secretReference,
      ...shared,
      views: identifier.optional(),
      tables: identifier.optional(),
      roles: z.array(z.string().min(1).max(63)).max(100).optional(),
      "lock-timeout": duration.optional(),
    }),
    z.strictObject({ sqlite: path, ...shared }),
  ],
  {
    error:
      "is { postgres: { env: NAME }, migrations: FOLDER } or { sqlite: FILE, migrations: FOLDER }; only postgres takes views, tables, roles and lock-timeout",
  },
);

const settings = z.strictObject({
  databases: recordOf(
    /^[a-z0-9][a-z0-9._-]*$/,
    "a database's name is made of a-z, 0-9, dots and dashes",
    database,
  ).refine((all) => Object.keys(all).length > 0, "name at least one database"),
  patience: duration.optional(),
});

/** Schemas whose versions are views, switched in one transaction; see docs/adapters/sql-schema.md. */
export const sqlSchema: ConnectionKind<z.infer<typeof settings>> = {
  kind: "sql-schema",
  summary: "schemas of Postgres and SQLite as versions of views, switched in one transaction",
  settings,
  connect(name, { databases, patience }, world) {
    const places = Object.entries(databases).map(([key, one]) => {
      const { migrations, identity } = one;
      const place = { database: databaseOf(one, world), migrations: pathIn(world, migrations) };
      return [key, { ...place, ...(identity === undefined ? {} : { is: identity }) }] as const;
    });
    const restore = createSqlSchemaAdapter({
      scheme: name,
      databases: Object.fromEntries(places),
      ...(patience === undefined ? {} : { patienceMs: patience }),
    });
    return { restore, close: () => restore.close() };
  },
};

function databaseOf(given: z.infer<typeof database>, world: ConnectionWorld): SchemaDatabase {
  if ("sqlite" in given) return createSqliteSchema(pathIn(world, given.sqlite));
  const { views, tables, roles, "lock-timeout": lockTimeoutMs } = given;
  return createPostgresSchema({
    url: world.secret(given.postgres),
    ...(views === undefined ? {} : { views }),
    ...(tables === undefined ? {} : { tables }),
    ...(roles === undefined ? {} : { roles }),
    ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
  });
}

function pathIn({ folder }: ConnectionWorld, path: string): string {
  return isAbsolute(path) ? path : resolve(folder, path);
}
