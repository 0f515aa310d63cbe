// A process that commits a saga's bookkeeping and signs the ledger now and then, and says on standard output what was
// acknowledged, so that its trace has the writes, the syncs and the acknowledgements in their order.
// With `normal` it is SQLite's synchronous=NORMAL that commits, past the store's check: what must be found out.
import { readFileSync, writeSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { createLedger } from "../../../src/record/ledger/ledger.ts";
import { openSqliteStore } from "../../../src/store/sqlite/sqlite-store.ts";
import { aRollout, aSaga, aStep } from "../../../src/testing/store/fixtures.ts";

const [, , folder = "", commits = "", keyFile = "", mode] = process.argv;

if (mode === "normal") {
  const { prepare } = DatabaseSync.prototype;
  DatabaseSync.prototype.prepare = function (sql) {
    if (sql === "BEGIN IMMEDIATE") this.exec("PRAGMA synchronous = NORMAL");
    return prepare.call(this, sql);
  };
}

const store = await openSqliteStore({ folder, now: () => 0 });
const ledger = createLedger({ store, origin: "example.org/power", key: readFileSync(keyFile, "utf8") });
const lease = await store.acquireLease("system:loans", "one", 3_600_000, 0);
for (let number = 0; number < Number(commits); number += 1) {
  const saga = aSaga(`saga ${number}`, `rollout ${number}`);
  const entry = { type: "step-intent", at: number, system: "loans", actor: "rollbook", data: { number } } as const;
  await store.commit(
    [
      { kind: "rollout", rollout: aRollout(saga.rollout) },
      { kind: "saga", saga },
      { kind: "step", record: aStep(saga.id, "model") },
      { kind: "route", route: { system: "loans", epoch: number, stable: "sha256:", candidatePpm: 0 } },
      { kind: "entry", entry },
    ],
    lease,
  );
  writeSync(1, `acked ${number}\n`);
  if (number % 10 === 9) writeSync(1, `signed ${(await ledger.checkpoint()).size}\n`);
}
await store.close();
writeSync(1, "closed\n");
