// How a store starts on a real Postgres: what it refuses, and how its schema grows under running replicas.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import type { Change } from "../../src/core/ports.ts";
import { Database } from "../../src/store/postgres/database.ts";
import { knownMigrations, migrate } from "../../src/store/postgres/migrations.ts";
import { openPostgresStore, storeOver } from "../../src/store/postgres/postgres-store.ts";
import { sql } from "../../src/store/postgres/statement.ts";
import { warmUp } from "../../src/store/postgres/warm-up.ts";
import {
  aRelease,
  aRollout,
  aRoute,
  aSaga,
  aSample,
  aStep,
  notesOf,
  recording,
} from "../../src/testing/store/fixtures.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";

const bin = process.env["POSTGRES_BIN"] ?? "";
const skip = bin ? false : "no Postgres: `npm run test:all` installs it, or name its programs with POSTGRES_BIN";
const HOUR = 3_600_000;

let server: PostgresServer;
const start = async () => {
  server = await startPostgres(bin);
};
const end = () => server.remove();
const sleep = (span: number) => setTimeout(span);
const open = (schema: string, url = server.url) =>
  openPostgresStore({ url, schema, elapsed: () => performance.now(), sleep });
const database = (schema: string) =>
  new Database({ url: server.url, schema, connections: 4, patience: 5000, elapsed: () => performance.now(), sleep });

/** Runs statements in the store's database. */
async function run(...statements: readonly string[]): Promise<pg.QueryResult[]> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    const results = [];
    for (const statement of statements) results.push(await client.query(statement));
    return results;
  } finally {
    await client.end();
  }
}

describe("a Postgres that would lose what it acknowledged, or reason otherwise, is refused", { skip }, () => {
  before(start);
  after(end);

  for (const [setting, value, message] of [
    ["fsync", "off", /fsync is off/],
    ["full_page_writes", "off", /full_page_writes is off/],
  ] as const)
    it(`with ${setting} ${value}`, async () => {
      await run(`ALTER SYSTEM SET ${setting} = ${value}`, "SELECT pg_reload_conf()");
      await setTimeout(300);
      await assert.rejects(open("refused"), { code: "STORE_UNSAFE", message });
      await run(`ALTER SYSTEM RESET ${setting}`, "SELECT pg_reload_conf()");
      await setTimeout(300);
    });

  for (const [setting, value, message] of [
    ["synchronous_commit", "off", /synchronous_commit is off/],
    ["default_transaction_isolation", "'repeatable read'", /isolation is repeatable read/],
    ["default_transaction_read_only", "on", /read_only is on/],
  ] as const)
    it(`with ${setting} ${value} for the role`, async () => {
      await run(`ALTER ROLE rollbook SET ${setting} = ${value}`);
      await assert.rejects(open("refused"), { code: "STORE_UNSAFE", message });
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      await client.query("SET default_transaction_read_only = off");
      await client.query(`ALTER ROLE rollbook RESET ${setting}`);
      await client.end();
    });

  it("with another encoding than UTF8", async () => {
    await server.query("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
    const latin = server.url.replace(/rollbook$/, "latin");
    await assert.rejects(open("refused", latin), { code: "STORE_UNSAFE", message: /encoding is LATIN1/ });
  });

  it("and each new connection is looked at again, not only the first", async () => {
    const store = await open("watched");
    await store.commit([recording("one")]);
    await run("ALTER ROLE rollbook SET synchronous_commit = off");
    await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rollbook'");
    await assert.rejects(store.commit([recording("two")]), { code: "STORE_UNSAFE" });
    await run("ALTER ROLE rollbook RESET synchronous_commit");
    await store.commit([recording("three")]);
    assert.deepEqual(notesOf(await store.entries(0, 9)), ["one", "three"]);
    await store.close();
  });
});

describe("the schema", { skip }, () => {
  before(start);
  after(end);
  const tables = async (schema: string) => {
    const [found] = await run(`SELECT tablename FROM pg_tables WHERE schemaname = '${schema}'`);
    return found?.rows.length;
  };

  it("is made once by many replicas that start at the same time", async () => {
    const stores = await Promise.all(Array.from({ length: 8 }, () => open("together")));
    await Promise.all(stores.map((store, place) => store.commit([recording(`${place}`)])));
    assert.equal(await stores[0]?.entryCount(), 8);
    const [rows] = await run("SELECT name FROM together.migrations ORDER BY number");
    assert.deepEqual(
      rows?.rows.map(({ name }) => name),
      knownMigrations().map(({ name }) => name),
    );
    await Promise.all(stores.map((store) => store.close()));
  });

  it("may have any name, and nothing of one is in another", async () => {
    const names = ['od"d name', "drop table x; --", "Größe"];
    const stores = await Promise.all(names.map((name) => open(name)));
    await stores[0]?.commit([recording("one")]);
    assert.deepEqual(await Promise.all(stores.map((store) => store.entryCount())), [1, 0, 0]);
    await Promise.all(stores.map((store) => store.close()));
  });

  it("is known to a new connection: no statement of a rollback is planned while it is under way", async () => {
    await (await open("warm")).close();
    const one = new Database({
      url: server.url,
      schema: "warm",
      connections: 1,
      patience: 5000,
      elapsed: () => performance.now(),
      sleep,
    });
    one.warmUp = warmUp;
    const store = storeOver(one);
    const planned = async () => {
      const rows = await one.rows<{ text: string }>(sql`SELECT statement AS text FROM pg_prepared_statements`);
      return new Set(rows.map(({ text }) => text).filter((text) => /begin_commit|FROM sagas|FROM steps/.test(text)));
    };
    await planned();
    const before = await planned();
    const step = { kind: "step", record: aStep("s1", "model") } as const;
    const saga = { kind: "saga", saga: aSaga("s1", "r1") } as const;
    const decision: readonly Change[] = [
      { kind: "rollout", rollout: aRollout("r1", { phase: "degraded" }) },
      { kind: "route", route: aRoute(2) },
      { kind: "quarantine", quarantine: { release: aRelease("1").id, system: "loans", since: 0, reason: "harm" } },
      recording("decision"),
      saga,
      step,
    ];
    const samples = { kind: "samples", rollout: "r1", samples: [aSample()] } as const;
    const claim = { resources: ["target:a", "target:b"], holder: "s1", ttl: HOUR, now: 0 };
    for (const changes of [decision, [samples, ...decision]]) {
      const written = await store.commit(changes, undefined, claim);
      assert.ok(written.kind === "committed" && written.claimed?.length === 2);
    }
    await store.sagas("r1");
    await store.steps("s1");
    await store.commit([step, recording("done")]);
    await store.commit([step, recording("done"), saga]);
    assert.deepEqual([...(await planned()).difference(before)], []);
    assert.equal((await store.record("r1"))?.sagas.length, 1, "and the warming up wrote none");
    await store.close();
  });

  it("grows from the version before under a running saga and a running replica, who both go on", async () => {
    const before = database("growing");
    await migrate(before, knownMigrations().slice(0, 1));
    const old = storeOver(before);
    const lease = await old.acquireLease("loans", "old", HOUR, 0);
    assert.equal(lease?.fence, 1);
    await old.commit(
      [
        { kind: "rollout", rollout: aRollout("r1", { phase: "degraded" }) },
        { kind: "saga", saga: aSaga("s1", "r1") },
        { kind: "step", record: aStep("s1", "model") },
        recording("intent"),
      ],
      lease,
    );

    // The old version commits on while the new one starts: each commit is whole, before and after.
    let going = true;
    const running = (async () => {
      let commits = 0;
      for (; going; commits += 1) {
        const step = aStep("s1", "model", { attempts: commits + 1 });
        assert.equal((await old.commit([{ kind: "step", record: step }, recording("old")], lease)).kind, "committed");
      }
      return commits;
    })();
    const next = await open("growing");
    await setTimeout(50);
    going = false;
    const commits = await running;
    assert.ok(commits > 0);

    assert.deepEqual(await next.runningSagas(), [aSaga("s1", "r1")]);
    assert.deepEqual(await next.steps("s1"), [aStep("s1", "model", { attempts: commits })]);
    assert.equal(await next.acquireLease("loans", "next", HOUR, 0), undefined, "the old one still holds it");
    assert.ok(lease && (await old.renewLease(lease, 0, 0)));
    const taken = await next.acquireLease("loans", "next", HOUR, 0);
    assert.equal(taken?.fence, 2);
    await next.commit(
      [
        { kind: "step", record: aStep("s1", "model", { status: "done", fence: 2 }) },
        { kind: "saga", saga: aSaga("s1", "r1", { status: "completed" }) },
        recording("done"),
      ],
      taken,
    );
    assert.deepEqual(await old.commit([recording("late")], lease), { kind: "fenced", holder: "next" });
    assert.deepEqual(await old.runningSagas(), []);
    const notes = notesOf(await next.entries(0, 10_000));
    assert.deepEqual(notes, ["intent", ...Array.from({ length: commits }, () => "old"), "done"]);
    await Promise.all([old.close(), next.close()]);
  });

  it("grows around the samples of the version before, which stay what they were, and takes new ones", async () => {
    const before = database("grown");
    await migrate(before, knownMigrations().slice(0, 2));
    await before.close();
    const rows = [0.5, 1000].map((bucket) => aSample({ bucket }));
    for (const { node, sequence, bucket, signal, release, n, k } of rows)
      await run(`INSERT INTO grown.samples (rollout, bucket, node, sequence, signal, release, n, k)
        VALUES ('r1', ${bucket}, '${node}', ${sequence}, '${signal}', '${release}', ${n}, ${k})`);
    const store = await open("grown");
    assert.deepEqual(await store.samples("r1"), rows);
    const more = [...rows, aSample({ bucket: 1000, group: "g=a", known: 2000.5, cells: [[1, 10]] })];
    await store.commit([{ kind: "samples", rollout: "r1", samples: more }]);
    assert.deepEqual(await store.samples("r1"), more);
    await store.close();
  });

  it("of a newer Rollbook, or of another text, is refused", async () => {
    const first = { number: 1, name: "0001-one.sql", sql: "CREATE TABLE one (a int)" };
    const one = database("versions");
    await migrate(one, [first]);
    await assert.rejects(migrate(one, []), { code: "STORE_UNSAFE", message: /only a newer Rollbook knows/ });
    await assert.rejects(migrate(one, [{ ...first, sql: "SELECT 1" }]), { code: "STORE_UNSAFE" });
    await one.close();
    await assert.rejects(open("versions"), { code: "STORE_UNSAFE" });
  });

  it("whose migration fails is as it was before, and grows when that is mended", async () => {
    const first = { number: 1, name: "0001-one.sql", sql: "CREATE TABLE one (a int)" };
    const second = { number: 2, name: "0002-two.sql", sql: "CREATE TABLE two (a int); SELECT nonsense" };
    const one = database("failing");
    await assert.rejects(migrate(one, [first, second]), /nonsense/);
    assert.equal(await tables("failing"), 0);
    await migrate(one, [first]);
    await assert.rejects(migrate(one, [first, second]), /nonsense/);
    assert.equal(await tables("failing"), 2);
    await migrate(one, [first, { ...second, sql: "CREATE TABLE two (a int)" }]);
    assert.equal(await tables("failing"), 3);
    await one.close();
  });
});

describe("a role without rights on the schema itself", { skip }, () => {
  before(start);
  after(end);

  it("can do all that a running replica does, once the owner has made the schema", async () => {
    await (await open("rollbook")).close();
    await run(
      "CREATE ROLE replica LOGIN PASSWORD 'replica'",
      "GRANT USAGE ON SCHEMA rollbook TO replica",
      "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rollbook TO replica",
      "GRANT USAGE ON ALL SEQUENCES IN SCHEMA rollbook TO replica",
      "REVOKE INSERT, UPDATE, DELETE ON rollbook.migrations FROM replica",
    );
    const url = server.url.replace(/\/\/[^@]*@/, "//replica:replica@");
    const store = await open("rollbook", url);
    const lease = await store.acquireLease("loans", "a", HOUR, 0);
    await store.commit([{ kind: "rollout", rollout: aRollout("r1") }, recording("one")], lease);
    assert.equal(await store.entryCount(), 1);
    assert.ok(lease && (await store.renewLease(lease, HOUR, 0)));
    await assert.rejects(open("another", url), /permission denied/);
    await store.close();
  });
});
