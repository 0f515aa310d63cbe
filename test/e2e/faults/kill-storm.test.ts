// A short form of the soak (`npm run soak -- --kills 1000`): processes killed at moments that nobody chose.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startPostgres } from "../../servers/postgres.ts";
import { MEMORY } from "./fault-world.ts";
import { killStorm } from "./kill-storm.ts";

const bin = process.env["POSTGRES_BIN"] ?? "";
const skip = bin ? false : "no Postgres: `npm run test:all` installs it, or name its programs with POSTGRES_BIN";
const KILLS = 15;

describe(`${KILLS} kills at any moment, of sagas that go out and come back`, { concurrency: 2 }, () => {
  it("on SQLite lose nothing and double nothing", async (t) => {
    const { effects, sagas, midway } = await killStorm(KILLS);
    t.diagnostic(`${midway} kills midway, ${sagas} sagas, ${effects} effects`);
    assert.ok(effects > 0);
  });

  it("on Postgres lose nothing and double nothing", { skip }, async (t) => {
    const server = await startPostgres(bin, { within: MEMORY });
    t.after(() => server.remove());
    const { effects, sagas, midway } = await killStorm(KILLS, server);
    t.diagnostic(`${midway} kills midway, ${sagas} sagas, ${effects} effects`);
    assert.ok(effects > 0);
  });
});
