import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import {
  createPostgresSchema,
  createSqliteSchema,
  createSqlSchemaAdapter,
  type PostgresSchemaOptions,
} from "../../src/adapters/sql-schema/index.ts";
import { lendingVersions } from "../../src/adapters/sql-schema/lending-versions.fixture.ts";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import type { RestoreRequest } from "../../src/core/ports.ts";
import { describeRestoreAdapter } from "../../src/testing/index.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";

const BIN = process.env["POSTGRES_BIN"];
const skip = BIN ? false : "no Postgres: `npm run test:all` installs it, or name its programs with POSTGRES_BIN";
const at = "schema://loans";
const patience = () => AbortSignal.timeout(20_000);

let server: PostgresServer;
let count = 0;
before(async () => {
  if (BIN) server = await startPostgres(BIN);
});
after(() => server?.remove());

interface Options {
  readonly files?: Record<string, string>;
  readonly is?: string;
  readonly patienceMs?: number;
  readonly postgres?: Partial<PostgresSchemaOptions>;
}

/** A database of its own at version 1 with one loan in it, and an adapter. */
async function lending({ files = {}, is, patienceMs, postgres = {} }: Options = {}) {
  const name = `loans_${++count}`;
  await server.query(`CREATE DATABASE ${name}`);
  const url = server.url.replace(/rollbook$/, name);
  const migrations = lendingVersions("postgres", files);
  const place = {
    database: createPostgresSchema({ url, ...postgres }),
    migrations,
    ...(is === undefined ? {} : { is }),
  };
  const adapter = createSqlSchemaAdapter({
    scheme: "schema",
    databases: { loans: place },
    ...(patienceMs ? { patienceMs } : {}),
  });
  const digest = async (version: number): Promise<Digest> => {
    const found = await adapter.resolve!(at, String(version), patience());
    assert.ok(found.kind === "revision", JSON.stringify(found));
    return found.revision.digest;
  };
  const live = async () => {
    const found = await adapter.read(at, patience());
    assert.ok(found.kind === "live", JSON.stringify(found));
    return found;
  };
  let turn = 0;
  const go = async (version: number, more: Partial<RestoreRequest> = {}) =>
    adapter.apply(
      { at, desired: await digest(version), before: await live(), key: `k${turn++}`, fence: 0, ...more },
      patience(),
    );
  const clients: pg.Client[] = [];
  const client = async () => {
    const one = new pg.Client({ connectionString: url, options: "-c search_path=app,public" });
    one.on("error", () => {});
    await one.connect();
    clients.push(one);
    return one;
  };
  const stop = async () => {
    await Promise.all(clients.map((one) => one.end().catch(() => {})));
    await adapter.close();
    rmSync(migrations, { recursive: true, force: true });
  };
  if (is === undefined) {
    assert.deepEqual(await go(1), { kind: "applied" });
    const one = await client();
    await one.query("INSERT INTO loans (name, amount) VALUES ('Ada Lovelace', 900)");
  }
  return { adapter, url, migrations, digest, live, go, client, stop };
}

describe("the schema of a real Postgres", { skip }, () => {
  const trial = (name: string, options: Options, run: (world: Awaited<ReturnType<typeof lending>>) => Promise<void>) =>
    test(name, async () => {
      const world = await lending(options);
      try {
        await run(world);
      } finally {
        await world.stop();
      }
    });

  trial("shows the new shape and goes back with what was written meanwhile", {}, async ({ go, live, client }) => {
    const one = await client();
    assert.deepEqual(await go(2), { kind: "applied" });
    assert.equal((await live()).label, "schema 2");
    assert.deepEqual((await one.query("SELECT surname FROM loans")).rows, [{ surname: "Lovelace" }]);
    await one.query("INSERT INTO loans (name, surname, amount) VALUES ('Grace Hopper', 'Hopper', 2000)");
    assert.deepEqual((await one.query("SELECT amount FROM large_loans")).rows, [{ amount: 2000 }]);
    assert.deepEqual(await go(1), { kind: "applied" });
    assert.deepEqual((await one.query("SELECT name FROM loans ORDER BY id")).rows.length, 2);
    await assert.rejects(one.query("SELECT * FROM large_loans"), /does not exist/);
  });

  trial("fails no statement of a running load, prepared or not, while it switches to and fro", {}, async (world) => {
    assert.deepEqual(await world.go(2), { kind: "applied" });
    let running = true;
    const failures: unknown[] = [];
    let done = 0;
    const load = Array.from({ length: 4 }, async (_, worker) => {
      const one = await world.client();
      for (let turn = 0; running; turn++) {
        const sql: pg.QueryConfig =
          turn % 2 === 0
            ? { name: `read-${worker}`, text: "SELECT id, name, amount FROM loans WHERE id = $1", values: [1] }
            : { text: "INSERT INTO app.loans (name, amount) VALUES ($1, 5)", values: ["Edsger Dijkstra"] };
        await one.query(sql).then(
          () => (done += 1),
          (error: unknown) => failures.push(error),
        );
      }
    });
    for (let turn = 0; turn < 20; turn++) assert.deepEqual(await world.go(turn % 2 === 0 ? 1 : 2), { kind: "applied" });
    running = false;
    await Promise.all(load);
    assert.deepEqual(failures, []);
    assert.ok(done > 20, `only ${done} statements ran beside the switches`);
  });

  trial(
    "is held up neither by a long reader nor by a long writer, and stalls nobody behind them",
    {},
    async (world) => {
      const { go, client, digest, adapter } = world;
      assert.deepEqual(await go(2), { kind: "applied" });
      const [reader, writer] = [await client(), await client()];
      await reader.query("BEGIN; SELECT count(*) FROM loans");
      await writer.query("BEGIN; INSERT INTO loans (name, amount) VALUES ('Open Ended', 1)");
      assert.deepEqual(await go(1), { kind: "applied" });
      const other = await client();
      assert.equal((await other.query("SELECT count(*)::int AS n FROM loans")).rows[0].n, 1);
      await writer.query("COMMIT");
      await reader.query("COMMIT");
      assert.equal(await adapter.holds(at, await digest(2), patience()), true);
    },
  );

  trial(
    "waits for a lock by trying again, while readers that came later go first",
    {},
    async ({ go, client, live }) => {
      const long = await client();
      // Readers are not hindered by this; an expand that adds a column to the same table is.
      await long.query("BEGIN; SELECT 1 FROM applicants; LOCK TABLE applicants IN ROW EXCLUSIVE MODE");
      const switching = go(2);
      const other = await client();
      // Behind an ALTER TABLE without a lock timeout, every one of them would wait for the long transaction.
      await other.query("SET statement_timeout = '5s'");
      for (let turn = 0; turn < 20; turn++) {
        await other.query("SELECT id, name FROM loans");
        await setTimeout(20);
      }
      assert.equal((await live()).label, "schema 1");
      await long.query("COMMIT");
      assert.deepEqual(await switching, { kind: "applied" });
    },
  );

  trial("says that nothing was changed when a lock outlasts its patience", { patienceMs: 300 }, async (world) => {
    const long = await world.client();
    await long.query("BEGIN; LOCK TABLE applicants IN SHARE MODE");
    const answer = await world.go(2);
    assert.ok(
      answer.kind === "unknown" && /nothing was changed: .*lock timeout/.test(answer.reason),
      JSON.stringify(answer),
    );
    await long.query("ROLLBACK");
    assert.equal((await world.live()).label, "schema 1");
    assert.deepEqual(await world.go(2), { kind: "applied" });
  });

  trial("lets one of two controllers win, and says conflict to the other", {}, async (world) => {
    await world.go(2);
    const [one, two, before] = [await world.digest(1), await world.digest(3), await world.live()];
    const other = createSqlSchemaAdapter({
      scheme: "schema",
      databases: { loans: { database: createPostgresSchema({ url: world.url }), migrations: world.migrations } },
    });
    const answers = await Promise.all([
      world.adapter.apply({ at, desired: one, before, key: "a", fence: 1 }, patience()),
      other.apply({ at, desired: two, before, key: "b", fence: 1 }, patience()),
    ]);
    await other.close();
    assert.deepEqual(answers.map(({ kind }) => kind).sort(), ["applied", "conflict"]);
  });

  trial("never overwrites a rival who changes the view in the same moment", {}, async (world) => {
    await world.go(2);
    const rival = await world.client();
    let conflicts = 0;
    for (let turn = 0; turn < 16; turn++) {
      const [from, to] = turn % 2 === 0 ? [2, 1] : [1, 2];
      const [desired, before] = [await world.digest(to), await world.live()];
      const [answer] = await Promise.all([
        world.adapter.apply({ at, desired, before, key: `race-${turn}`, fence: 1 }, patience()),
        setTimeout(turn).then(() => rival.query("ALTER VIEW app.loans SET (security_barrier)")),
      ]);
      // Before the switch it is a conflict, and after it the new view is changed: either way it is seen.
      const now = await world.live();
      assert.equal(now.label, "views that no version creates", JSON.stringify(answer));
      assert.ok(answer.kind === "applied" || answer.kind === "conflict", JSON.stringify(answer));
      if (answer.kind === "conflict") conflicts += 1;
      await rival.query("ALTER VIEW app.loans RESET (security_barrier)");
      assert.equal((await world.live()).digest, answer.kind === "applied" ? desired : await world.digest(from));
      if (answer.kind === "conflict") assert.deepEqual(await world.go(to, { fence: 1 }), { kind: "applied" });
    }
    console.log(`rival in the same moment: ${conflicts} of 16 conflicts, none overwritten`);
  });

  trial(
    "refuses another database than the declared one, and leaves it as it is",
    { is: "postgres:1/1/loans" },
    async (world) => {
      const found = await world.adapter.read(at, patience());
      assert.ok(
        found.kind === "unreachable" && /must be postgres:1\/1\/loans/.test(found.reason),
        JSON.stringify(found),
      );
      const before = { digest: digestOf("x"), version: "1" };
      const answer = await world.adapter.apply({ at, desired: digestOf("y"), before, key: "k", fence: 1 }, patience());
      assert.equal(answer.kind, "refused");
      const one = await world.client();
      assert.deepEqual((await one.query("SELECT to_regclass('public.rollbook_schema') AS it")).rows, [{ it: null }]);
    },
  );

  trial("tells two databases of one server apart", {}, async (world) => {
    const second = await lending();
    const ids = await Promise.all([world, second].map(({ adapter }) => adapter.identify!(at, patience())));
    await second.stop();
    assert.ok(ids[0]?.kind === "identified" && /^postgres:\d+\/\d+\/loans_\d+$/.test(ids[0].identity));
    assert.notDeepEqual(ids[0], ids[1]);
  });

  trial("warns of what is ahead: long transactions, contracts, data that goes unseen", {}, async (world) => {
    await world.go(2);
    const one = await world.client();
    await one.query("INSERT INTO loans (name, surname, amount) VALUES ('', 'Hopper', 1)");
    await one.query("CREATE VIEW public.pinned AS SELECT id FROM app.loans");
    const texts = (await world.adapter.concerns!(at, await world.digest(1), patience())).map(({ text }) => text);
    assert.ok(
      texts.some((text) => text === "1 row(s) of version 2 would not be seen by version 1."),
      texts.join("\n"),
    );
    assert.ok(texts.some((text) => /3\.contract\.sql, once run, is the point of no return/.test(text)));
    assert.ok(texts.some((text) => /public\.pinned is built on a view of this schema/.test(text)));
  });

  trial("has no way back below a contract that ran", {}, async (world) => {
    for (const version of [2, 3]) assert.deepEqual(await world.go(version), { kind: "applied" });
    const one = await world.digest(2);
    assert.deepEqual(await world.adapter.contract({ at, version: 3, key: "c", fence: 2 }, patience()), {
      kind: "applied",
    });
    assert.equal(await world.adapter.holds(at, one, patience()), false);
    const answer = await world.go(2, { fence: 3, desired: one });
    assert.ok(answer.kind === "refused" && /contract of version 3/.test(answer.reason), JSON.stringify(answer));
    const concerns = await world.adapter.concerns!(at, one, patience());
    assert.ok(concerns.some(({ level, text }) => level === "blocking" && /no way back to version 2/.test(text)));
  });

  for (const [what, files, reason] of [
    [
      "ends the transaction",
      { "2.expand.sql": "ALTER TABLE applicants ADD COLUMN half text; COMMIT" },
      /transaction commands/,
    ],
    ["does not parse", { "2.views.sql": "CREATE VIEV x" }, /2\.views\.sql: .*syntax error/],
    [
      "changes what readers see",
      { "2.expand.sql": "DROP VIEW app.loans", "2.views.sql": "CREATE VIEW v AS SELECT 1" },
      /only add to the tables/,
    ],
  ] as const) {
    trial(`refuses a version that ${what}, and changes nothing`, { files }, async ({ go, live, client }) => {
      const before = await live();
      const answer = await go(2);
      assert.ok(answer.kind === "refused" && reason.test(answer.reason), JSON.stringify(answer));
      assert.deepEqual(await live(), before);
      const one = await client();
      const columns = await one.query("SELECT 1 FROM information_schema.columns WHERE table_name = 'applicants'");
      assert.equal(columns.rowCount, 3);
    });
  }

  trial(
    "survives kill -9 of its client in the middle of switches: one version or the other, and the key decides",
    {},
    async (world) => {
      await world.go(2);
      const digests = [await world.digest(1), await world.digest(2)] as const;
      const outcome = { before: 0, after: 0 };
      for (let turn = 0; turn < 8; turn++) {
        const began = await world.live();
        const desired = began.digest === digests[0] ? digests[1] : digests[0];
        const request: RestoreRequest = { at, desired, before: began, key: `killed-${turn}`, fence: 1 };
        await killed(world, request, turn * 4);
        const found = await world.live();
        assert.ok(found.digest === desired || found.digest === began.digest, "neither the one nor the other version");
        outcome[found.digest === desired ? "after" : "before"] += 1;
        const again = await world.adapter.apply(request, patience());
        assert.equal(again.kind, found.digest === desired ? "already" : "applied", JSON.stringify(again));
        assert.equal((await world.live()).digest, desired);
      }
      assert.equal(outcome.before + outcome.after, 8);
    },
  );

  describeRestoreAdapter({
    name: "the schema of a real Postgres",
    setup: async () => {
      const { adapter, digest, go, client, stop } = await lending();
      const revisions = [await digest(1), await digest(2)] as const;
      assert.deepEqual(await go(2), { kind: "applied" });
      assert.deepEqual(await go(1), { kind: "applied" });
      const rival = async () => {
        const one = await client();
        await one.query("BEGIN; ALTER SCHEMA app RENAME TO app_v1; ALTER SCHEMA app_v2 RENAME TO app; COMMIT");
      };
      return { adapter, at, revisions, unknown: digestOf("no such version"), reference: "2", rival, stop };
    },
  });
});

test("an SQLite file survives kill -9 of its client in the middle of switches, and the key decides", async () => {
  const migrations = lendingVersions("sqlite");
  const url = join(migrations, "loans.db");
  const database = new DatabaseSync(url);
  database.exec("PRAGMA journal_mode = WAL");
  const adapter = createSqlSchemaAdapter({
    scheme: "schema",
    databases: { loans: { database: createSqliteSchema(url), migrations } },
  });
  const digests: Digest[] = [];
  const live = async () => {
    const found = await adapter.read(at, patience());
    assert.ok(found.kind === "live", JSON.stringify(found));
    return found;
  };
  for (const version of ["1", "2"]) {
    const found = await adapter.resolve!(at, version, patience());
    assert.ok(found.kind === "revision");
    digests.push(found.revision.digest);
    const request = { at, desired: found.revision.digest, before: await live(), key: version, fence: 0 };
    assert.deepEqual(await adapter.apply(request, patience()), { kind: "applied" });
  }
  for (let turn = 0; turn < 8; turn++) {
    const began = await live();
    const desired = digests.find((digest) => digest !== began.digest)!;
    const request: RestoreRequest = { at, desired, before: began, key: `killed-${turn}`, fence: 1 };
    await killed({ url, migrations }, request, turn);
    const found = await live();
    assert.ok(digests.includes(found.digest), "neither the one nor the other version");
    const again = await adapter.apply(request, patience());
    assert.equal(again.kind, found.digest === desired ? "already" : "applied", JSON.stringify(again));
    assert.equal((await live()).digest, desired);
  }
  assert.equal(Object.values(database.prepare("PRAGMA integrity_check").get() ?? {})[0], "ok");
  database.close();
  rmSync(migrations, { recursive: true, force: true });
});

/** Another process asks for the switch, and is killed some milliseconds after it began. */
async function killed({ url, migrations }: { url: string; migrations: string }, request: RestoreRequest, ms: number) {
  const child: ChildProcess = fork(fileURLToPath(new URL("sql-schema-client.fixture.ts", import.meta.url)), [
    url,
    migrations,
    JSON.stringify(request),
  ]);
  await once(child, "message");
  await setTimeout(ms);
  child.kill("SIGKILL");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}
