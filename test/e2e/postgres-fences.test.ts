import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import type { Clock, Store } from "../../src/core/ports.ts";
import { holdingResources } from "../../src/restore/resource-leases.ts";
import { openPostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { anEntry, aRollout } from "../../src/testing/store/fixtures.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";

const bin = process.env["POSTGRES_BIN"];
const RIVAL = "cluster/argocd/loans";
const clock: Clock = {
  now: Date.now,
  sleep: async (span, signal) => setTimeout(span, undefined, signal && { signal }).catch(() => undefined),
};

if (bin === undefined) it("fences of targets on Postgres", { skip: "POSTGRES_BIN names no Postgres" });
else
  describe("on a real Postgres", () => {
    let server: PostgresServer;
    before(async () => {
      server = await startPostgres(bin);
    });
    after(() => server.remove());

    const open = (schema: string) =>
      openPostgresStore({
        url: server.url,
        schema,
        elapsed: () => performance.now(),
        sleep: (span) => setTimeout(span),
      });

    /** What a saga of this system sends to the rival carries, and what it carries after the sends of others. */
    async function fenceOf(store: Store, system: string, work: () => Promise<unknown> = async () => undefined) {
      const guard = (await store.acquireLease(`system:${system}`, `replica of ${system}`, 60_000, 0))!;
      const claim = { resources: [RIVAL], holder: `rollout of ${system}`, leaseMs: 3000, guard };
      return holdingResources(
        { store, clock },
        { ...claim, onWait: () => undefined, stopped: () => false },
        async (fenceAt) => {
          const fence = await fenceAt(RIVAL);
          await work();
          assert.equal(await fenceAt(RIVAL), fence);
          return fence as number;
        },
      );
    }

    it("fences at a rival grow over systems and replicas, whoever of them had more holders, one by one and at once", async () => {
      const [one, other] = [await open("fences"), await open("fences")];
      for (let holders = 0; holders < 30; holders += 1)
        await one.acquireLease("system:loans", "replica of loans", 60_000, 0);
      const given: number[] = [];
      for (const [store, system] of [
        [one, "loans"],
        [other, "cards"],
        [one, "loans"],
        [other, "fraud"],
        [one, "cards"],
      ] as const)
        given.push((await fenceOf(store, system))!);
      let inside = 0;
      const both = [one, other].map((store, index) =>
        fenceOf(store, `system ${index}`, async () => {
          assert.equal(++inside, 1);
          await setTimeout(300);
          inside -= 1;
        }),
      );
      given.push(...(await Promise.all(both)).map((fence) => fence!).toSorted((a, b) => a - b));
      assert.deepEqual(
        given,
        [...new Set(given)].toSorted((a, b) => a - b),
      );
      assert.ok(given[0]! > 30);
      await Promise.all([one.close(), other.close()]);
    });

    it("what is asked for the newest of, and what is open, is found by an index that has its order", async () => {
      const store = await open("newest");
      const rollouts = Array.from({ length: 3000 }, (_, n) =>
        aRollout(`r${n}`, {
          ...(n % 100 !== 1 && { system: `system ${n % 100}` }),
          ...(n % 500 === 1 && { promotedAt: n }),
          ...(n !== 7 && { endedAt: n }),
        }),
      );
      await store.commit(rollouts.map((rollout) => ({ kind: "rollout", rollout })));
      const entries = rollouts.map(({ id }, n) => {
        return { kind: "entry", entry: anEntry(id, { rollout: n < 2000 ? "r7" : id }) } as const;
      });
      await store.commit(entries);
      assert.equal((await store.entriesAbout("r7", 1, "verdict"))[0]?.index, 1999);
      assert.deepEqual(
        (await store.openRollouts()).map(({ id }) => id),
        ["r7"],
      );
      assert.deepEqual(await store.openRollouts("loans"), []);
      const client = new pg.Client(server.url);
      await client.connect();
      await client.query("SET search_path = newest; ANALYZE entries; ANALYZE rollouts");
      const about = `SELECT leaf FROM entries WHERE entry_about(leaf) = '"r7"'`;
      const loans = "SELECT body FROM rollouts WHERE system = 'loans'";
      for (const [index, query] of [
        ["entries_about_newest", `${about} ORDER BY position DESC LIMIT 2`],
        ["entries_about", `${about} AND entry_type(leaf) = 'verdict' ORDER BY position DESC LIMIT 2`],
        ["rollouts_promoted", `${loans} AND position('"promotedAt":' in body) > 0 ORDER BY sequence DESC LIMIT 2`],
        ["rollouts_in_order", `${loans} ORDER BY sequence DESC LIMIT 2`],
        ["rollouts_open", "SELECT body FROM rollouts WHERE may_be_open(body) ORDER BY sequence DESC"],
        [
          "rollouts_open",
          "SELECT body FROM rollouts WHERE may_be_open(body) AND system = 'system 7' ORDER BY sequence DESC",
        ],
      ]) {
        const plan = JSON.stringify((await client.query(`EXPLAIN ${query}`)).rows);
        assert.match(plan, new RegExp(`${index} `));
        assert.doesNotMatch(plan, /Sort/);
      }
      await client.end();
      await store.close();
    });
  });
