import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { createFlywayAdapter, type FlywayDatabase } from "../../src/adapters/flyway/index.ts";
import { readMigrations } from "../../src/adapters/flyway/migration-files.ts";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import type { RestoreRequest } from "../../src/core/ports.ts";
import { describeRestoreAdapter } from "../../src/testing/index.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";

const BIN = process.env["POSTGRES_BIN"];
const FLYWAY = process.env["FLYWAY_COMMAND"];
const skip =
  BIN && FLYWAY
    ? false
    : "no Postgres or no Flyway: `npm run test:all` installs them, or name them with POSTGRES_BIN and FLYWAY_COMMAND";
const at = "flyway://loans";
const patience = () => AbortSignal.timeout(60_000);
const run = promisify(execFile);

const MIGRATIONS: Readonly<Record<string, string>> = {
  "V1__start.sql": `CREATE TABLE applicants (id bigint PRIMARY KEY, name text NOT NULL, amount integer NOT NULL);
    CREATE VIEW loans AS SELECT id, name, amount FROM applicants;`,
  "V2__surname.sql":
    "ALTER TABLE applicants ADD COLUMN surname text;\nCREATE INDEX by_surname ON applicants (surname);",
  "R__large_loans.sql": "CREATE OR REPLACE VIEW large_loans AS SELECT id FROM applicants WHERE amount > 1000;",
};
const DROP = "DROP INDEX by_surname; ALTER TABLE applicants DROP COLUMN surname;";
const ADD = "ALTER TABLE applicants ADD COLUMN surname text; CREATE INDEX by_surname ON applicants (surname);";
/** Each takes back the one before, to and fro. */
const COMPENSATIONS: Readonly<Record<string, string>> = {
  "2": `V2.1__undo_surname.sql\n${DROP}`,
  "2.1": `V2.2__redo_surname.sql\n${ADD}`,
  "2.2": `V2.3__undo_surname.sql\n${DROP}`,
  "2.3": `V2.4__redo_surname.sql\n${ADD}`,
};

let server: PostgresServer;
let count = 0;
before(async () => {
  if (skip) return;
  server = await startPostgres(BIN!);
  await makeTemplate();
});
after(() => server?.remove());

interface Options {
  readonly migrations?: Readonly<Record<string, string>>;
  readonly compensations?: Readonly<Record<string, string>>;
  readonly more?: Partial<FlywayDatabase>;
  /** Begin with a copy of a database that both versions were taken into keeping in; at version 2, or 2.1. */
  readonly template?: string;
}

function lay(folder: string, files: Readonly<Record<string, string>>): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(folder, name), sql);
  return folder;
}

async function lending({ migrations = MIGRATIONS, compensations = COMPENSATIONS, more = {}, template }: Options = {}) {
  const name = `flown_${++count}`;
  await server.query(`CREATE DATABASE ${name}${template ? ` TEMPLATE ${template}` : ""}`);
  const url = server.url.replace(/rollbook$/, name);
  const folder = mkdtempSync(join(tmpdir(), "rollbook-flyway-test-"));
  const files = lay(join(folder, "migrations"), migrations);
  lay(join(folder, "compensations"), {});
  const declared = Object.entries(compensations).map(([version, text]) => {
    const [script = "", ...sql] = text.split("\n");
    const path = join(folder, "compensations", script);
    writeFileSync(path, sql.join("\n"));
    return [version, path] as const;
  });
  const database: FlywayDatabase = {
    url,
    migrations: files,
    compensations: Object.fromEntries(declared),
    tool: {
      command: [FLYWAY!],
      folder,
      environment: { PATH: process.env["PATH"] ?? "", HOME: folder },
      timeoutMs: 60_000,
    },
    ...more,
  };
  const adapter = createFlywayAdapter({ scheme: "flyway", databases: { loans: database } });
  const flyway = async (...args: string[]) => {
    const { host, username, password } = new URL(url);
    const env = {
      PATH: process.env["PATH"] ?? "",
      FLYWAY_URL: `jdbc:postgresql://${host}/${name}`,
      FLYWAY_USER: username,
      FLYWAY_PASSWORD: decodeURIComponent(password),
    };
    return (await run(FLYWAY!, [`-locations=filesystem:${files}`, ...args], { env })).stdout;
  };
  const live = async () => {
    const found = await adapter.read(at, patience());
    assert.ok(found.kind === "live", JSON.stringify(found));
    return found;
  };
  const digest = async (reference: string): Promise<Digest> => {
    const found = await adapter.resolve!(at, reference, patience());
    assert.ok(found.kind === "revision", JSON.stringify(found));
    return found.revision.digest;
  };
  let turn = 0;
  const go = async (desired: Digest, request: Partial<RestoreRequest> = {}) =>
    adapter.apply({ at, desired, before: await live(), key: `k${turn++}`, fence: 1, ...request }, patience());
  const texts = async (of: Digest) =>
    (await adapter.concerns!(at, of, patience())).map(({ level, text }) => `${level}: ${text}`);
  const clients: pg.Client[] = [];
  const client = async () => {
    const one = new pg.Client({ connectionString: url });
    one.on("error", () => {});
    await one.connect();
    clients.push(one);
    return one;
  };
  const stop = async () => {
    await Promise.all(clients.map((one) => one.end().catch(() => {})));
    await adapter.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { adapter, name, url, folder, files, database, flyway, live, digest, go, texts, client, stop };
}
type World = Awaited<ReturnType<typeof lending>>;

/** Version 1 and 2, both taken into keeping; `flown_two` serves 2, `flown_back` serves what 1 was. */
async function makeTemplate(): Promise<void> {
  const world = await lending();
  await world.flyway("-target=1", "migrate");
  const one = await world.digest("live");
  await world.flyway("migrate");
  await world.digest("live");
  await world.stop();
  await server.query(`CREATE DATABASE flown_two TEMPLATE ${world.name}`);
  const back = await lending({ template: "flown_two" });
  assert.deepEqual(await back.go(one), { kind: "applied" });
  await back.stop();
  await server.query(`CREATE DATABASE flown_back TEMPLATE ${back.name}`);
}

describe("a Postgres that a real Flyway migrates", { skip }, () => {
  const trial = (name: string, options: Options, check: (world: World) => Promise<void>) =>
    test(name, async () => {
      const world = await lending(options);
      try {
        await check(world);
      } finally {
        await world.stop();
      }
    });
  const two: Options = { template: "flown_two" };

  trial(
    "has the checksums that Flyway itself reckons",
    {
      migrations: {
        "V1__plain.sql": "SELECT 1;\n",
        "V2__windows.sql": "SELECT 1;\r\nSELECT 2;\r\n",
        "V3__mark.sql": "\uFEFFSELECT 'ä€😀';",
        "V4__no_end.sql": "SELECT 1;\n\n\nSELECT 2;\n\n",
        "V5__old_mac.sql": "SELECT 1;\rSELECT 2;",
        "V6_0_1__tabs  and spaces.sql": "\tSELECT 1 ;  \n  -- a comment\n",
        "R__again.sql": "SELECT 1;\nSELECT 'x';",
      },
      compensations: {},
    },
    async (world) => {
      const ours = (await readMigrations(world.files)).map(({ script, checksum }) => `${script}\t${checksum}`).sort();
      const info = (await world.flyway("info")).trim().split("\n");
      assert.equal(ours.length, 7);
      assert.deepEqual(ours, info.map((line) => line.split("\t").slice(0, 2).join("\t")).sort());
    },
  );

  trial("goes back by the declared compensation, and Flyway still finds its history in order", two, async (world) => {
    const one = await world.digest("1");
    assert.equal(await world.adapter.holds(at, one, patience()), true);
    assert.ok((await world.texts(one)).some((text) => /warning: V2\.1__undo_surname\.sql drops or deletes/.test(text)));
    assert.deepEqual(await world.go(one), { kind: "applied" });
    const now = await world.live();
    assert.equal(now.digest, one);
    assert.equal(now.label, "flyway 2.1");
    assert.ok((await world.texts(one)).some((text) => /add it to the folder of migrations/.test(text)));
    lay(world.files, { "V2.1__undo_surname.sql": DROP });
    await world.flyway("validate");
    assert.deepEqual(await world.texts(one), []);
  });

  trial("leaves pending and changed files alone while it goes back", two, async (world) => {
    const one = await world.digest("1");
    lay(world.files, {
      "V3__not_yet.sql": "CREATE TABLE not_yet (x int);",
      "R__large_loans.sql": "CREATE OR REPLACE VIEW large_loans AS SELECT id FROM applicants WHERE amount > 5;",
    });
    assert.ok(
      (await world.texts(one)).some((text) => /blocking: V3__not_yet\.sql is pending, and no compensation/.test(text)),
    );
    assert.deepEqual(await world.go(one), { kind: "applied" });
    const client = await world.client();
    assert.deepEqual((await client.query("SELECT to_regclass('not_yet') AS it")).rows, [{ it: null }]);
  });

  trial(
    "undoes a compensation that leads elsewhere, whole",
    {
      ...two,
      compensations: { "2": "V2.1__half.sql\nDROP INDEX by_surname;" },
    },
    async (world) => {
      const [one, start] = [await world.digest("1"), await world.live()];
      const answer = await world.go(one);
      assert.ok(
        answer.kind === "refused" && /leads to sha256:\w+, which is not/.test(answer.reason),
        JSON.stringify(answer),
      );
      assert.deepEqual(await world.live(), start);
    },
  );

  trial(
    "undoes several versions in one transaction, newest first",
    {
      ...two,
      compensations: {
        "2": `V3.2__undo_surname.sql\n${DROP}`,
        "3": "V3.1__undo_city.sql\nALTER TABLE applicants DROP COLUMN city;",
      },
    },
    async (world) => {
      lay(world.files, { "V3__city.sql": "ALTER TABLE applicants ADD COLUMN city text;" });
      await world.flyway("migrate");
      const one = await world.digest("1");
      assert.deepEqual(await world.go(one), { kind: "applied" });
      assert.equal((await world.live()).label, "flyway 3.2");
    },
  );

  trial(
    "is refused by what Flyway says of a compensation that does not work",
    {
      ...two,
      compensations: { "2": "V2.1__wrong.sql\nALTER TABLE no_such DROP COLUMN x;" },
    },
    async (world) => {
      const answer = await world.go(await world.digest("1"));
      assert.ok(answer.kind === "refused" && /no_such/.test(answer.reason), JSON.stringify(answer));
      assert.ok(!answer.reason.includes(server.password));
    },
  );

  trial(
    "has no way back without a compensation, nor past a point of no return",
    { ...two, compensations: {} },
    async (world) => {
      const one = await world.digest("1");
      assert.ok(
        (await world.texts(one)).includes(
          "blocking: There is no way back to this schema: no compensation is declared for version 2.",
        ),
      );
      assert.equal(await world.adapter.holds(at, one, patience()), false);
      const second = await lending({ ...two, more: { irreversible: ["2"] } });
      const texts = await second.texts(one);
      await second.stop();
      assert.ok(
        texts.some((text) => /version 2 is declared as a point of no return/.test(text)),
        texts.join("\n"),
      );
    },
  );

  trial("finds what somebody changed by hand, and never takes it for a version", two, async (world) => {
    const [one, twoNow] = [await world.digest("1"), await world.digest("live")];
    const client = await world.client();
    await client.query("ALTER TABLE applicants ADD COLUMN by_hand text");
    assert.notEqual((await world.live()).digest, twoNow);
    assert.ok(
      (await world.texts(one)).some((text) => /blocking: The schema was changed by hand since flyway 2/.test(text)),
    );
    assert.equal((await world.adapter.resolve!(at, "live", patience())).kind, "unknown");
    assert.equal(await world.digest("2"), twoNow);
    const answer = await world.go(one);
    assert.equal(answer.kind, "refused", JSON.stringify(answer));
  });

  trial("finds changed, missing and failed migrations", two, async (world) => {
    const one = await world.digest("1");
    lay(world.files, { "V2__surname.sql": "SELECT 'changed';" });
    assert.ok(
      (await world.texts(one)).some((text) => /blocking: V2__surname\.sql was changed after it was applied/.test(text)),
    );
    await assert.rejects(world.flyway("validate"), /checksum mismatch/i);
    rmSync(join(world.files, "V2__surname.sql"));
    assert.ok(
      (await world.texts(one)).some((text) =>
        /blocking: V2__surname\.sql was applied, and its file is missing/.test(text),
      ),
    );
    lay(world.files, { "V2__surname.sql": MIGRATIONS["V2__surname.sql"]! });
    assert.deepEqual(
      (await world.texts(one)).filter((text) => text.startsWith("blocking")),
      [],
    );
    // What a migration that stopped half way leaves where DDL is not transactional.
    const client = await world.client();
    await client.query("UPDATE flyway_schema_history SET success = false WHERE version = '2'");
    await assert.rejects(world.flyway("validate"), /failed/i);
    assert.ok(
      (await world.texts(one)).some((text) => /blocking: The history has a failed row for V2__surname\.sql/.test(text)),
    );
    assert.equal((await world.go(one)).kind, "refused");
  });

  trial("is stopped by a rival who alters a table after the look, and undoes nothing of theirs", two, async (world) => {
    const [one, before] = [await world.digest("1"), await world.live()];
    const rival = await world.client();
    const going = world.adapter.apply({ at, desired: one, before, key: "race", fence: 1 }, patience());
    const others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name ILIKE $1";
    for (let tries = 0; (await rival.query(others, ["%flyway%"])).rowCount === 0; tries++) {
      assert.ok(tries < 2000, "Flyway was never seen in the database");
      await setTimeout(5);
    }
    await rival.query("ALTER TABLE applicants ADD COLUMN rival text");
    const answer = await going;
    const sql = "SELECT column_name AS c FROM information_schema.columns WHERE table_name = 'applicants'";
    const columns = (await rival.query(sql)).rows.map(({ c }) => c).sort();
    console.log(`a rival after Flyway has begun: ${JSON.stringify(answer)}`);
    // Whoever comes before the callback's look is a conflict; whoever comes later waits, and changes the older schema.
    const kept = answer.kind === "applied" ? [] : ["surname"];
    assert.ok(answer.kind === "applied" || answer.kind === "conflict", JSON.stringify(answer));
    assert.deepEqual(columns, ["amount", "id", "name", "rival", ...kept]);
  });

  trial(
    "is refused a lock by a long transaction in time, and goes through once it is over",
    {
      ...two,
      more: { lockTimeoutMs: 300 },
    },
    async (world) => {
      const one = await world.digest("1");
      const long = await world.client();
      await long.query("BEGIN; SELECT * FROM applicants");
      const answer = await world.go(one);
      assert.ok(answer.kind === "unknown" && /lock timeout/.test(answer.reason), JSON.stringify(answer));
      await long.query("COMMIT");
      assert.deepEqual(await world.go(one), { kind: "applied" });
    },
  );

  trial("survives the death of Flyway at any moment: the same request again has one effect", two, async (world) => {
    const one = await world.digest("1");
    const began = await world.live();
    const request = { at, desired: one, before: began, key: "killed", fence: 1 };
    for (const ms of [300, 700, 1100, 1500]) {
      const answer = await world.adapter.apply(request, AbortSignal.timeout(ms));
      assert.ok(["unknown", "applied", "already"].includes(answer.kind), JSON.stringify(answer));
      // What was sent before the death may still be carried out: whole or not at all.
      await setTimeout(300);
      assert.ok([one, began.digest].includes((await world.live()).digest));
    }
    assert.ok(["applied", "already"].includes((await world.adapter.apply(request, patience())).kind));
    assert.equal((await world.live()).digest, one);
    const client = await world.client();
    const runs = await client.query("SELECT count(*)::int AS n FROM flyway_schema_history WHERE version = '2.1'");
    assert.equal(runs.rows[0].n, 1);
  });

  trial("knows a baseline, and a database without any migration", { compensations: {} }, async (world) => {
    assert.equal((await world.live()).label, "no migration");
    const client = await world.client();
    await client.query(MIGRATIONS["V1__start.sql"]!);
    await world.flyway("-baselineVersion=1", "baseline");
    assert.equal((await world.live()).label, "flyway 1");
    await world.flyway("migrate");
    assert.equal((await world.live()).label, "flyway 2");
    assert.deepEqual(await world.texts(await world.digest("live")), []);
  });

  trial(
    "stops a Flyway that was told to change another database, even a twin of this one",
    {
      ...two,
      more: {},
    },
    async (world) => {
      const other = await lending(two);
      const tool = {
        ...world.database.tool,
        command: [FLYWAY!, `-url=jdbc:postgresql://127.0.0.1:${server.port}/${other.name}`] as [string, string],
      };
      const wrong = createFlywayAdapter({ scheme: "flyway", databases: { loans: { ...world.database, tool } } });
      const [one, before, otherBefore] = [await world.digest("1"), await world.live(), await other.live()];
      const answer = await wrong.apply({ at, desired: one, before, key: "astray", fence: 1 }, patience());
      await wrong.close();
      assert.ok(answer.kind === "refused" && /another database/.test(answer.reason), JSON.stringify(answer));
      assert.deepEqual(await world.live(), before);
      assert.notDeepEqual(await world.adapter.identify!(at, patience()), await other.adapter.identify!(at, patience()));
      assert.deepEqual(await other.live(), otherBefore);
      await other.stop();
    },
  );

  describeRestoreAdapter({
    name: "a Postgres that a real Flyway migrates",
    setup: async () => {
      const world = await lending({ template: "flown_back" });
      const revisions = [await world.digest("1"), await world.digest("2")] as const;
      const rival = async () => {
        const client = await world.client();
        await client.query(ADD);
      };
      const { adapter, stop } = world;
      return { adapter, at, revisions, unknown: digestOf("no such schema"), reference: "2", rival, stop };
    },
  });
});
