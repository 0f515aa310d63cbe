// Several processes of `rollbook serve` over one real Postgres.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";
import { digestFor, openReplicaWorld, type Replica, type ReplicaWorld, sendTraffic } from "./replica-world.fixture.ts";

const bin = process.env["POSTGRES_BIN"] ?? "";
const skip = bin ? false : "no Postgres: `npm run test:all` installs it, or name its programs with POSTGRES_BIN";

interface Status {
  readonly route: { readonly candidatePpm: number; readonly epoch: number };
  readonly served: { readonly candidatePpm: number };
  readonly rollouts: readonly {
    readonly id: string;
    readonly phase: string;
    readonly rollback?: { readonly outcome?: string };
  }[];
}

async function until<T>(look: () => Promise<T | undefined | false>, what: string, patience = 20_000): Promise<T> {
  for (const over = Date.now() + patience; Date.now() < over; await sleep(20)) {
    const found = await look().catch(() => undefined);
    if (found) return found;
  }
  throw new Error(`never ${what}`);
}

const statusOf = async (replica: Replica) => (await replica.call("GET", "/v1/status")).body as Status;
const shareAt = async (replica: Replica) => (await statusOf(replica)).served.candidatePpm;

/** Two replicas; the first one acts, and exposes release 2. */
async function exposed(world: ReplicaWorld, store: string) {
  const first = await world.start(store);
  await first.says(/^loans: the way back leads to/);
  const second = await world.start(store);
  const traffic = sendTraffic([first.gateway, second.gateway]);
  const opened = await first.call("POST", "/v1/rollouts", { system: "loans", references: { model: "2", config: "2" } });
  assert.equal(opened.status, 200, JSON.stringify(opened.body));
  const { id } = opened.body as { readonly id: string };
  await until(async () => (await shareAt(first)) === 500_000, "exposed at the first");
  await until(async () => (await shareAt(second)) === 500_000, "exposed at the second");
  return { first, second, traffic, id };
}

describe("replicas over one Postgres", { skip }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres(bin);
  });
  after(() => server.remove());

  const fresh = async (name: string) => {
    await server.query(`CREATE DATABASE ${name}`);
    return server.url.replace(/rollbook$/, name);
  };

  it("the one that acts is killed in the middle of a rollback, and the other finishes it", async (t) => {
    const world = await openReplicaWorld();
    t.after(() => world.close());
    const { first, second, traffic, id } = await exposed(world, await fresh("killed"));
    t.after(() => traffic.stop());
    const before = world.ai.writes.length;
    let killedAt = 0;
    world.ai.beforeAnswer = async (_, digest) => {
      if (killedAt > 0 || digest !== digestFor("config", 1)) return;
      killedAt = Date.now();
      first.kill("SIGKILL");
      await sleep(50);
    };
    void first.call("POST", `/v1/rollouts/${id}/rollback`, { rollout: id, reason: "bad" }).catch(() => undefined);
    const ended = await until(
      async () => (await statusOf(second)).rollouts.find(({ rollback }) => rollback?.outcome !== undefined),
      "over",
      30_000,
    );
    assert.equal(ended.rollback?.outcome, "verified");
    assert.ok(killedAt > 0);
    const back = world.ai.writes.slice(before);
    assert.deepEqual(back.map(({ component, digest }) => `${component} ${digest}`).sort(), [
      `config ${digestFor("config", 1)}`,
      `model ${digestFor("model", 1)}`,
    ]);
    assert.equal(await shareAt(second), 0);
    assert.equal(((await second.call("GET", "/v1/ledger/verify")).body as { kind?: string }).kind, "verified");
  });
});
