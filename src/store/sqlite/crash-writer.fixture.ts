// A process that commits without end and says each number that was acknowledged; its parent kills it.
import { writeSync } from "node:fs";
import { openSqliteStore } from "./sqlite-store.ts";

const folder = process.argv[2] as string;
const store = await openSqliteStore({ folder, now: () => 0 });
for (let number = await store.entryCount(); ; number += 1) {
  await store.commit([
    { kind: "entry", entry: { type: "exposure", at: number, system: "loans", actor: "crash", data: { number } } },
    { kind: "route", route: { system: "loans", epoch: number, stable: "sha256:", candidatePpm: 0 } },
  ]);
  writeSync(1, `${number}\n`);
}
