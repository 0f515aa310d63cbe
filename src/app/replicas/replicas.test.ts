import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { digestOf } from "../../core/digest.ts";
import type { Route } from "../../core/entry.ts";
import { RollbookError } from "../../core/errors.ts";
import type { FlagState } from "../../core/ports.ts";
import type { Rollout } from "../../core/rollout.ts";
import type { Sample } from "../../core/sample.ts";
import type { AnyOperation } from "../../operations/operation.ts";
import { type MemoryHub, shareMemory } from "../../simulation/memory-exchange.ts";
import { createMemoryStore } from "../../simulation/memory-store.ts";
import { createExposure } from "../../traffic/routing/exposure.ts";
import { systemClock } from "../system-clock.ts";
import { createReplicas, type Joined } from "./replicas.ts";

const stable = digestOf("release 1");
const candidate = digestOf("release 2");
const routeOf = (epoch: number, candidatePpm: number): Route => ({
  system: "loans",
  epoch,
  stable,
  candidate,
  candidatePpm,
});
const rollout: Rollout = {
  id: "rollout-1",
  system: "loans",
  playbook: digestOf("playbook"),
  candidate,
  stable,
  phase: "progressing",
  step: 0,
  stepSince: 0,
  startedAt: 0,
  frozen: [],
};
const sample = (sequence: number): Sample => ({
  node: "other",
  sequence,
  bucket: 1000,
  signal: "errors",
  release: candidate,
  n: 1,
  k: 0,
});

async function until(what: () => unknown, patience = 6000): Promise<void> {
  for (const over = Date.now() + patience; Date.now() < over; await sleep(5)) if (what()) return;
  assert.fail(`never: ${what}`);
}

/** One replica with an edge of its own; what it carries out is in `done`. */
function replicaOf(t: TestContext, hub: MemoryHub, name: string, acts = true) {
  const wire = hub.replica();
  const said: string[] = [];
  const heard: object[] = [];
  const flags: FlagState[] = [];
  const counted: Sample[] = [];
  const done: string[] = [];
  const edge = createExposure("loans", systemClock);
  const replicas = createReplicas({
    store: hub.store,
    exchange: wire.exchange,
    name,
    log: (text) => void said.push(text),
    learn: async () => undefined,
    followFlags: (all) => void flags.splice(0, flags.length, ...all),
    hear: (event) => void heard.push(event),
  });
  const operation = (
    given: string,
    run: (input: Record<string, string>, by: string, order?: string) => Promise<unknown>,
  ) =>
    ({
      name: given,
      summary: given,
      method: "POST",
      path: `/${given}`,
      permission: "admin",
      dryRun: false,
      input: z.unknown(),
      run,
    }) as unknown as AnyOperation;
  const operations = replicas.share([
    operation("pause", async (input, by) => void done.push(`pause ${input["rollout"]} by ${by}`)),
    operation("rollback", async ({ reason }) => {
      if (reason === "refused") throw new RollbookError("RELEASE_REFUSED", { reason: "it has ended" });
      await sleep(Number(reason));
      done.push("rollback");
      return { contained: true };
    }),
    operation("outcomes", async () => void done.push("outcomes")),
    operation("promote", async (_, actor, given) => {
      const { phase } = (await hub.store.rollout("rollout-1"))!;
      if (phase === "healthy") throw new RollbookError("RELEASE_REFUSED", { reason: "it has ended" });
      const data = { order: "promote", given };
      const entry = { type: "ordered", at: 1, system: "loans", actor, rollout: "rollout-1", data } as const;
      await hub.store.commit([
        { kind: "rollout", rollout: { ...rollout, phase: "healthy" } },
        { kind: "entry", entry },
      ]);
      done.push(`promote by ${actor}`);
      // It dies before it can say so.
      if (name === "first") wire.reaches = false;
    }),
  ]);
  const run = (which: string, input: object) =>
    operations.find((one) => one.name === which)!.run(input as never, "ann");
  const joined: Joined = replicas.join({
    system: "loans",
    edge,
    drain: () => counted.splice(0),
    acts: () => acts,
  });
  let begun = 0;
  joined.attend(() => {
    begun += 1;
  });
  t.after(() => replicas.stop());
  const here = () => joined.holder().here;
  const share = () => edge.effective()?.candidatePpm;
  return { wire, said, heard, flags, counted, done, edge, replicas, joined, run, here, share, begun: () => begun };
}

type One = ReturnType<typeof replicaOf>;

async function two(t: TestContext, acts = true) {
  const hub = shareMemory(createMemoryStore(), systemClock.now);
  await hub.store.commit([
    { kind: "route", route: routeOf(7, 0) },
    { kind: "rollout", rollout },
  ]);
  const first = replicaOf(t, hub, "first", acts);
  await until(() => first.here());
  const second = replicaOf(t, hub, "second", acts);
  await until(() => second.edge.current("loans"));
  return { hub, first, second };
}

/** What a controller does at each tick that may go on. */
async function expose(hub: MemoryHub, { joined }: One, epoch: number): Promise<AbortController> {
  const over = new AbortController();
  const route = routeOf(epoch, 500_000);
  await hub.store.commit([{ kind: "route", route }]);
  joined.traffic.set(route);
  const loop = async () => {
    while (!over.signal.aborted) {
      if (joined.seat.lease()) joined.traffic.renew("loans", systemClock.now() + 2000);
      await sleep(50);
    }
  };
  void loop();
  return over;
}

describe("several replicas", () => {
  test("one acts, in epochs that no earlier holder can have reached; it leaves, and the other begins at once", async (t) => {
    const { first, second } = await two(t);
    assert.deepEqual([first.begun(), second.begun()], [1, 0]);
    assert.equal(first.edge.current("loans")?.epoch, 1000);
    await until(() => second.joined.holder().name === "first");
    await first.replicas.stop();
    const left = Date.now();
    await until(() => second.here());
    assert.ok(Date.now() - left < 1500);
    await until(() => second.begun() === 1);
    assert.equal(second.edge.current("loans")?.epoch, 1000);
  });

  test("an edge follows route and share, and gives the share up when its holder, or the store, is gone", async (t) => {
    const { hub, first, second } = await two(t);
    const over = await expose(hub, first, 1001);
    await until(() => second.share() === 500_000);
    second.wire.reaches = false;
    const cut = Date.now();
    await until(() => second.share() === 0);
    assert.ok(Date.now() - cut < 2200);
    second.wire.reaches = true;
    await until(() => second.share() === 500_000);
    first.wire.reaches = false;
    await until(() => first.joined.seat.lease() === undefined);
    await until(() => first.share() === 0 && second.here());
    assert.match(first.said.join("\n"), /another replica may act on it now/);
    assert.equal(second.share(), 0, "the new holder has not seen to it");
    over.abort();
    const late = routeOf(1001, 500_000);
    second.edge.set(late);
    assert.equal(second.edge.current("loans")?.epoch, 2000, "an older epoch takes nothing over");
  });

  test("a share that people gave lasts at every edge for as long as its holder lives, and is theirs to give again", async (t) => {
    const { hub, first, second } = await two(t, false);
    const route = routeOf(1001, 300_000);
    await hub.store.commit([{ kind: "route", route }]);
    first.joined.traffic.set(route);
    first.joined.traffic.renew("loans", Number.MAX_SAFE_INTEGER);
    await until(() => second.share() === 300_000);
    await sleep(3000);
    assert.equal(second.share(), 300_000);
    await first.replicas.stop();
    await until(() => second.here());
    assert.equal(second.share(), 0);
  });

  test("an order to go back stops the candidate at every edge before its holder has carried it out", async (t) => {
    const { hub, first, second } = await two(t);
    const over = await expose(hub, first, 1001);
    t.after(() => over.abort());
    await until(() => second.share() === 500_000);
    const answer = second.run("rollback", { rollout: "rollout-1", reason: "600" });
    await until(() => second.share() === 0, 50);
    await until(() => first.share() === 0, 400);
    assert.deepEqual(first.done, []);
    assert.deepEqual(await answer, { contained: true });
    assert.deepEqual(first.done, ["rollback"]);
    await hub.store.commit([
      { kind: "route", route: routeOf(1002, 0) },
      { kind: "rollout", rollout: { ...rollout, endedAt: 1 } },
    ]);
    await until(() => second.edge.current("loans")?.epoch === 1002);
  });

  test("the cord where the store does not answer: contained there at once, carried out when it answers", async (t) => {
    const { hub, first, second } = await two(t);
    const over = await expose(hub, first, 1001);
    t.after(() => over.abort());
    await until(() => second.share() === 500_000);
    second.wire.reaches = false;
    const answer = second.run("rollback", { rollout: "rollout-1", reason: "0" });
    await until(() => second.edge.current("loans")?.candidatePpm === 0, 50);
    await sleep(400);
    second.wire.reaches = true;
    assert.deepEqual(await answer, { contained: true });
    assert.deepEqual(first.done, ["rollback"]);
  });

  test("the cord at the holder is its own: nothing is sent, and it stays contained until the route says so", async (t) => {
    const { hub, first } = await two(t);
    const over = await expose(hub, first, 1001);
    t.after(() => over.abort());
    await until(() => first.share() === 500_000);
    await hub.store.commit([
      { kind: "rollout", rollout: { ...rollout, order: { kind: "rollback", by: "ann", reason: "bad" } } },
    ]);
    assert.deepEqual(await first.run("rollback", { rollout: "rollout-1", reason: "0" }), { contained: true });
    await sleep(600);
    assert.equal(first.share(), 0);
    first.joined.traffic.set(routeOf(1002, 0));
    first.joined.traffic.set(routeOf(1003, 0));
    await sleep(300);
    first.joined.traffic.set(routeOf(1004, 500_000));
    assert.equal(first.edge.current("loans")?.candidatePpm, 500_000);
  });

  test("an order that is refused lets go, in the words of the holder", async (t) => {
    const { hub, first, second } = await two(t);
    const over = await expose(hub, first, 1001);
    t.after(() => over.abort());
    await until(() => second.share() === 500_000);
    await assert.rejects(second.run("rollback", { rollout: "rollout-1", reason: "refused" }), {
      code: "RELEASE_REFUSED",
      message: "The release is refused: it has ended.",
    });
    await until(() => second.share() === 500_000 && first.share() === 500_000);
  });

  test("other orders go to the holder, once; what every replica does by itself stays", async (t) => {
    const { first, second } = await two(t);
    await second.run("pause", { rollout: "rollout-1" });
    await first.run("pause", { rollout: "rollout-1" });
    await second.run("outcomes", {});
    await sleep(300);
    assert.deepEqual(first.done, ["pause rollout-1 by ann", "pause rollout-1 by ann"]);
    assert.deepEqual(second.done, ["outcomes"]);
  });

  test("an order that its holder carried out before it died is not carried out again, and is answered as it was", async (t) => {
    const { first, second } = await two(t);
    const answer = (await second.run("promote", { rollout: "rollout-1" })) as Rollout;
    assert.deepEqual([first.done, second.done], [["promote by ann"], []]);
    assert.equal(answer.phase, "healthy");
    const again = second.run("promote", { rollout: "rollout-1" });
    await assert.rejects(again, { code: "RELEASE_REFUSED" }, "another order is another order");
  });

  test("counts reach the holder once, over a store that is away for a while, and a new holder has them too", async (t) => {
    const { first, second } = await two(t);
    second.counted.push(sample(1), sample(2));
    const got: Sample[] = [];
    await until(() => got.push(...first.joined.mail()) >= 2);
    second.wire.reaches = false;
    second.counted.push(sample(3));
    await sleep(300);
    second.wire.reaches = true;
    await until(() => got.push(...first.joined.mail()) >= 3);
    assert.deepEqual(
      got.map(({ sequence, known }) => [sequence, typeof known]),
      [
        [1, "number"],
        [2, "number"],
        [3, "number"],
      ],
    );
    await first.replicas.stop();
    await until(() => second.here());
    // What the first one took last may not be stored: it is there once more, under the same key.
    await sleep(300);
    for (const { sequence } of second.joined.mail()) assert.ok(sequence <= 3);
  });

  test("people who watch at another replica see what happens at this one", async (t) => {
    const { first, second } = await two(t);
    first.replicas.publish({ kind: "judged", text: "fine" });
    await until(() => second.heard.length === 1);
    assert.deepEqual(second.heard, [{ kind: "judged", text: "fine" }]);
    await sleep(300);
    assert.deepEqual([first.heard, second.heard.length], [[], 1]);
  });
});
