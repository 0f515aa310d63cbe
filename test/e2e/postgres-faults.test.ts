// What goes wrong around a real Postgres: kills, restarts, lost answers, partitions, failover, another cluster.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import pg from "pg";
import type { Store } from "../../src/core/ports.ts";
import { openPostgresStore, type PostgresStoreOptions } from "../../src/store/postgres/postgres-store.ts";
import { aRollout, notesOf, recording } from "../../src/testing/store/fixtures.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";
import { startTcpProxy, type TcpProxy } from "../servers/tcp-proxy.ts";

const bin = process.env["POSTGRES_BIN"] ?? "";
const skip = bin ? false : "no Postgres: `npm run test:all` installs it, or name its programs with POSTGRES_BIN";
const TIMELINE = 2 ** 32;
const HOUR = 3_600_000;

function open(url: string, options: Partial<PostgresStoreOptions> = {}): Promise<Store> {
  return openPostgresStore({ url, elapsed: () => performance.now(), sleep: (span) => setTimeout(span), ...options });
}

/** All notes, after looking that indices have no gap and that nothing is there twice or in half. */
async function wholeLedger(store: Store): Promise<ReadonlySet<string>> {
  const entries = await store.entries(0, 1_000_000);
  assert.deepEqual(
    entries.map(({ index }) => index),
    entries.map((_, index) => index),
  );
  const notes = notesOf(entries);
  const ids = (await store.rollouts()).map(({ id }) => id);
  assert.deepEqual(notes.toSorted(), ids.toSorted(), "an entry and its rollout are one commit");
  return new Set(notes);
}

/** A replica in a process of its own; `said` are the commits that it was told of. */
function startWriter(url: string, name: string, resource?: string) {
  const file = fileURLToPath(new URL("postgres-writer.fixture.ts", import.meta.url));
  const args = [file, url, name, ...(resource === undefined ? [] : [resource])];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const said: string[] = [];
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  lines.on("line", (line) => said.push(line));
  const exit = Promise.all([once(child, "exit"), once(lines, "close")]);
  const until = async (count: number) => {
    for (let tries = 0; said.length < count; tries += 1) {
      assert.ok(tries < 2000 && child.exitCode === null, `the writer said ${said.length} of ${count}`);
      await setTimeout(10);
    }
  };
  return { child, said, exit, until };
}

describe("on one Postgres server", { skip }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres(bin);
  });
  after(() => server.remove());

  it("processes that are killed while they commit lose nothing that they were told, and leave no half", async () => {
    let told = 0;
    const all: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const writers = ["a", "b"].map((name) => startWriter(server.url, `${name}${round}`));
      for (const { until } of writers) await until(randomInt(20, 150));
      for (const { child } of writers) child.kill("SIGKILL");
      for (const { exit, said } of writers) {
        await exit;
        all.push(...said);
      }
    }
    const store = await open(server.url);
    const notes = await wholeLedger(store);
    for (const id of all) assert.ok(notes.has(id), `${id} was acknowledged and is lost`);
    told = all.length;
    // At most the four that each writer had under way were made and not told.
    assert.ok(notes.size <= told + 6 * 2 * 4, `${notes.size} entries for ${told} that were told`);
    await store.close();
  });

  it("a holder that was stopped past its lease wakes up to nothing: not one more commit gets in", async () => {
    const store = await open(server.url);
    const stale = startWriter(server.url, "stopped", "stopped");
    await stale.until(10);
    stale.child.kill("SIGSTOP");
    const since = Date.now();
    let lease = await store.acquireLease("stopped", "next", 1000, 0);
    while (lease === undefined) {
      await setTimeout(20);
      lease = await store.acquireLease("stopped", "next", 1000, 0);
    }
    const waited = Date.now() - since;
    assert.ok(waited < 1500, `it took ${waited} ms to take over from a lease of 500 ms`);
    const mine = async () => [...(await wholeLedger(store))].filter((note) => note.startsWith("stopped/")).length;
    const atTakeOver = await mine();
    stale.child.kill("SIGCONT");
    await stale.exit;
    assert.equal(stale.said.at(-1), "fenced by next");
    assert.equal(await mine(), atTakeOver);
    await store.close();
  });

  it("has no more connections than it was allowed, whatever is asked of it at once", async () => {
    const store = await open(server.url, { schema: "bounded", connections: 3 });
    const commits = Promise.all(Array.from({ length: 60 }, (_, n) => store.commit([recording(`${n}`)])));
    const [row] = await server.query<{ count: string }>(
      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rollbook'",
    );
    await commits;
    assert.ok(Number(row?.count) <= 3, `${row?.count} connections`);
    assert.equal(await store.entryCount(), 60);
    await store.close();
  });

  it("is not held up by somebody's open transaction, nor by one that waits for a long time", async () => {
    const store = await open(server.url, { schema: "others" });
    const other = new pg.Client({ connectionString: server.url });
    await other.connect();
    await other.query("BEGIN; CREATE TABLE other (a int); INSERT INTO other VALUES (1)");
    await store.commit([recording("one")]);
    assert.equal(await store.entryCount(), 1);
    await other.end();
    await store.close();
  });

  it("says what Postgres says when somebody else holds a row for too long, and has written nothing", async () => {
    const store = await open(server.url, { schema: "locked" });
    await store.acquireLease("loans", "a", HOUR, 0);
    const other = new pg.Client({ connectionString: server.url });
    await other.connect();
    await other.query("BEGIN; SELECT * FROM locked.leases FOR UPDATE");
    await assert.rejects(store.commit([recording("one")], { resource: "loans", fence: 1 }), { code: "55P03" });
    await other.query("ROLLBACK");
    assert.equal(await store.entryCount(), 0);
    assert.equal((await store.commit([recording("two")], { resource: "loans", fence: 1 })).kind, "committed");
    await other.end();
    await store.close();
  });

  it("does not answer `committed` when the wait for a synchronous standby was cancelled", async () => {
    const store = await open(server.url, { schema: "replicated" });
    await store.commit([recording("before")]);
    await server.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    await server.query("SELECT pg_reload_conf()");
    await setTimeout(300);
    const commit = assert.rejects(store.commit([recording("alone")]), { code: "COMMIT_UNDECIDED" });
    for (let cancelled = false; !cancelled; await setTimeout(50)) {
      const rows = await server.query<{ done: boolean }>(
        "SELECT pg_cancel_backend(pid) AS done FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
      );
      cancelled = rows.length > 0;
    }
    await commit;
    await server.query("ALTER SYSTEM RESET synchronous_standby_names");
    await server.query("SELECT pg_reload_conf()");
    await store.close();
  });
});

describe("when the server goes away", { skip }, () => {
  for (const how of ["immediate", "fast"] as const)
    it(`by a stop that is ${how}, three times while eight commit: nothing told is lost, nothing is there twice`, async () => {
      const server = await startPostgres(bin);
      try {
        const stores = await Promise.all([1, 2].map(() => open(server.url, { patience: 30_000 })));
        const told: string[] = [];
        let going = true;
        const write = async (store: Store, name: string) => {
          for (let n = 0; going; n += 1) {
            const id = `${name}/${n}`;
            const answer = await store.commit([{ kind: "rollout", rollout: aRollout(id) }, recording(id)]);
            assert.equal(answer.kind, "committed");
            told.push(id);
          }
        };
        const writing = Promise.all(stores.flatMap((store, s) => [0, 1, 2, 3].map((w) => write(store, `${s}-${w}`))));
        for (let round = 0; round < 3; round += 1) {
          const before = told.length;
          while (told.length < before + 100) await setTimeout(10);
          await server.stop(how);
          await setTimeout(randomInt(10, 300));
          await server.start();
        }
        going = false;
        await writing;
        const notes = await wholeLedger(stores[0] as Store);
        // Every commit was answered, so what is there is what was told: not one more, not one less.
        assert.deepEqual([...notes].toSorted(), told.toSorted());
        await Promise.all(stores.map((store) => store.close()));
      } finally {
        await server.remove();
      }
    });

  it("for longer than patience lasts, calls end with STORE_UNREACHABLE and go through when it is back", async () => {
    const server = await startPostgres(bin);
    try {
      const store = await open(server.url, { patience: 400 });
      await store.commit([recording("one")]);
      await server.stop();
      await assert.rejects(store.commit([recording("two")]), { code: "STORE_UNREACHABLE" });
      await assert.rejects(store.entryCount(), { code: "STORE_UNREACHABLE" });
      await assert.rejects(store.acquireLease("loans", "a", 1000, 0), { code: "STORE_UNREACHABLE" });
      await assert.rejects(open(server.url, { patience: 200 }), { code: "STORE_UNREACHABLE" });
      await server.start();
      await store.commit([recording("three")]);
      assert.deepEqual(notesOf(await store.entries(0, 9)), ["one", "three"]);
      await store.close();
    } finally {
      await server.remove();
    }
  });
});

describe("when answers get lost", { skip }, () => {
  let server: PostgresServer;
  let proxy: TcpProxy;
  let url: string;
  before(async () => {
    server = await startPostgres(bin);
    proxy = await startTcpProxy(server.port);
    url = server.url.replace(`:${server.port}/`, `:${proxy.port}/`);
  });
  after(async () => {
    await proxy.close();
    await server.remove();
  });

  it("a commit that was made is answered so, and one that never arrived is made once", async () => {
    const store = await open(url, { schema: "lost", patience: 10_000 });
    for (let round = 0; round < 20; round += 1) {
      await store.commit([recording(`before ${round}`)]);
      proxy.mode = round % 2 === 0 ? "deaf" : "mute";
      const commit = store.commit([recording(`during ${round}`)]);
      await setTimeout(randomInt(1, 40));
      proxy.drop();
      proxy.mode = "pass";
      assert.deepEqual(await commit, { kind: "committed" });
    }
    const expected = Array.from({ length: 20 }, (_, round) => [`before ${round}`, `during ${round}`]).flat();
    assert.deepEqual(notesOf(await store.entries(0, 100)), expected);
    await store.close();
  });

  it("a commit that is still under way when its connection breaks is made once, not twice", async () => {
    const store = await open(url, { schema: "pending", patience: 10_000 });
    await store.acquireLease("loans", "a", HOUR, 0);
    const other = new pg.Client({ connectionString: server.url });
    await other.connect();
    for (let round = 0; round < 5; round += 1) {
      await other.query("BEGIN; SELECT * FROM pending.leases FOR UPDATE");
      // The statement waits in the server; its client is gone; the same commit comes again and waits beside it.
      const commit = store.commit([recording(`${round}`)], { resource: "loans", fence: 1 });
      await setTimeout(100);
      proxy.drop();
      await setTimeout(100);
      await other.query("ROLLBACK");
      assert.deepEqual(await commit, { kind: "committed" });
    }
    await setTimeout(200);
    assert.deepEqual(notesOf(await store.entries(0, 100)), ["0", "1", "2", "3", "4"]);
    await other.end();
    await store.close();
  });

  it("a commit cut off for longer than patience is undecided, not denied, and can be read afterwards", async () => {
    const store = await open(url, { schema: "partition", patience: 500 });
    await store.commit([recording("before")]);
    proxy.mode = "deaf";
    const commit = store.commit([recording("cut off")]);
    await setTimeout(100);
    proxy.mode = "cut";
    proxy.drop();
    await assert.rejects(commit, { code: "COMMIT_UNDECIDED" });
    proxy.mode = "pass";
    assert.deepEqual(notesOf(await store.entries(0, 9)), ["before", "cut off"]);
    await store.close();
  });

  it("a lease whose answer was lost is taken once more, with a fence that holds", async () => {
    const store = await open(url, { schema: "leased", patience: 10_000 });
    await store.entryCount();
    proxy.mode = "deaf";
    const taking = store.acquireLease("loans", "a", HOUR, 0);
    await setTimeout(50);
    proxy.drop();
    proxy.mode = "pass";
    const lease = await taking;
    assert.ok(lease);
    assert.equal((await store.commit([recording("one")], lease)).kind, "committed");
    await store.close();
  });

  it("no error shows the password", async () => {
    const secret = server.password;
    const shows = (error: unknown) => {
      const text = inspect(error, { depth: 10, showHidden: true }) + String((error as Error).stack);
      return text.includes(secret) || text.includes(encodeURIComponent(secret));
    };
    const wrong = url.replace(encodeURIComponent(secret), encodeURIComponent(`${secret}?`));
    const nowhere = url.replace(`:${proxy.port}/`, ":1/");
    for (const address of [wrong, nowhere, `${url}-nosuch`, url.replace("postgres:", "mysql:"), `${secret} ${url}`])
      await assert.rejects(open(address, { patience: 100 }), (error) => !shows(error));
    const store = await open(url, { schema: secret, patience: 100 });
    proxy.mode = "cut";
    proxy.drop();
    await assert.rejects(store.commit([recording("one")]), (error) => !shows(error));
    await assert.rejects(store.entryCount(), (error) => !shows(error));
    proxy.mode = "pass";
    await store.close();
  });
});

describe("when another server takes over", { skip }, () => {
  it("a standby that lacks the newest leases gives out no fence a second time, and takes no old one", async () => {
    const primary = await startPostgres(bin, { settings: { wal_level: "replica" } });
    let standby: PostgresServer | undefined;
    try {
      const store = await open(primary.url);
      const replicated = await store.acquireLease("loans", "a", HOUR, 0);
      assert.equal(replicated?.fence, 1);
      await store.commit([recording("one")], replicated);
      standby = await primary.standby();
      await assert.rejects(open(standby.url), { code: "STORE_UNSAFE", message: /standby/ });

      // The standby falls behind: what follows is acknowledged by the primary alone and lost with it.
      await standby.stop();
      const lost = [2, 3, 4].map(() => store.acquireLease("loans", "a", HOUR, 0));
      const fences = (await Promise.all(lost)).map((lease) => lease?.fence ?? 0);
      assert.deepEqual(fences.toSorted(), [2, 3, 4]);
      await store.close();
      await primary.stop("immediate");
      await standby.start();
      await standby.promote();

      const after = await open(standby.url);
      for (const fence of [1, ...fences]) {
        const guard = { resource: "loans", fence };
        assert.deepEqual(await after.commit([recording("stale")], guard), { kind: "fenced", holder: "a" });
      }
      assert.equal(replicated && (await after.renewLease(replicated, HOUR, 0)), undefined);
      assert.equal(await after.acquireLease("loans", "b", HOUR, 0), undefined, "the lease itself still lasts");
      const again = await after.acquireLease("loans", "a", HOUR, 0);
      assert.equal(again?.fence, TIMELINE + 1);
      assert.equal((await after.acquireLease("fraud", "b", HOUR, 0))?.fence, TIMELINE + 1);
      assert.equal((await after.commit([recording("two")], again)).kind, "committed");
      assert.deepEqual(notesOf(await after.entries(0, 9)), ["one", "two"]);
      await after.close();
    } finally {
      await primary.remove();
      await standby?.remove();
    }
  });

  it("a cluster that a dump was restored into begins above every fence that came along", async () => {
    const servers = await Promise.all([startPostgres(bin), startPostgres(bin)]);
    const [old, next] = servers as [PostgresServer, PostgresServer];
    try {
      const store = await open(old.url);
      for (const holder of ["a", "a"]) await store.acquireLease("loans", holder, HOUR, 0);
      await store.commit([recording("one")]);
      await store.close();
      const dump = spawnSync(join(bin, "pg_dump"), ["-d", old.url, "-n", "rollbook"], { encoding: "utf8" });
      assert.equal(dump.status, 0, dump.stderr);
      const restored = spawnSync(join(bin, "psql"), ["-q", "-v", "ON_ERROR_STOP=1", "-d", next.url], {
        input: dump.stdout,
      });
      assert.equal(restored.status, 0, String(restored.stderr));
      const after = await open(next.url);
      assert.equal((await after.commit([recording("stale")], { resource: "loans", fence: 2 })).kind, "fenced");
      assert.equal((await after.acquireLease("loans", "a", HOUR, 0))?.fence, TIMELINE + 1);
      await after.commit([recording("two")]);
      assert.deepEqual(notesOf(await after.entries(0, 9)), ["one", "two"]);
      await after.close();
    } finally {
      await Promise.all(servers.map((server) => server.remove()));
    }
  });
});
