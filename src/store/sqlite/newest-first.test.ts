import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { anEntry, aRollout, NOON } from "../../testing/store/fixtures.ts";
import { openSqliteStore } from "./sqlite-store.ts";

const ABOUT = `SELECT leaf FROM entries WHERE coalesce(json_extract(leaf, '$.rollout'), json_extract(leaf, '$.system')) = 'r7'`;

test("what is asked for the newest of, and what is open, is found by an index that has its order", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-newest-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const store = await openSqliteStore({ folder, now: () => NOON });
  const rollouts = Array.from({ length: 200 }, (_, n) => aRollout(`r${n}`, n === 7 ? {} : { endedAt: n }));
  await store.commit(rollouts.map((rollout) => ({ kind: "rollout", rollout })));
  await store.commit(rollouts.map(({ id }) => ({ kind: "entry", entry: anEntry(id, { rollout: id }) })));
  await store.close();
  const database = new DatabaseSync(join(folder, "rollbook.sqlite"));
  for (const [index, query] of [
    ["entries_about_newest", `${ABOUT} ORDER BY position DESC LIMIT 1`],
    ["entries_about", `${ABOUT} AND json_extract(leaf, '$.type') = 'verdict' ORDER BY position DESC LIMIT 1`],
    ["rollouts_in_order", "SELECT body FROM rollouts WHERE system = 'loans' ORDER BY sequence DESC LIMIT 2"],
    ["rollouts_open", "SELECT body FROM rollouts WHERE json_extract(body, '$.endedAt') IS NULL ORDER BY sequence DESC"],
    [
      "rollouts_open",
      "SELECT body FROM rollouts WHERE json_extract(body, '$.endedAt') IS NULL AND +system = 'loans' ORDER BY sequence DESC",
    ],
  ]) {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${query}`).all();
    assert.deepEqual(
      plan.map(({ detail }) => /USING INDEX (\w+)/.exec(detail as string)?.[1]),
      [index],
      JSON.stringify(plan),
    );
  }
  database.close();
});
