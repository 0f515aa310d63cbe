import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { digestOf } from "../core/digest.ts";
import type { Store } from "../core/ports.ts";
import type { Lease } from "../core/rollout.ts";
import type { ControlPorts } from "./ports.ts";
import { holdLease, type Run } from "./run.ts";
import { type SeatListener, underSeat } from "./seat.ts";
import { createControlWorld, playbook, settings, stable, twoPlaces } from "./world.fixture.ts";

const HOUR = 3_600_000;

/** A world whose controller acts by a seat; while Postgres is away no write is taken, and the seat lapses. */
function seated() {
  const state = { away: false, elsewhere: false, lease: undefined as Lease | undefined };
  const listeners = new Set<SeatListener>();
  const seat = {
    lease: () => state.lease,
    elsewhere: () => state.elsewhere,
    follow(listener: SeatListener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const world = createControlWorld({
    fallbacks: { else: false, safe: true },
    playbook: { components: twoPlaces, how: { ...playbook.how, safe: "people://on-call" } },
    ports: ({ store }) => {
      const commit: Store["commit"] = async (...given) => {
        if (state.away) throw Object.assign(new Error("connection refused"), { code: "STORE_UNREACHABLE" });
        return store.commit(...given);
      };
      return { seat, store: underSeat({ ...store, commit }, "loans", seat) };
    },
  });
  const take = async (holder = "first") => world.store.acquireLease("system:loans", holder, HOUR, world.clock.now());
  return {
    ...world,
    state,
    take,
    sit: async () => {
      state.lease = await take();
    },
    lapse() {
      state.lease = undefined;
      for (const listener of listeners) listener.lost();
    },
    /** Another one acts, for a while. */
    other: async () => world.store.acquireLease("system:loans", "second", HOUR, world.clock.now() + 2 * HOUR),
  };
}

const unrecorded = (notices: readonly string[]) => notices.filter((text) => text.includes("never recorded"));

describe("an order that stands in memory while the seat lapses", () => {
  it("is recorded and carried out when the seat is won again and nobody has acted since", async () => {
    const world = seated();
    const { control, state, clock, traffic, store, notices } = world;
    await world.live(async () => {
      await world.sit();
      await world.ended((await world.release()).id);
      state.away = true;
      await assert.rejects(control.takeBack("on-call", "customers complain"), { code: "NOT_RECORDED" });
      world.lapse();
      await clock.sleep(30_000);
      assert.equal(traffic.current("loans")?.stable, stable.id);
      assert.ok(control.unrecorded(), "it stands");
      await world.sit();
      await clock.sleep(10_000);
      assert.ok(control.unrecorded(), "the seat alone is no store");
      world.lapse();
      await clock.sleep(10_000);
      await world.sit();
      state.away = false;
      await world.until(async () => (await store.rollouts("loans")).length === 2);
      const [{ id } = { id: "" }] = await store.rollouts("loans");
      assert.equal((await control.ended(id)).rollback?.outcome, "verified");
      assert.equal(control.unrecorded(), undefined);
      assert.deepEqual(unrecorded(notices), []);
    });
  });

  it("by hand is kept likewise", async () => {
    const world = seated();
    const { control, state, clock, store, notices } = world;
    await world.live(async () => {
      await world.sit();
      await control.adopt(stable);
      state.away = true;
      await assert.rejects(control.contain("safe", "on-call", "harm"), { code: "NOT_RECORDED" });
      world.lapse();
      await clock.sleep(30_000);
      await world.sit();
      state.away = false;
      await clock.sleep(10_000);
      assert.equal((await store.route("loans"))?.contained, "safe");
      assert.deepEqual(unrecorded(notices), []);
    });
  });

  for (const how of ["is seen to act", "has acted in between"] as const)
    it(`comes to nothing when another one ${how}, and people are told`, async () => {
      const world = seated();
      const { control, state, clock, notices } = world;
      await world.live(async () => {
        await world.sit();
        await world.ended((await world.release()).id);
        state.away = true;
        await assert.rejects(control.takeBack("on-call", "customers complain"), { code: "NOT_RECORDED" });
        world.lapse();
        await clock.sleep(10_000);
        await world.other();
        if (how === "is seen to act") state.elsewhere = true;
        else state.lease = await world.store.acquireLease("system:loans", "first", HOUR, clock.now() + 4 * HOUR);
        state.away = false;
        await clock.sleep(10_000);
        assert.equal(unrecorded(notices).length, 1);
        assert.equal(control.unrecorded(), undefined);
      });
    });
});

it("a seat that lapses while its run is being loaded stops the run", async () => {
  const lease = { resource: "system:loans", holder: "first", fence: 1, until: HOUR };
  const seat = { lease: (): Lease | undefined => lease, elsewhere: () => false, follow: () => () => undefined };
  const { keep } = await holdLease({ seat } as unknown as ControlPorts, settings, "loans");
  const run = { stopped: false } as Run;
  keep(run);
  assert.equal(run.stopped, false);
  seat.lease = () => undefined;
  keep(run);
  assert.equal(run.stopped, true);
});

it("who writes under the seat takes the leases that it asks for, whether or not it names the seat's fence", async () => {
  const { clock, store, sit, state } = seated();
  await sit();
  const { resource, fence } = state.lease!;
  const seat = { lease: () => state.lease, elsewhere: () => false, follow: () => () => undefined };
  const under = underSeat(store, "loans", seat);
  for (const guard of [undefined, { resource, fence }]) {
    const claim = { resources: ["target:sim:model"], holder: "first", ttl: HOUR, now: clock.now() };
    const written = await under.commit([], guard, claim);
    assert.deepEqual(
      written.kind === "committed" && written.claimed?.map(({ resource: taken }) => taken),
      claim.resources,
    );
  }
});

it("people are told of a failed deployment by who has the seat, and not by who waits for it", async () => {
  const world = seated();
  const { store, clock } = world;
  await world.live(async () => {
    await world.sit();
    const { id } = await world.release();
    world.target.lose("sim:model-beside", digestOf("model 2"));
    const ended = await world.ended(id);
    await clock.sleep(1000);
    const told = () => world.notices.filter((notice) => notice.includes("could not be deployed")).length;
    const owed = { what: "could not be deployed", lines: [ended.note!] };
    await store.commit([{ kind: "rollout", rollout: { ...ended, owed } }]);
    world.lapse();
    world.boot("second");
    await clock.sleep(5000);
    assert.equal(told(), 1);
    await world.sit();
    world.boot("third");
    await clock.sleep(5000);
    assert.deepEqual([told(), (await store.rollout(id))?.owed], [2, undefined]);
  });
});
