// Several processes of `rollbook serve` over one real Postgres.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";
import { startTcpProxy, type TcpProxy } from "../servers/tcp-proxy.ts";
import {
  digestFor,
  openReplicaWorld,
  type Replica,
  type ReplicaWorld,
  sendTraffic,
  startBalancer,
  toneAt,
} from "./replica-world.fixture.ts";

const bin = process.env["POSTGRES_BIN"] ?? "";
const skip = bin ? false : "no Postgres: `npm run test:all` installs it, or name its programs with POSTGRES_BIN";

interface Status {
  readonly route: { readonly candidatePpm: number; readonly epoch: number };
  readonly holder: { readonly here: boolean };
  readonly storeAway?: { readonly reason: string };
  readonly served: { readonly candidatePpm: number };
  readonly rollouts: readonly {
    readonly id: string;
    readonly phase: string;
    readonly rollback?: { readonly outcome?: string; readonly cause: readonly string[] };
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

const outcomeAt = (replica: Replica, outcome: string | undefined) =>
  until(
    async () =>
      (await statusOf(replica)).rollouts.find(({ rollback: back }) =>
        outcome === undefined ? back?.cause : back?.outcome === outcome,
      ),
    `went back: ${outcome}`,
    40_000,
  );

/** What of a stream comes within so many milliseconds. */
async function textFor(answer: Response, span: number): Promise<string> {
  const reader = answer.body!.getReader();
  let text = "";
  for (const over = Date.now() + span; Date.now() < over; ) {
    const { value, done } = await reader.read().catch(() => ({ value: undefined, done: true }));
    text += Buffer.from(value ?? []).toString();
    if (done) break;
  }
  await reader.cancel().catch(() => undefined);
  return text;
}

/** Asks as somebody whom half of the traffic covers, until this variant answers. */
async function untilServed({ gateway }: Replica, variant: "stable" | "candidate"): Promise<void> {
  const ask = async () => {
    const answers = await Promise.all(
      ["a", "b", "c", "d", "e", "f", "g", "h"].map(async (key) => {
        const answer = await fetch(gateway, { headers: { "rollbook-key": key } });
        return answer.text();
      }),
    );
    return variant === "candidate" ? answers.includes("candidate") : !answers.includes("candidate");
  };
  await until(ask, `served ${variant}`);
}

/** Two replicas; the first one acts, and exposes release 2. */
async function exposed(world: ReplicaWorld, store: string, other = store) {
  const first = await world.start(store);
  await first.says(/^loans: the way back leads to/);
  const second = await world.start(other);
  const traffic = sendTraffic([first.gateway, second.gateway]);
  const opened = await first.call("POST", "/v1/rollouts", {
    system: "loans",
    references: { model: "2", config: "2", tone: "warm" },
  });
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

  it("the cord at the one that does not act: contained there at once, everywhere soon, and restored", async (t) => {
    const world = await openReplicaWorld();
    t.after(() => world.close());
    const { first, second, traffic, id } = await exposed(world, await fresh("cord"));
    t.after(() => traffic.stop());
    await until(async () => (await toneAt(second)) === "w" && (await toneAt(first)) === "w", "warm at both");
    const pulled = Date.now();
    const told = second.call("POST", `/v1/rollouts/${id}/rollback`, { reason: "people complain" });
    await until(async () => (await shareAt(second)) === 0, "contained at the second");
    const atSecond = Date.now() - pulled;
    await until(async () => (await shareAt(first)) === 0, "contained at the first");
    const answer = await told;
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    t.diagnostic(`contained after ${atSecond} ms here, ${Date.now() - pulled} ms everywhere`);
    await outcomeAt(second, "verified");
    assert.deepEqual(
      [world.ai.live("model"), world.ai.live("config")],
      [digestFor("model", 1), digestFor("config", 1)],
    );
    await until(async () => (await toneAt(second)) === "c" && (await toneAt(first)) === "c", "cool at both");
    const again = await second.call("POST", `/v1/rollouts/${id}/rollback`, { reason: "again" });
    assert.equal(again.status, 404);
    const news = await fetch(`${second.url}/v1/events`, { signal: AbortSignal.timeout(500) });
    assert.match(await textFor(news, 300), /all traffic is on/, "who watches the second sees what the first does");
  });

  it("a balancer in front of both: release, pause, resume, abort, tokens and outcomes at whichever answers", async (t) => {
    const world = await openReplicaWorld();
    t.after(() => world.close());
    const store = await fresh("balanced");
    const first = await world.start(store);
    await first.says(/^loans: the way back leads to/);
    const second = await world.start(store);
    const traffic = sendTraffic([first.gateway, second.gateway]);
    t.after(() => traffic.stop());
    const balancer = await startBalancer([first.url, second.url]);
    t.after(() => balancer.close());
    const call = async (method: string, path: string, body?: object) => {
      const authorization = `Bearer ${world.token}`;
      const headers = { authorization, "content-type": "application/json", connection: "close" };
      const answer = await fetch(balancer.url + path, {
        method,
        headers,
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const said = (await answer.json()) as { id?: string; phase?: string; accepted?: number };
      assert.equal(answer.status, 200, `${path}: ${JSON.stringify(said)}`);
      return said;
    };
    const { id } = await call("POST", "/v1/rollouts", { references: { model: "2" } });
    await until(async () => (await shareAt(first)) === 500_000 && (await shareAt(second)) === 500_000, "exposed");
    for (let round = 0; round < 3; round += 1) {
      assert.equal((await call("POST", `/v1/rollouts/${id}/pause`, { reason: "look" })).phase, "paused");
      assert.equal((await call("POST", `/v1/rollouts/${id}/resume`)).phase, "progressing");
      await call("POST", "/v1/tokens", { id: `reporter-${round}`, role: "reporter" });
    }
    const asked = await Promise.all(
      [first, second].map(async ({ gateway }) => (await fetch(gateway)).headers.get("rollbook-request") ?? ""),
    );
    for (const request of [...asked, ...asked.toReversed()])
      assert.equal((await call("POST", "/v1/outcomes", { outcomes: [{ request, counts: { loans: 1 } }] })).accepted, 1);
    await call("POST", `/v1/rollouts/${id}/abort`, { reason: "not now" });
    await outcomeAt(first, "verified");
    assert.equal(world.ai.live("model"), digestFor("model", 1));
  });

  it("harm that only the edge of the other one sees takes it back everywhere, and explains bit for bit", async (t) => {
    const world = await openReplicaWorld();
    t.after(() => world.close());
    const { second, traffic, id } = await exposed(world, await fresh("samples"));
    await traffic.stop();
    world.ai.failing = 60;
    const more = sendTraffic([second.gateway], 100);
    t.after(() => more.stop());
    await outcomeAt(second, undefined);
    world.ai.failing = 0;
    const rollout = (await statusOf(second)).rollouts.find((one) => one.id === id);
    assert.deepEqual(rollout?.rollback?.cause, ["harm", "failing"]);
    const explained = (await second.call("GET", `/v1/rollouts/${id}/explanation`)).body as { recomputed: string };
    assert.equal(explained.recomputed, "same");
  });

  it("the one that acts is stopped and wakes: the other takes over, and nothing that the first does is accepted", async (t) => {
    const world = await openReplicaWorld();
    t.after(() => world.close());
    const { first, second, traffic, id } = await exposed(world, await fresh("stopped"));
    t.after(() => traffic.stop());
    // The first is stopped while a write of the way back is under way: it arrives when the second has restored already.
    let held: (() => void) | undefined;
    world.ai.beforeWrite = async (component, digest) => {
      if (held || component !== "config" || digest !== digestFor("config", 1)) return;
      first.kill("SIGSTOP");
      await new Promise<void>((resolve) => {
        held = resolve;
      });
    };
    void first.call("POST", `/v1/rollouts/${id}/rollback`, { reason: "bad" }).catch(() => undefined);
    await until(async () => held, "stopped");
    const stopped = Date.now();
    await second.says(/^loans: this replica acts on it/);
    const tookOver = Date.now() - stopped;
    t.diagnostic(`took over ${tookOver} ms after SIGSTOP`);
    assert.ok(tookOver < 5000);
    await outcomeAt(second, "verified");
    const before = world.ai.writes.length;
    held?.();
    first.kill("SIGCONT");
    await first.says(/another replica may act on it now/);
    await sleep(1500);
    assert.deepEqual(world.ai.writes.slice(before), []);
    assert.equal(world.ai.refused.length, 1, "the late write met the newer fence");
    assert.equal(await shareAt(first), 0);
    assert.equal((await statusOf(first)).holder.here, false);
  });

  it("who cannot reach Postgres gives the candidate nothing after two seconds, the one that acts and the other", async (t) => {
    const world = await openReplicaWorld();
    t.after(() => world.close());
    const store = await fresh("cut");
    const wires = await Promise.all([startTcpProxy(server.port), startTcpProxy(server.port)]);
    t.after(() => Promise.all(wires.map((wire) => wire.close())));
    const over = (wire: TcpProxy) => store.replace(`:${server.port}/`, `:${wire.port}/`);
    const { first, second, traffic } = await exposed(world, over(wires[0]!), over(wires[1]!));
    t.after(() => traffic.stop());
    for (const [mode, wire, cut, other] of [
      ["mute", wires[1]!, second, first],
      ["cut", wires[0]!, first, second],
    ] as const) {
      wire.mode = mode;
      if (mode === "cut") wire.drop();
      const since = Date.now();
      await untilServed(cut, "stable");
      const took = Date.now() - since;
      t.diagnostic(`${mode}: stable after ${took} ms`);
      assert.ok(took < 4000, `${took} ms`);
      await untilServed(other, "candidate");
      if (mode === "cut") {
        const { storeAway, rollouts } = await statusOf(cut);
        assert.match(storeAway?.reason ?? "", /does not answer/, "from memory, and it says so");
        assert.equal(rollouts[0]?.phase, "progressing");
      }
      wire.mode = "pass";
      wire.drop();
      await untilServed(cut, "candidate");
    }
  });

  it("another ledger key is refused, and says what to do", async (t) => {
    const [one, other] = [await openReplicaWorld(), await openReplicaWorld()];
    t.after(() => Promise.all([one.close(), other.close()]));
    const store = await fresh("keys");
    await one.start(store);
    await assert.rejects(other.start(store), /signed with another key[\s\S]*Give every replica the same `ledger-key`/);
  });
});
