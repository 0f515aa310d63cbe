import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { systemClock } from "../system-clock.ts";
import { flyway } from "./flyway.ts";
import { sqlSchema } from "./sql-schema.ts";

test("paths begin at the connections file, and a schema is read and switched there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-schema-app-"));
  const database = new DatabaseSync(join(folder, "loans.db"));
  database.exec("PRAGMA journal_mode = WAL");
  writeFileSync(join(folder, "1.expand.sql"), "CREATE TABLE t (x)");
  writeFileSync(join(folder, "1.views.sql"), "CREATE VIEW v AS SELECT x FROM t");
  const settings = sqlSchema.settings.parse({ databases: { loans: { sqlite: "loans.db", migrations: "." } } });
  const world = { folder, data: folder, clock: systemClock, secret: () => "" };
  const { restore, close } = sqlSchema.connect("schema", settings, world);
  const [at, signal] = ["schema://loans", AbortSignal.timeout(5000)];
  const found = await restore!.resolve!(at, "1", signal);
  const before = await restore!.read(at, signal);
  assert.ok(found.kind === "revision" && before.kind === "live");
  const request = { at, desired: found.revision.digest, before, key: "k", fence: 1 };
  assert.deepEqual(await restore!.apply(request, signal), { kind: "applied" });
  assert.deepEqual(database.prepare("SELECT * FROM v").all(), []);
  await close!();
  database.close();
  rmSync(folder, { recursive: true, force: true });
});

test("settings refuse what is not meant", () => {
  const postgres = { env: "URL" };
  const schemas = [
    {},
    { databases: {} },
    { databases: { loans: { sqlite: "x.db" } } },
    { databases: { loans: { sqlite: "x.db", migrations: "m", views: "app" } } },
    { databases: { loans: { postgres: "postgres://user:secret@host/db", migrations: "m" } } },
    { databases: { loans: { postgres, migrations: "m", views: "a;b" } } },
    { databases: { loans: { postgres, migrations: "m" } }, patience: "soon" },
  ];
  for (const one of schemas) assert.equal(sqlSchema.settings.safeParse(one).success, false, JSON.stringify(one));
  const loans = { postgres, migrations: "m" };
  const flyways = [
    { databases: { loans: { ...loans, compensations: { twelve: "V13__x.sql" } } } },
    { databases: { loans }, command: [] },
    { databases: { loans }, command: "flyway" },
    { databases: { loans }, environment: { FLYWAY_PASSWORD: "x" } },
    { databases: { loans: { ...loans, postgres: "postgres://host/db" } } },
  ];
  for (const one of flyways) assert.equal(flyway.settings.safeParse(one).success, false, JSON.stringify(one));
  assert.equal(flyway.settings.safeParse({ databases: { loans } }).success, true);
});
