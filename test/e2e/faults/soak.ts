// npm run soak -- --kills 1000: the kill storm for as long as one likes. Every world of up to 25 kills is audited at
// its end; worlds run side by side, every second one on Postgres where POSTGRES_BIN names its programs.
import { parseArgs } from "node:util";
import { startPostgres } from "../../servers/postgres.ts";
import { MEMORY } from "./fault-world.ts";
import { killStorm, type StormResult } from "./kill-storm.ts";

const WORLD = 25;

const { values } = parseArgs({
  options: { kills: { type: "string", default: "1000" }, beside: { type: "string", default: "2" } },
});
const kills = Number(values.kills);
const beside = Number(values.beside);
if (!Number.isSafeInteger(kills) || kills < 1 || !Number.isSafeInteger(beside) || beside < 1)
  throw new Error("usage: npm run soak -- [--kills N] [--beside N], both at least 1");

const bin = process.env["POSTGRES_BIN"];
const server = bin ? await startPostgres(bin, { within: MEMORY }) : undefined;
if (!server) console.log("No Postgres: name its programs with POSTGRES_BIN. All worlds are on SQLite.");
const total = { kills: 0, midway: 0, sagas: 0, effects: 0 };
const worlds = Array.from({ length: Math.ceil(kills / WORLD) }, (_, at) => ({
  at,
  kills: Math.min(WORLD, kills - at * WORLD),
}));

async function lane(): Promise<void> {
  for (let world = worlds.shift(); world; world = worlds.shift()) {
    const on = server && world.at % 2 === 1 ? server : undefined;
    const result: StormResult = await killStorm(world.kills, on);
    total.kills += result.kills;
    total.midway += result.midway;
    total.sagas += result.sagas;
    total.effects += result.effects;
    console.log(
      `${on ? "Postgres" : "SQLite"}: ${result.kills} kills, ${result.effects} effects, none lost or doubled`,
    );
  }
}

try {
  const lanes = await Promise.allSettled(Array.from({ length: beside }, lane));
  for (const one of lanes) if (one.status === "rejected") throw one.reason;
  const { sagas, effects, midway } = total;
  console.log(`${total.kills} kills, ${midway} of them midway; ${sagas} sagas, ${effects} effects: 0 lost, 0 doubled`);
} finally {
  await server?.remove();
}
