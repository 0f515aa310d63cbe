// A replica that commits without end, several at a time, and says each number that was acknowledged; its parent kills
// or stops it. Without a lease it only writes; with one it says when it is fenced, and ends.
import { writeSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { openPostgresStore } from "../../src/store/postgres/postgres-store.ts";
import { aRollout, recording } from "../../src/testing/store/fixtures.ts";

const [, , url = "", name = "", resource] = process.argv;
const store = await openPostgresStore({ url, elapsed: () => performance.now(), sleep: (span) => setTimeout(span) });
const lease = resource === undefined ? undefined : await store.acquireLease(resource, name, 500, 0);
if (resource !== undefined && lease === undefined) throw new Error("somebody else has the lease");
let number = 0;

async function write(): Promise<void> {
  for (;;) {
    const id = `${name}/${number++}`;
    const answer = await store.commit([{ kind: "rollout", rollout: aRollout(id) }, recording(id)], lease);
    if (answer.kind === "fenced") {
      writeSync(1, `fenced by ${answer.holder}\n`);
      process.exit(0);
    }
    writeSync(1, `${id}\n`);
  }
}

await Promise.all([write(), write(), write(), write()]);
