import assert from "node:assert/strict";
import { copyFileSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { type Digest, digestOf } from "../../core/digest.ts";
import type { RestoreRequest } from "../../core/ports.ts";
import { describeRestoreAdapter } from "../../testing/describe-restore-adapter.ts";
import { lendingVersions } from "./lending-versions.fixture.ts";
import { createSqlSchemaAdapter, type SqlSchemaOptions } from "./schema-adapter.ts";
import { createSqliteSchema } from "./sqlite-schema.ts";

const at = "schema://loans";
const never = new AbortController().signal;

/** A real SQLite file at version 1 with one application in it, and the adapter. */
async function lending(more: Record<string, string> = {}, options: Partial<SqlSchemaOptions> & { is?: string } = {}) {
  const migrations = lendingVersions("sqlite", more);
  const file = join(migrations, "loans.db");
  const database = new DatabaseSync(file, { timeout: 1000 });
  database.exec("PRAGMA journal_mode = WAL; PRAGMA application_id = 4660");
  const { is, ...rest } = options;
  const place = { database: createSqliteSchema(file), migrations, ...(is === undefined ? {} : { is }) };
  const adapter = createSqlSchemaAdapter({ scheme: "schema", databases: { loans: place }, ...rest });
  const digest = async (version: number): Promise<Digest> => {
    const found = await adapter.resolve!(at, String(version), never);
    assert.ok(found.kind === "revision", JSON.stringify(found));
    return found.revision.digest;
  };
  const before = async () => {
    const live = await adapter.read(at, never);
    assert.ok(live.kind === "live", JSON.stringify(live));
    return live;
  };
  let turn = 0;
  const go = async (version: number, request: Partial<RestoreRequest> = {}) =>
    adapter.apply(
      { at, desired: await digest(version), before: await before(), key: `k${turn++}`, fence: 0, ...request },
      never,
    );
  if (is === undefined) {
    assert.deepEqual(await go(1), { kind: "applied" });
    database.exec("INSERT INTO loans (name, amount) VALUES ('Ada Lovelace', 900)");
  }
  const stop = () => {
    database.close();
    rmSync(dirname(file), { recursive: true, force: true });
  };
  return { adapter, database, migrations, file, digest, before, go, stop };
}

async function lent(t: TestContext, ...args: Parameters<typeof lending>) {
  const world = await lending(...args);
  t.after(world.stop);
  return world;
}

test("a switch shows the new shape, and the way back the old one with what was written meanwhile", async (t) => {
  const { database, go, before } = await lent(t);
  const rows = (sql: string) =>
    database
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  assert.deepEqual(await go(2), { kind: "applied" });
  assert.equal((await before()).label, "schema 2");
  assert.deepEqual(rows("SELECT surname FROM loans"), [{ surname: "Lovelace" }]);
  database.exec("INSERT INTO loans (name, surname, amount) VALUES ('Grace Hopper', 'Hopper', 2000)");
  assert.deepEqual(rows("SELECT amount FROM large_loans"), [{ amount: 2000 }]);
  assert.deepEqual(await go(1), { kind: "applied" });
  assert.deepEqual(rows("SELECT name FROM loans ORDER BY id"), [{ name: "Ada Lovelace" }, { name: "Grace Hopper" }]);
  assert.throws(() => database.prepare("SELECT * FROM large_loans"), /no such table/);
});

test("an open reader keeps its snapshot and does not hold up a switch", async (t) => {
  const { file, go } = await lent(t);
  const reader = new DatabaseSync(file, { readOnly: true });
  t.after(() => reader.close());
  reader.exec("BEGIN");
  reader.prepare("SELECT * FROM loans").all();
  assert.deepEqual(await go(2), { kind: "applied" });
  assert.deepEqual(Object.keys(reader.prepare("SELECT * FROM loans").get()!), ["id", "name", "amount"]);
});

test("when a writer outlasts the patience, nothing was changed", async (t) => {
  const { database, go, before } = await lent(t, {}, { patienceMs: 100 });
  database.exec("BEGIN IMMEDIATE");
  const answer = await go(2);
  assert.ok(answer.kind === "unknown" && /nothing was changed/.test(answer.reason));
  assert.equal((await before()).label, "schema 1");
});

test("a writer that holds the lock is waited for", async (t) => {
  const { database, go, before } = await lent(t);
  database.exec("BEGIN IMMEDIATE");
  const later = go(2);
  setTimeout(() => database.exec("COMMIT"), 60);
  assert.deepEqual(await later, { kind: "applied" });
  assert.equal((await before()).label, "schema 2");
});

test("views that somebody changed by hand are an identity of their own, and the way back replaces them", async (t) => {
  const { adapter, database, go, before, digest } = await lent(t);
  database.exec("DROP VIEW loans; CREATE VIEW loans AS SELECT id FROM applicants");
  const drifted = await before();
  assert.notEqual(drifted.digest, await digest(1));
  const concerns = await adapter.concerns!(at, await digest(1), never);
  assert.ok(concerns.some(({ level, text }) => level === "blocking" && /changed them by hand/.test(text)));
  assert.deepEqual(await go(1), { kind: "applied" });
  assert.equal((await before()).digest, await digest(1));
});

test("a version whose tables no longer carry its views is not held, and is refused", async (t) => {
  const { adapter, database, go, digest } = await lent(t);
  assert.deepEqual(await go(2), { kind: "applied" });
  assert.deepEqual(await go(3), { kind: "applied" });
  assert.equal(await adapter.holds(at, await digest(1), never), true);
  database.exec("ALTER TABLE applicants RENAME COLUMN name TO old_name");
  assert.equal(await adapter.holds(at, await digest(1), never), false);
  const answer = await go(1);
  assert.ok(answer.kind === "refused" && /damaged/.test(answer.reason));
});

test("after a contract there is no way back, which is said before and after", async (t) => {
  const { adapter, database, go, digest } = await lent(t);
  for (const version of [2, 3]) assert.deepEqual(await go(version), { kind: "applied" });
  const ahead = await adapter.concerns!(at, await digest(2), never);
  assert.deepEqual(
    ahead.map(({ level }) => level),
    ["warning", "warning"],
  );
  assert.match(ahead[0]!.text, /3\.contract\.sql, once run, is the point of no return for version 2/);
  assert.match(ahead[1]!.text, /there is no 3\.lost\.sql/);
  const request = { at, version: 3, key: "contract", fence: 4 };
  assert.deepEqual(await adapter.contract(request, never), { kind: "applied" });
  assert.deepEqual(await adapter.contract(request, never), { kind: "already" });
  assert.equal((await adapter.contract({ ...request, key: "c2", fence: 3 }, never)).kind, "stale");
  assert.equal(await adapter.holds(at, await digest(2), never), false);
  assert.equal(await adapter.holds(at, await digest(3), never), true);
  const answer = await go(2, { fence: 5 });
  assert.ok(answer.kind === "refused" && /contract of version 3/.test(answer.reason));
  const after = await adapter.concerns!(at, await digest(2), never);
  assert.ok(after.some(({ level, text }) => level === "blocking" && /no way back to version 2/.test(text)));
  assert.equal(database.prepare("SELECT contracted FROM applicants").get()?.["contracted"], 1);
});

test("a contract waits until readers are at its version", async (t) => {
  const { adapter, go } = await lent(t);
  const contract = (version: number) => adapter.contract({ at, version, key: `c${version}`, fence: 0 }, never);
  assert.equal((await contract(3)).kind, "conflict");
  assert.deepEqual(await go(2), { kind: "applied" });
  assert.equal((await contract(2)).kind, "refused");
});

test("data that only the new shape shows is counted by the user's own query", async (t) => {
  const { adapter, database, go, digest } = await lent(t);
  assert.deepEqual(await go(2), { kind: "applied" });
  assert.deepEqual(await adapter.concerns!(at, await digest(1), never), [
    { level: "warning", text: "3.contract.sql, once run, is the point of no return for version 1." },
  ]);
  database.exec("INSERT INTO loans (name, surname, amount) VALUES ('', 'Hopper', 1)");
  const concerns = await adapter.concerns!(at, await digest(1), never);
  assert.ok(concerns.some(({ text }) => text === "1 row(s) of version 2 would not be seen by version 1."));
});

test("another database than the declared one is neither read nor changed", async (t) => {
  const { adapter, database } = await lent(t, {}, { is: "sqlite:1234/1/1" });
  const live = await adapter.read(at, never);
  assert.ok(live.kind === "unreachable" && /must be sqlite:1234\/1\/1/.test(live.reason));
  const before = { digest: digestOf("x"), version: "1" };
  const answer = await adapter.apply({ at, desired: digestOf("y"), before, key: "k", fence: 1 }, never);
  assert.equal(answer.kind, "refused");
  assert.deepEqual(database.prepare("SELECT name FROM sqlite_master").all(), []);
});

test("a copy of the file is another database, and says so", async (t) => {
  const { adapter, file, migrations, digest, database } = await lent(t);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  const copy = join(migrations, "copy.db");
  copyFileSync(file, copy);
  const place = { database: createSqliteSchema(copy), migrations };
  const other = createSqlSchemaAdapter({ scheme: "schema", databases: { loans: place } });
  assert.notDeepEqual(await other.identify!(at, never), await adapter.identify!(at, never));
  const concerns = await other.concerns!(at, await digest(1), never);
  assert.ok(concerns.some(({ level, text }) => level === "blocking" && /This is a copy/.test(text)));
});

test("a version that was changed after it was made ready keeps its old digest and needs a new number", async (t) => {
  const { adapter, migrations, go, digest } = await lent(t);
  assert.deepEqual(await go(2), { kind: "applied" });
  const old = await digest(1);
  writeFileSync(join(migrations, "1.views.sql"), "CREATE VIEW loans AS SELECT id FROM applicants;");
  const found = await adapter.resolve!(at, "1", never);
  assert.ok(found.kind === "unknown" && /new number/.test(found.reason));
  assert.equal(await adapter.holds(at, old, never), true);
  assert.deepEqual(await go(2, { desired: old }), { kind: "applied" });
});

test("a version stays within reach when its files are lost after it was made ready", async (t) => {
  const { adapter, migrations, go, digest } = await lent(t);
  const one = await digest(1);
  assert.deepEqual(await go(2), { kind: "applied" });
  for (const part of ["expand", "views"]) unlinkSync(join(migrations, `1.${part}.sql`));
  assert.equal(await adapter.holds(at, one, never), true);
  assert.deepEqual(await go(2, { desired: one }), { kind: "applied" });
});

const broken: readonly (readonly [string, Record<string, string>, RegExp])[] = [
  ["does not parse", { "2.expand.sql": "ALTER TABEL x" }, /2\.expand\.sql: .*syntax error/],
  [
    "makes a view that does not work",
    { "2.views.sql": "CREATE VIEW loans AS SELECT no_such FROM applicants" },
    /does not work/,
  ],
  ["ends the transaction", { "2.expand.sql": "CREATE TABLE half (x); COMMIT; BEGIN" }, /take them out/],
  ["makes no view", { "2.views.sql": "SELECT 1" }, /makes no view/],
  [
    "changes what readers see",
    { "2.expand.sql": "DROP VIEW loans", "2.views.sql": "CREATE VIEW v AS SELECT 1" },
    /only add to the tables/,
  ],
];
for (const [what, files, reason] of broken) {
  test(`a version that ${what} is refused and changes nothing`, async (t) => {
    const { database, go, before } = await lent(t, files);
    const live = await before();
    const answer = await go(2);
    assert.ok(answer.kind === "refused" && reason.test(answer.reason), JSON.stringify(answer));
    assert.deepEqual(await before(), live);
    assert.equal(database.prepare("SELECT count(*) AS n FROM loans").get()?.["n"], 1);
  });
}

test("what is live has a name, unless no version makes it", async (t) => {
  const { adapter, database, digest } = await lent(t);
  const found = await adapter.resolve!(at, "live", never);
  assert.deepEqual(found, { kind: "revision", revision: { digest: await digest(1), label: "schema 1" } });
  database.exec("DROP VIEW loans; CREATE VIEW loans AS SELECT id FROM applicants");
  assert.equal((await adapter.resolve!(at, "live", never)).kind, "unknown");
});

test("a version of which one file is missing is not resolved, and says which", async (t) => {
  const { adapter, migrations } = await lent(t);
  unlinkSync(join(migrations, "2.views.sql"));
  const found = await adapter.resolve!(at, "2", never);
  assert.ok("reason" in found && /needs both 2\.expand\.sql and 2\.views\.sql/.test(found.reason));
});

test("a file that is not in WAL mode is refused, because its readers would block", async (t) => {
  const { adapter, database, go, digest } = await lent(t);
  database.exec("PRAGMA journal_mode = DELETE");
  const answer = await go(2);
  assert.ok(answer.kind === "refused" && /journal mode is delete/.test(answer.reason));
  const concerns = await adapter.concerns!(at, await digest(1), never);
  assert.ok(concerns.some(({ level, text }) => level === "blocking" && /WAL/.test(text)));
});

test("what takes long can be made ready before, and then only the views move", async (t) => {
  const { adapter, database, before, digest } = await lent(t);
  const live = await before();
  assert.deepEqual(await adapter.prepare(at, "2", never), { kind: "applied" });
  assert.deepEqual(await before(), live);
  assert.equal(database.prepare("SELECT surname FROM applicants").get()?.["surname"], "Lovelace");
  assert.equal(await adapter.holds(at, await digest(2), never), true);
  assert.equal((await adapter.prepare(at, "99", never)).kind, "refused");
});

test("a switch while others read and write fails no statement of theirs", async (t) => {
  const { file, go, before } = await lent(t);
  assert.deepEqual(await go(2), { kind: "applied" });
  const client = new DatabaseSync(file, { timeout: 2000 });
  t.after(() => client.close());
  const read = client.prepare("SELECT id, name, amount FROM loans WHERE id = 1");
  const write = client.prepare("INSERT INTO loans (name, amount) VALUES ('Edsger Dijkstra', 5)");
  for (let turn = 0; turn < 20; turn++) {
    const switched = go(turn % 2 === 0 ? 1 : 2);
    for (let statement = 0; statement < 5; statement++) {
      assert.equal(read.get()?.["name"], "Ada Lovelace");
      write.run();
      await new Promise(setImmediate);
    }
    assert.deepEqual(await switched, { kind: "applied" });
  }
  assert.equal((await before()).label, "schema 2");
  assert.equal(client.prepare("SELECT count(*) AS n FROM loans").get()?.["n"], 101);
});

describeRestoreAdapter({
  name: "the schema of an SQLite file",
  setup: async () => {
    const { adapter, database, digest, go, stop } = await lending();
    const revisions = [await digest(1), await digest(2)] as const;
    assert.deepEqual(await go(2), { kind: "applied" });
    assert.deepEqual(await go(1), { kind: "applied" });
    return {
      adapter,
      at,
      revisions,
      unknown: digestOf("no such version"),
      reference: "2",
      rival: async () => {
        const sql = database.prepare("SELECT ddl FROM rollbook_schema WHERE version = 2 AND state = 'ready'").get();
        database.exec("DROP VIEW loans");
        for (const made of JSON.parse(String(sql?.["ddl"])) as { sql: string }[]) database.exec(made.sql);
      },
      stop: async () => stop(),
    };
  },
});
