import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { digestOf } from "../core/digest.ts";
import type { Change, Store } from "../core/ports.ts";
import { FencedError } from "./fenced-error.ts";

import {
  candidate,
  createControlWorld,
  playbook,
  settings,
  slowly,
  stable,
  twoPlaces,
  type WorldOptions,
} from "./world.fixture.ts";

const holdback = { ...playbook.how, holdbackFor: 60_000 };

/** A store that takes no write, none of a step, or does not answer at all, while `state` says so. */
function failing() {
  const state = { away: undefined as "full" | "gone" | "crowded" | "taken over" | undefined, refused: 0 };
  const reads = new Set<keyof Store>([
    "rollout",
    "rollouts",
    "record",
    "packs",
    "unpacked",
    "route",
    "release",
    "steps",
    "sagas",
    "lastKnownGood",
  ]);
  const refuse = () => {
    state.refused += 1;
    if (state.away === "taken over") throw new FencedError("system:loans");
    throw new Error(state.away !== "gone" ? "database or disk is full" : "connection refused");
  };
  const ports: NonNullable<WorldOptions["ports"]> = ({ store }) => ({
    store: Object.fromEntries(
      Object.entries(store).map(([name, method]) => [
        name,
        async (...given: readonly unknown[]) => {
          const [changes] = given as [readonly Change[]];
          const crowded = state.away === "crowded" && name === "commit" && changes.some(({ kind }) => kind === "step");
          const unwritten = (state.away === "full" || state.away === "taken over") && !reads.has(name as keyof Store);
          const fails = crowded || state.away === "gone" || unwritten;
          return fails ? refuse() : (method as (...all: readonly unknown[]) => unknown)(...given);
        },
      ]),
    ) as unknown as Store,
  });
  return { state, ports };
}

describe("a store that is away when harm is decided", () => {
  for (const away of ["full", "gone"] as const)
    it(`(${away}) is not waited for: containment stands, people are told, and the record follows with the true times`, async () => {
      const { state, ports } = failing();
      const world = createControlWorld({ ports, losses: 0.3 });
      await world.live(async () => {
        const { id } = await world.release();
        await world.until(() => world.kinds().includes("exposed"));
        await world.clock.sleep(300);
        state.away = away;
        await world.until(() => world.traffic.current("loans")?.candidatePpm === 0);
        const at = world.clock.now();
        const before = world.traffic.served(candidate.id).requests;
        await world.clock.sleep(30_000);
        assert.equal(world.traffic.served(candidate.id).requests, before, "nothing reaches it meanwhile");
        assert.equal((await world.store.rollout(id))?.rollback, undefined, "nothing is recorded yet");
        const told = world.notices.filter((text) => text.includes("the store takes no write"));
        assert.equal(told.length, 1);
        state.away = undefined;
        const rollout = await world.ended(id);
        assert.equal(rollout.rollback?.outcome, "verified");
        assert.ok(Math.abs(rollout.rollback!.decidedAt - at) <= settings.tickMs, "when it was decided");
        assert.ok(rollout.rollback!.containedAt! - at <= settings.tickMs, "and contained");
        const contained = (await world.entries()).filter(({ type }) => type === "contained");
        assert.equal(contained.length, 1);
        assert.ok(contained[0].at - contained[0].data.containedAt >= 29_000, "recorded afterwards, and it says so");
        assert.ok(state.refused > 3, "tried again and again");
      });
    });

  it("keeps the counts that harm was decided on", async () => {
    const { state, ports } = failing();
    const world = createControlWorld({ ports, losses: 0.3 });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      state.away = "full";
      await world.until(() => world.kinds().includes("harm") || world.traffic.current("loans")?.candidatePpm === 0);
      await world.clock.sleep(5000);
      state.away = undefined;
      const { verdict } = await world.ended(id);
      const samples = (await world.store.samples(id)).filter(
        ({ release, signal }) => release === candidate.id && signal === "losses",
      );
      const counted = verdict!.findings.find(({ name }) => name === "rising")!.candidate;
      assert.ok(counted.n > 0);
      assert.equal(samples.reduce((sum, { n }) => sum + n, 0) >= counted.n, true);
    });
  });

  it("and that fails again in the restore delays the restore, and nothing else", async () => {
    const { state, ports } = failing();
    const world = createControlWorld({ ports, losses: 0.3 });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("contained"));
      state.away = "gone";
      await world.clock.sleep(20_000);
      assert.equal(world.traffic.current("loans")?.candidatePpm, 0);
      state.away = undefined;
      assert.equal((await world.ended(id)).rollback?.outcome, "verified");
    });
  });

  it("for a minute, or that takes small writes only, costs the restore no start: it finishes then", async () => {
    for (const away of ["gone", "crowded"] as const) {
      const { state, ports } = failing();
      const world = createControlWorld({ ports: (given) => ({ ...slowly(400)(given), ...ports(given) }), losses: 0.3 });
      await world.live(async () => {
        const { id } = await world.release();
        await world.until(() => world.kinds().includes("contained"));
        state.away = away;
        await world.clock.sleep(60_000);
        assert.equal((await world.store.rollout(id))?.rollback?.outcome, undefined, "still being restored");
        state.away = undefined;
        assert.equal((await world.ended(id)).rollback?.outcome, "verified");
        const sagas = (await world.store.sagas(id)).filter(({ plan }) => plan.kind === "rollback");
        assert.deepEqual(
          sagas.map(({ starts }) => starts),
          [1],
        );
        assert.ok(state.refused > 10, "tried again and again");
      });
    }
  });

  it("and cannot tell what other systems have frozen costs the restore no start either", async () => {
    let away = false;
    let refused = 0;
    const world = createControlWorld({
      losses: 0.3,
      rivals: { "sim:model": digestOf("model 2") },
      ports: ({ store }) => ({
        store: {
          ...store,
          openRollouts: async (system) => {
            if (!away || system !== undefined) return store.openRollouts(system);
            refused += 1;
            throw new Error("connection refused");
          },
        },
      }),
    });
    world.target.tellRival("sim:model", "frozen");
    await world.live(async () => {
      const { id } = await world.release();
      away = true;
      await world.until(() => world.kinds().includes("contained"));
      await world.clock.sleep(120_000);
      assert.ok(refused > 10, "tried again and again");
      away = false;
      assert.equal((await world.ended(id)).rollback?.outcome, "verified");
      const sagas = (await world.store.sagas(id)).filter(({ plan }) => plan.kind === "rollback");
      assert.deepEqual(
        sagas.map(({ starts }) => starts),
        [1],
      );
    });
  });

  it("while a release is deployed costs that no start either", async () => {
    const { state, ports } = failing();
    const world = createControlWorld({ ports: (given) => ({ ...slowly(400)(given), ...ports(given) }) });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("deploying"));
      state.away = "crowded";
      await world.clock.sleep(60_000);
      state.away = undefined;
      assert.equal((await world.ended(id)).phase, "healthy");
      assert.equal((await world.store.sagas(id))[0]?.starts, 1);
      assert.ok(state.refused > 10, "tried again and again");
    });
  });

  it("lets a share lapse that nobody can record, goes no step forward, and gives it back", async () => {
    const { state, ports } = failing();
    const world = createControlWorld({ ports, playbook: { how: holdback } });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      state.away = "full";
      await world.clock.sleep(settings.exposureMs + 500);
      const before = world.traffic.served(candidate.id).requests;
      await world.clock.sleep(10_000);
      assert.equal(world.traffic.served(candidate.id).requests, before, "lapsed");
      state.away = undefined;
      await world.clock.sleep(3000);
      assert.ok(world.traffic.served(candidate.id).requests > before, "and came back");
      assert.equal((await world.ended(id)).phase, "healthy");
    });
  });

  it("does not take the cord out of people's hands", async () => {
    for (const away of ["full", "gone"] as const) {
      const { state, ports } = failing();
      const world = createControlWorld({ ports, playbook: { how: holdback } });
      await world.live(async () => {
        const { id } = await world.release();
        await world.until(() => world.kinds().includes("exposed"));
        await world.clock.sleep(500);
        state.away = away;
        await assert.rejects(world.control.pullCord(id, "on-call", "it looks wrong"), { code: "NOT_RECORDED" });
        assert.equal(world.traffic.current("loans")?.candidatePpm, 0);
        assert.ok((await world.control.planBack(id)).digest, "from memory");
        await world.clock.sleep(10_000);
        state.away = undefined;
        const rollout = await world.ended(id);
        assert.deepEqual(rollout.rollback?.cause, ["person", "on-call: it looks wrong"]);
        assert.equal(rollout.rollback?.outcome, "verified");
      });
    }
  });

  it("and a process that dies before it is back: the share ends by itself, and the next one judges again", async () => {
    const { state, ports } = failing();
    const world = createControlWorld({ ports, losses: 0.3 });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      await world.clock.sleep(300);
      state.away = "full";
      await world.until(() => world.traffic.current("loans")?.candidatePpm === 0);
      world.kill();
      await world.clock.sleep(settings.exposureMs);
      const before = world.traffic.served(candidate.id).requests;
      await world.clock.sleep(10_000);
      assert.equal(world.traffic.served(candidate.id).requests, before);
      state.away = undefined;
      const { control } = world.boot("second");
      const rollout = await control.resume();
      assert.equal(rollout?.id, id);
      assert.equal((await control.ended(id)).rollback?.outcome, "verified");
    });
  });
});

describe("a store that is away between rollouts", () => {
  for (const away of ["full", "gone"] as const) {
    it(`(${away}) loses no release that is taken back: traffic goes and stays, and the restore follows`, async () => {
      const { state, ports } = failing();
      const world = createControlWorld({ ports, playbook: { components: twoPlaces } });
      await world.live(async () => {
        const { control, clock, traffic, store } = world;
        const looking = new AbortController();
        await world.ended((await world.release()).id);
        void control.watch(looking.signal);
        await clock.sleep(2000);
        state.away = away;
        await assert.rejects(control.takeBack("on-call", "customers complain"), { code: "NOT_RECORDED" });
        assert.equal(traffic.current("loans")?.stable, stable.id);
        assert.equal(control.unrecorded()?.what, "contained, and nothing can be recorded");
        await assert.rejects(control.takeBack("on-call", "again"), { message: /nothing can be recorded/ });
        await clock.sleep(15_000);
        assert.equal(traffic.current("loans")?.stable, stable.id, "nothing brings it forward again");
        assert.equal(world.notices.filter((text) => text.includes("the store takes no write")).length, 1);
        state.away = undefined;
        await world.until(async () => (await store.rollouts("loans")).length === 2);
        const id = (await store.rollouts("loans"))[0]?.id;
        assert.equal((await control.ended(id!)).rollback?.outcome, "verified");
        assert.equal(control.unrecorded(), undefined);
        looking.abort();
      });
    });

    it(`(${away}) loses no release that came unannounced and is taken back: it is contained, and goes back`, async () => {
      const { state, ports } = failing();
      const world = createControlWorld({
        ports,
        blind: true,
        playbook: { how: { ...playbook.how, else: "sim:else" } },
        fallbacks: { else: true, safe: false },
      });
      await world.live(async () => {
        const { control, clock, traffic, store, target } = world;
        await control.adopt(stable);
        await clock.sleep(5000);
        target.rivalWrite("sim:model", digestOf("model 2"));
        await world.until(() => world.events.some(({ kind, text }) => kind === "ended" && /left in place/.test(text)));
        await clock.sleep(5000);
        state.away = away;
        await assert.rejects(control.takeBack("on-call", "it is not ours"), { code: "NOT_RECORDED" });
        assert.equal(traffic.current("loans")?.contained, "else");
        assert.equal(control.unrecorded()?.what, "contained, and nothing can be recorded");
        assert.equal(target.live("sim:model"), digestOf("model 2"), "nothing is restored before its intent is durable");
        await clock.sleep(15_000);
        assert.equal(traffic.current("loans")?.contained, "else");
        assert.equal(world.notices.filter((text) => text.includes("the store takes no write")).length, 1);
        state.away = undefined;
        await world.until(async () => (await store.rollouts("loans")).length === 2);
        const [{ id } = { id: "" }] = await store.rollouts("loans");
        const { rollback, unannounced } = await control.ended(id);
        assert.equal(unannounced, true);
        assert.ok(rollback?.restoredAt !== undefined);
        assert.equal(target.live("sim:model"), digestOf("model 1"));
        assert.deepEqual(rollback.cause, ["person", "on-call: it is not ours"]);
        assert.equal(traffic.current("loans")?.contained, undefined);
        assert.equal((await world.entries()).filter(({ type }) => type === "noticed").length, 2);
      });
    });

    it(`(${away}) keeps a containment by hand, and gets every order afterwards, once`, async () => {
      const { state, ports } = failing();
      const world = createControlWorld({
        ports,
        playbook: { how: { ...playbook.how, else: "sim:else", safe: "people://on-call" } },
        fallbacks: { else: true, safe: true },
      });
      await world.live(async () => {
        const { control, clock, traffic, store } = world;
        await control.adopt(stable);
        state.away = away;
        for (const to of ["safe", "else"] as const)
          await assert.rejects(control.contain(to, "on-call", "harm"), { code: "NOT_RECORDED" });
        assert.equal(traffic.current("loans")?.contained, "else");
        assert.match(control.unrecorded()?.what ?? "", /by hand/);
        await clock.sleep(10_000);
        assert.equal(world.notices.filter((text) => text.includes("the store takes no write")).length, 1);
        state.away = undefined;
        await clock.sleep(5000);
        assert.equal((await store.route("loans"))?.contained, "else");
        const told = (await world.entries()).filter(({ type }) => type === "contained").map(({ data }) => data.to);
        assert.deepEqual(told, ["safe", "else"]);
        assert.equal(control.unrecorded(), undefined);
        await control.contain("stable", "on-call", "over");
        assert.equal((await store.route("loans"))?.contained, undefined);
      });
    });
  }

  it("is not written to twice when the answer to the first write was lost", async () => {
    let lost = 0;
    const world = createControlWorld({
      playbook: { how: { ...playbook.how, safe: "people://on-call" } },
      fallbacks: { else: false, safe: true },
      ports: ({ store }) => ({
        store: {
          ...store,
          commit: async (...given) => {
            const written = await store.commit(...given);
            if (given[0].some((change) => change.kind === "entry" && change.entry.type === "contained") && lost++ === 0)
              throw new Error("connection reset");
            return written;
          },
        },
      }),
    });
    await world.live(async () => {
      await world.control.adopt(stable);
      await assert.rejects(world.control.contain("safe", "on-call", "harm"), { code: "NOT_RECORDED" });
      await world.clock.sleep(5000);
      assert.equal((await world.entries()).filter(({ type }) => type === "contained").length, 1);
      assert.equal(world.control.unrecorded(), undefined);
    });
  });

  it("tells people of what was never recorded, because another controller acts by now", async () => {
    const { state, ports } = failing();
    const how = { ...playbook.how, safe: "people://on-call" };
    const fallbacks = { else: false, safe: true };
    const world = createControlWorld({ ports, fallbacks, playbook: { components: twoPlaces, how } });
    const lost = () => world.notices.filter((text) => /never recorded: Another controller acts by now/.test(text));
    await world.live(async () => {
      await world.ended((await world.release()).id);
      for (const order of [
        () => world.control.contain("safe", "on-call", "harm"),
        () => world.control.takeBack("on-call", "customers complain"),
      ]) {
        world.notices.length = 0;
        state.away = "full";
        await assert.rejects(order, { code: "NOT_RECORDED" });
        state.away = "taken over";
        await world.clock.sleep(10_000);
        assert.equal(lost().length, 1);
        assert.equal(world.control.unrecorded(), undefined);
      }
    });
  });

  it("is told no more once the process ends, or another one acts", async () => {
    const { state, ports } = failing();
    const world = createControlWorld({
      ports,
      fallbacks: { else: false, safe: true },
      playbook: { how: { ...playbook.how, safe: "people://on-call" } },
    });
    await world.live(async () => {
      await world.control.adopt(stable);
      state.away = "full";
      await assert.rejects(world.control.contain("safe", "on-call", "harm"), { code: "NOT_RECORDED" });
      world.control.close();
      await world.clock.sleep(5000);
      state.away = undefined;
      await world.clock.sleep(10_000);
      assert.equal((await world.entries()).filter(({ type }) => type === "contained").length, 0);
      assert.equal(world.control.unrecorded(), undefined);
    });
  });
});
