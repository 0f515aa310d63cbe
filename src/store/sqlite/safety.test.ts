import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, it } from "node:test";
import { aSample } from "../../testing/store/fixtures.ts";
import { assertDurable, Connection } from "./connection.ts";
import { assertLocal } from "./folder.ts";
import { knownMigrations, migrate } from "./migrations.ts";
import { openSqliteStore } from "./sqlite-store.ts";

const root = mkdtempSync(join(tmpdir(), "rollbook-safety-"));
after(() => rmSync(root, { recursive: true }));

let places = 0;
function newFolder(): string {
  places += 1;
  return join(root, `${places}`);
}
const now = () => 1_000.5;
const open = (folder: string) => openSqliteStore({ folder, now });
const entry = {
  kind: "entry",
  entry: { type: "exposure", at: 0, system: "loans", actor: "test", data: {} },
} as const;

describe("opening the SQLite store", () => {
  it("makes a folder and files for their owner only", { skip: process.platform === "win32" }, async () => {
    const folder = join(newFolder(), "deep", "data");
    const store = await open(folder);
    await store.commit([entry]);
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    const files = readdirSync(folder);
    assert.ok(files.includes("rollbook.sqlite-wal"));
    for (const file of files) assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
    await store.close();
  });

  it("twice in one process is refused, and the first one keeps its lock", async () => {
    const folder = newFolder();
    const store = await open(folder);
    for (let attempt = 0; attempt < 3; attempt += 1)
      await assert.rejects(open(folder), { code: "DATA_FOLDER_IN_USE", exit: 4 });
    await store.commit([entry]);
    await store.close();
    await (await open(folder)).close();
  });

  it("brings what a dead process left in the log into the database, with a flush of its own, before anything rests on it", async () => {
    const [folder, copy] = [newFolder(), newFolder()];
    const store = await open(folder);
    await store.commit([entry]);
    mkdirSync(copy);
    const left = ["rollbook.sqlite", "rollbook.sqlite-wal"];
    for (const file of left) copyFileSync(join(folder, file), join(copy, file));
    await store.close();
    assert.ok(statSync(join(copy, "rollbook.sqlite-wal")).size > 0);
    const next = await open(copy);
    assert.equal(statSync(join(copy, "rollbook.sqlite-wal")).size, 0);
    assert.equal(await next.entryCount(), 1);
    await next.close();
  });

  it("a lease that a clock gave while it was an hour ahead locks nobody out", async () => {
    const folder = join(root, "ahead");
    const hour = 3_600_000;
    const ahead = await openSqliteStore({ folder, now: () => hour });
    await ahead.acquireLease("loans", "dead", 3000, hour);
    await ahead.close();
    const store = await openSqliteStore({ folder, now: () => 0 });
    assert.equal(await store.acquireLease("loans", "next", 3000, 2999), undefined, "not early either");
    assert.equal((await store.acquireLease("loans", "next", 3000, 3000))?.fence, 2);
    await store.close();
  });

  it("a folder that cannot be made fails as the system says", async () => {
    const file = newFolder();
    writeFileSync(file, "");
    await assert.rejects(open(join(file, "data")), { code: "ENOTDIR" });
  });

  it("a file that is no database fails, and frees the lock", async () => {
    const folder = newFolder();
    mkdirSync(folder);
    writeFileSync(join(folder, "rollbook.sqlite"), "not a database, but long enough to look at".repeat(50));
    await assert.rejects(open(folder), /not a database/);
    rmSync(join(folder, "rollbook.sqlite"));
    await (await open(folder)).close();
  });

  it("a lock file that is no database fails as SQLite says", async () => {
    const folder = newFolder();
    mkdirSync(folder);
    writeFileSync(join(folder, "lock.sqlite"), "not a database, but long enough to look at".repeat(50));
    await assert.rejects(open(folder), /not a database/);
  });

  it("refuses settings under which an acknowledged commit could be lost", () => {
    const durable = { version: "3.51.3", journal: "wal", synchronous: 2 };
    assertDurable(durable);
    for (const version of ["3.52.0", "3.60.0", "4.0.0", "3.51.10"]) assertDurable({ ...durable, version });
    for (const version of ["3.51.2", "3.50.9", "2.99.99", "", "3.51"])
      assert.throws(() => assertDurable({ ...durable, version }), { code: "STORE_UNSAFE" });
    for (const journal of ["delete", "memory", "off"])
      assert.throws(() => assertDurable({ ...durable, journal }), { code: "STORE_UNSAFE" });
    for (const synchronous of [0, 1, 3])
      assert.throws(() => assertDurable({ ...durable, synchronous }), { code: "STORE_UNSAFE" });
  });

  it("refuses a network file system and takes local ones", () => {
    for (const remote of [0x6969, 0x517b, 0xfe534d42, 0xff534d42, 0xff534d42 | 0, 0x01021997])
      assert.throws(() => assertLocal(remote), { code: "STORE_UNSAFE" });
    for (const local of [0xef53, 0x58465342, 0x01021994, 0x9123683e, 0x794c7630, 0]) assertLocal(local);
  });

  it("a database in memory is refused, for it has no write-ahead log", () => {
    assert.throws(() => new Connection(":memory:"), { code: "STORE_UNSAFE" });
  });
});

describe("migrations", () => {
  it("are numbered without a gap", () => {
    const known = knownMigrations();
    assert.deepEqual(
      known.map((migration) => migration.number),
      known.map((_, place) => place + 1),
    );
  });

  it("are applied once, and recorded with their moment", async () => {
    const folder = newFolder();
    for (let opening = 0; opening < 2; opening += 1) await (await open(folder)).close();
    const database = new DatabaseSync(join(folder, "rollbook.sqlite"));
    const rows = database.prepare("SELECT name, applied_at FROM migrations").all();
    database.close();
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      knownMigrations().map(({ name }) => ({ name, applied_at: 1_000.5 })),
    );
  });

  it("keep the samples of the version before as they were, and take new ones", async () => {
    const folder = newFolder();
    mkdirSync(folder);
    const old = new Connection(join(folder, "rollbook.sqlite"));
    migrate(old, knownMigrations().slice(0, 1), now);
    const rows = [0.5, 1000].map((bucket) => aSample({ bucket }));
    const put = old.prepare(
      "INSERT INTO samples (rollout, bucket, node, sequence, signal, release, n, k) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    for (const { node, sequence, bucket, signal, release, n, k } of rows)
      put.run("r1", bucket, node, sequence, signal, release, n, k);
    old.close();
    const store = await open(folder);
    assert.deepEqual(await store.samples("r1"), rows);
    const more = [...rows, aSample({ bucket: 1000, group: "g=a", known: 2000.5, cells: [[1, 10]] })];
    await store.commit([{ kind: "samples", rollout: "r1", samples: more }]);
    assert.deepEqual(await store.samples("r1"), more);
    await store.close();
  });

  it("that fail leave no trace and apply when they are mended", () => {
    const folder = newFolder();
    mkdirSync(folder);
    const connection = new Connection(join(folder, "test.sqlite"));
    const first = { number: 1, name: "0001-one.sql", sql: "CREATE TABLE one (a INTEGER) STRICT;" };
    const second = { number: 2, name: "0002-two.sql", sql: "CREATE TABLE two (a INTEGER) STRICT; SELECT nonsense;" };
    assert.throws(() => migrate(connection, [first, second], now), /nonsense/);
    assert.throws(() => connection.prepare("SELECT * FROM two"), /no such table/);
    migrate(connection, [first, { ...second, sql: "CREATE TABLE two (a INTEGER) STRICT;" }], now);
    connection.prepare("SELECT * FROM two").all();
    connection.close();
  });

  it("of a newer Rollbook, or of another text, are refused", () => {
    const folder = newFolder();
    mkdirSync(folder);
    const connection = new Connection(join(folder, "test.sqlite"));
    const first = { number: 1, name: "0001-one.sql", sql: "CREATE TABLE one (a INTEGER) STRICT;" };
    migrate(connection, [first], now);
    assert.throws(() => migrate(connection, [], now), { code: "STORE_UNSAFE" });
    assert.throws(() => migrate(connection, [{ ...first, sql: "SELECT 1;" }], now), { code: "STORE_UNSAFE" });
    connection.close();
  });
});

describe("a transaction", () => {
  function connectionIn(folder: string): Connection {
    mkdirSync(folder);
    const connection = new Connection(join(folder, "test.sqlite"));
    connection.exec("CREATE TABLE t (a TEXT) STRICT");
    return connection;
  }
  const count = (connection: Connection) => connection.prepare("SELECT count(*) AS n FROM t").get()?.["n"];

  it("on a full disk fails, writes nothing, and works when there is room again", () => {
    const connection = connectionIn(newFolder());
    const put = connection.prepare("INSERT INTO t (a) VALUES (?)");
    connection.exec("PRAGMA max_page_count = 10");
    assert.throws(() => connection.transaction(() => [put.run("small"), put.run("x".repeat(100_000))]), /full/);
    assert.equal(count(connection), 0);
    connection.exec("PRAGMA max_page_count = 10000");
    connection.transaction(() => put.run("x".repeat(100_000)));
    assert.equal(count(connection), 1);
    connection.close();
  });

  it("after a failed flush is refused: the handle cannot be trusted any more", () => {
    const connection = connectionIn(newFolder());
    const flushFailed = Object.assign(new Error("disk I/O error"), { code: "ERR_SQLITE_ERROR", errcode: 1034 });
    const put = connection.prepare("INSERT INTO t (a) VALUES (?)");
    assert.throws(
      () =>
        connection.transaction(() => {
          put.run("lost");
          throw flushFailed;
        }),
      flushFailed,
    );
    assert.throws(() => connection.transaction(() => put.run("later")), { code: "STORE_UNSAFE" });
    assert.equal(count(connection), 0);
    connection.close();
  });

  it("is refused once the data folder was removed or replaced under it, however often it is tried", async () => {
    for (const replaced of [false, true]) {
      const folder = newFolder();
      const store = await open(folder);
      await store.commit([entry]);
      rmSync(folder, { recursive: true });
      const other = replaced ? await open(folder) : undefined;
      for (let attempt = 0; attempt < 2; attempt += 1)
        await assert.rejects(store.commit([entry]), { code: "STORE_UNSAFE", message: /was removed or replaced/ });
      await other?.commit([entry]);
      await other?.close();
      await store.close();
    }
  });

  it("passes on what a constraint says", async () => {
    const store = await open(newFolder());
    const sample = { node: "n", sequence: 1, bucket: 0, signal: "s", release: "sha256:" as const, n: Number.NaN, k: 0 };
    await assert.rejects(store.commit([{ kind: "samples", rollout: "r", samples: [sample] }]), /NOT NULL/);
    await store.close();
  });
});
