// A wire is cut in the middle of a restore: between the controller and its targets, in either direction, and between it and
// everything at once. Effects are counted at the targets, which log every write that they accept.
import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type PostgresServer, startPostgres } from "../../servers/postgres.ts";
import { startTcpProxy, type TcpProxy } from "../../servers/tcp-proxy.ts";
import { startController } from "./controller-process.ts";
import {
  assertContained,
  assertEffects,
  assertFinished,
  audit,
  createFaultWorld,
  endsOf,
  MEMORY,
} from "./fault-world.ts";

const bin = process.env["POSTGRES_BIN"] ?? "";
const skip = bin ? false : "no Postgres: `npm run test:all` installs it, or name its programs with POSTGRES_BIN";
const story = { story: "rollback", rounds: 1 } as const;

/** A world whose targets are behind a wire that can be cut. */
async function apart(t: TestContext, server?: PostgresServer) {
  const world = await createFaultWorld(server);
  t.after(world.remove);
  const wire = await startTcpProxy(Number(new URL(world.components.base).port));
  t.after(wire.close);
  return { world, wire, targets: `http://127.0.0.1:${wire.port}` };
}

/** Breaks the wire for so long; who waits for an answer at its end learns that there is none. */
async function breakFor(wire: TcpProxy, mode: TcpProxy["mode"], ms: number): Promise<void> {
  wire.mode = mode;
  if (mode === "cut") wire.drop();
  await sleep(ms);
  wire.drop();
  wire.mode = "pass";
}

const WAYS = [
  ["cut", "no connection"],
  ["deaf", "writes arrive, answers do not"],
  ["mute", "nothing arrives"],
] as const;

describe("a controller that is cut off from its targets", { concurrency: 2 }, () => {
  for (const phase of ["release", "rollback"] as const)
    for (const point of ["saga.intent-recorded", "saga.step-recorded"] as const)
      for (const [mode, what] of WAYS)
        it(`for a second, ${what}, in the ${phase} at ${point}: it goes on by itself, each effect once`, async (t) => {
          const { world, wire, targets } = await apart(t);
          // Slow enough that something is under way.
          world.components.delays = () => [20, 20];
          const first = startController(world.task({ ...story, targets }));
          await first.until(new RegExp(`^passed ${phase} ${point}`));
          await breakFor(wire, mode, 1000);
          await assertFinished(first);
          assertEffects(world, "rollback");
          await audit(world, first.said);
        });

  it("for longer than its plan has time stays contained, and restores when it is told to, each effect once", async (t) => {
    const { world, wire, targets } = await apart(t);
    const first = startController(world.task({ ...story, targets }));
    await first.until(/^event contained/);
    wire.mode = "cut";
    wire.drop();
    await assertFinished(first);
    assert.match(endsOf(first).join(), /^ended degraded stuck stuck: /);
    assert.equal(
      first.said.findLast((line) => line.startsWith("share ")),
      "share 0",
    );
    wire.mode = "pass";
    const next = startController(world.task({ story: "rollback", rounds: 0, targets }));
    await assertFinished(next);
    assertEffects(world, "rollback");
  });
});

describe("a controller that is cut off from targets and from Postgres at once", { skip }, () => {
  let server: PostgresServer;
  let proxy: TcpProxy;
  before(async () => {
    server = await startPostgres(bin, { within: MEMORY });
    proxy = await startTcpProxy(server.port);
  });
  after(async () => {
    await proxy.close();
    await server.remove();
  });

  for (const [mode, what] of WAYS)
    it(`${what}: contained; when the wires hold again it finishes, each effect once`, async (t) => {
      const { world, wire, targets } = await apart(t, server);
      const url = server.url.replace(`:${server.port}/`, `:${proxy.port}/`);
      const store = { ...world.store, url, patience: 1500 } as typeof world.store;
      const first = startController(world.task({ ...story, store, targets }));
      await first.until(/^passed rollback saga\.intent-recorded/);
      [wire.mode, proxy.mode] = [mode, mode];
      if (mode === "cut") for (const one of [wire, proxy]) one.drop();
      await assertContained(first, /does not answer|undecided|another controller/);
      for (const one of [wire, proxy]) {
        one.drop();
        one.mode = "pass";
      }
      await first.ended;
      const next = startController(world.task({ story: "rollback", rounds: 0, targets }));
      await assertFinished(next);
      assertEffects(world, "rollback");
    });
});
