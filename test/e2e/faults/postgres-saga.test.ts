// What happens to a saga, and not only to the store, when Postgres goes away under it: restarts, failover, partitions.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type PostgresServer, startPostgres } from "../../servers/postgres.ts";
import { startTcpProxy, type TcpProxy } from "../../servers/tcp-proxy.ts";
import { type ControllerProcess, startController } from "./controller-process.ts";
import {
  assertContained,
  assertEffects,
  assertFinished,
  audit,
  createFaultWorld,
  type FaultWorld,
  MEMORY,
} from "./fault-world.ts";

const bin = process.env["POSTGRES_BIN"] ?? "";
const skip = bin ? false : "no Postgres: `npm run test:all` installs it, or name its programs with POSTGRES_BIN";

/** Where in a rollout it happens: the way out, the containment, the way back. */
const MOMENTS = [/^passed release saga\.effect-sent/, /^event contained/, /^passed rollback saga\.effect-sent/];

/** Lets a process end as it may, and one more finish what it left; the effects are those of one rollback. */
async function assertFinishedByNext(world: FaultWorld, first: ControllerProcess): Promise<number | null> {
  const { exit } = await first.ended;
  const next = startController(world.task({ story: "rollback", rounds: 0 }));
  await assertFinished(next);
  assertEffects(world, "rollback");
  await audit(world, [...first.said, ...next.said]);
  return exit;
}

const story = { story: "rollback", rounds: 1 } as const;

describe("Postgres under a saga", { skip }, () => {
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
  const through = ({ url, port }: PostgresServer) => url.replace(`:${port}/`, `:${proxy.port}/`);

  for (const how of ["immediate", "fast"] as const)
    for (const moment of MOMENTS)
      it(`restarts, by a stop that is ${how}, ${moment.source}: the same process goes on, each effect once`, async (t) => {
        const world = await createFaultWorld(server);
        t.after(world.remove);
        const first = startController(world.task(story));
        await first.until(moment);
        await server.stop(how);
        await server.start();
        assert.equal(await assertFinishedByNext(world, first), 0, "nobody had to start it again");
      });

  for (const moment of MOMENTS)
    it(`is cut off for longer than patience lasts, ${moment.source}: contained, and finished afterwards`, async (t) => {
      const world = await createFaultWorld(server);
      t.after(world.remove);
      const { store } = world;
      const cut = { ...store, url: through(server), patience: 1500 } as typeof store;
      const first = startController(world.task({ ...story, store: cut }));
      await first.until(moment);
      proxy.mode = "cut";
      proxy.drop();
      await assertContained(first, /does not answer|undecided|another controller/);
      proxy.mode = "pass";
      await assertFinishedByNext(world, first);
    });

  it("does not answer for a while and then loses what it would have said: the same process goes on", async (t) => {
    const world = await createFaultWorld(server);
    t.after(world.remove);
    const { store } = world;
    const first = startController(world.task({ ...story, store: { ...store, url: through(server) } as typeof store }));
    await first.until(/^passed rollback saga\.intent-recorded/);
    proxy.mode = "deaf";
    // From here on it cannot write what it finds.
    await first.until(/^passed rollback saga\.effect-read-back/);
    proxy.drop();
    proxy.mode = "pass";
    assert.equal(await assertFinishedByNext(world, first), 0);
  });
});

describe("a Postgres that fails over under a saga", { skip }, () => {
  for (const moment of MOMENTS)
    it(`to a synchronous standby, ${moment.source}: nothing acknowledged is lost, each effect once`, async () => {
      const primary = await startPostgres(bin, { within: MEMORY, settings: { wal_level: "replica" } });
      const proxy = await startTcpProxy(primary.port);
      let standby: PostgresServer | undefined;
      let world: FaultWorld | undefined;
      try {
        standby = await primary.standby();
        await primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
        await primary.query("SELECT pg_reload_conf()");
        const url = primary.url.replace(`:${primary.port}/`, `:${proxy.port}/`);
        world = await createFaultWorld({ ...primary, url });
        const first = startController(world.task(story));
        await first.until(moment);
        proxy.mode = "cut";
        proxy.drop();
        await primary.stop("immediate");
        await standby.promote();
        proxy.target = standby.port;
        proxy.mode = "pass";
        const { err } = await first.ended;
        // Its fence is of another timeline: it may not act any more, and whoever comes next finishes.
        assert.match(err, /another controller acts on/);
        assert.equal(first.said.at(-1), "share 0");
        await assertFinishedByNext(world, first);
        const fences = world.components.effects("schema").map(({ fence }) => fence);
        assert.ok((fences.at(-1) ?? 0) > 2 ** 32, `the fence of the new timeline is above all: ${fences}`);
      } finally {
        await world?.remove();
        await proxy.close();
        await primary.remove();
        await standby?.remove();
      }
    });
});
