// A clock that is an hour off, or jumps by one between two processes or in the middle of one, during a saga. The machine's own
// clock is not moved: the offset is on the clock that the process is given, which all of its code and its store read.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type PostgresServer, startPostgres } from "../../servers/postgres.ts";
import { startController } from "./controller-process.ts";
import { assertEffects, assertFinished, audit, createFaultWorld, type FaultWorld, MEMORY } from "./fault-world.ts";

const bin = process.env["POSTGRES_BIN"] ?? "";
const skip = bin ? false : "no Postgres: `npm run test:all` installs it, or name its programs with POSTGRES_BIN";
const HOUR = 3_600_000;
const JUMPS = [
  [HOUR, -HOUR],
  [-HOUR, HOUR],
] as const;

/** Killed in the middle by one clock, finished by another process and the other clock. */
async function takenUp(world: FaultWorld, [before, now]: readonly [number, number]): Promise<void> {
  const leases = { leaseMs: 3000 };
  const first = startController(
    world.task({ story: "rollback", rounds: 1, holder: "first", clockOffset: before, ...leases }),
  );
  await first.until(/^passed rollback saga\.effect-sent/);
  first.child.kill("SIGKILL");
  await first.ended;
  const next = startController(
    world.task({ story: "rollback", rounds: 0, holder: "second", clockOffset: now, ...leases }),
  );
  await assertFinished(next);
  assertEffects(world, "rollback");
  await audit(world, [...first.said, ...next.said]);
}

/** Where in a rollout the clock of the running process jumps. */
const MOMENTS = [
  ["release", "saga.intent-recorded"],
  ["release", "saga.effect-sent"],
  ["rollback", "control.contained"],
  ["rollback", "saga.effect-sent"],
  ["rollback", "saga.step-recorded"],
  ["rollback", "control.restored"],
] as const;

/** The same process goes on, whatever its clock says. */
async function goesOn(world: FaultWorld, [phase, point]: (typeof MOMENTS)[number], by: number): Promise<void> {
  const clockJump = { phase, point, by };
  const only = startController(world.task({ story: "rollback", rounds: 1, leaseMs: 3000, clockJump }));
  await assertFinished(only);
  assert.ok(only.said.includes(`jumped ${by}`));
  assertEffects(world, "rollback");
  await audit(world, only.said);
}

const nameOf = ([before, now]: (typeof JUMPS)[number]) => `from ${before / HOUR} h to ${now / HOUR} h`;

describe("the clock jumps between a crash and the restart, on SQLite", () => {
  for (const jump of JUMPS)
    it(`${nameOf(jump)}: the saga is finished, each effect once`, async (t) => {
      const world = await createFaultWorld();
      t.after(world.remove);
      await takenUp(world, jump);
    });
});

describe("the clock jumps under a running process, on SQLite", { concurrency: 2 }, () => {
  for (const moment of MOMENTS)
    for (const by of [HOUR, -HOUR])
      it(`by ${by / HOUR} h, in the ${moment.join(" at ")}: it goes on, each effect once`, async (t) => {
        const world = await createFaultWorld();
        t.after(world.remove);
        await goesOn(world, moment, by);
      });
});

describe("controllers whose clocks differ, on one Postgres", { skip }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await startPostgres(bin, { within: MEMORY });
  });
  after(() => server.remove());

  for (const jump of JUMPS)
    it(`${nameOf(jump)}: one takes over from the dead one, each effect once`, async (t) => {
      const world = await createFaultWorld(server);
      t.after(world.remove);
      await takenUp(world, jump);
    });

  for (const moment of MOMENTS.slice(2))
    for (const by of [HOUR, -HOUR])
      it(`one whose clock jumps by ${by / HOUR} h, in the ${moment.join(" at ")}, goes on, each effect once`, async (t) => {
        const world = await createFaultWorld(server);
        t.after(world.remove);
        await goesOn(world, moment, by);
      });

  it("none is pushed aside early by one that is an hour ahead", async (t) => {
    const world = await createFaultWorld(server);
    t.after(world.remove);
    const first = startController(world.task({ story: "rollback", rounds: 1, holder: "first", waits: true }));
    await first.until(/^event exposed/);
    const ahead = { story: "rollback", rounds: 0, holder: "second", clockOffset: HOUR, leaseMs: 500 } as const;
    const { exit, err } = await startController(world.task(ahead)).ended;
    assert.notEqual(exit, 0);
    assert.match(err, /another controller acts on loans/);
    first.child.kill("SIGUSR2");
    await assertFinished(first);
    assertEffects(world, "rollback");
  });
});
