import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ControlPorts } from "./ports.ts";
import { candidate, createControlWorld, playbook, settings, stable, twoPlaces } from "./world.fixture.ts";

const holdback = { ...playbook.how, holdbackFor: 60_000 };

/** Targets that may lose revisions, be silent, or know of somebody who would undo a rollback. */
function moody() {
  const mood = { lost: new Set<string>(), silent: new Set<string>(), rival: "", store: "" };
  const ports = ({ adapterFor, store }: ControlPorts): Partial<ControlPorts> => ({
    adapterFor: (at) => {
      const adapter = adapterFor(at);
      return {
        ...adapter,
        holds: async (place, digest, signal) => !mood.lost.has(place) && adapter.holds(place, digest, signal),
        read: async (place, signal) =>
          mood.silent.has(place) ? { kind: "unreachable", reason: "401" } : adapter.read(place, signal),
        concerns: async () => (mood.rival ? [{ level: "blocking", text: mood.rival }] : []),
      };
    },
    store: {
      ...store,
      acquireLease: async (...all) => {
        if (mood.store && all[0].startsWith("way-back")) throw new Error(mood.store);
        return store.acquireLease(...all);
      },
      renewLease: async (...all) => {
        if (mood.store && all[0].resource.startsWith("way-back")) throw new Error(mood.store);
        return store.renewLease(...all);
      },
    },
  });
  return { mood, ports };
}

const wayBacks = async (world: ReturnType<typeof createControlWorld>) =>
  (await world.entries()).filter(({ type }) => type === "way-back");

describe("the plan back", () => {
  it("is recorded before it is needed, and a rollback uses that very plan", async () => {
    const world = createControlWorld({ losses: 0.3 });
    const rollout = await world.live(async () => world.ended((await world.release()).id));
    const entries = await world.entries();
    const recorded = entries.find(({ type, rollout: of }) => type === "way-back" && of === rollout.id);
    const contained = entries.findIndex(({ type }) => type === "contained");
    assert.ok(entries.indexOf(recorded) < contained);
    assert.equal(recorded.data.ready, true);
    const record = await world.store.record(rollout.id);
    assert.equal(record?.sagas.at(-1)?.planDigest, recorded.data.plan);
    assert.deepEqual([recorded.data.from, recorded.data.to], [candidate.id, stable.id]);
  });

  it("stands between releases too: before the first one, and for what was promoted and can be taken back", async () => {
    const world = createControlWorld({ playbook: { components: twoPlaces } });
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(5000);
      const adopted = world.control.wayBack();
      assert.deepEqual([adopted?.ready, adopted?.from.id, adopted?.to.id], [true, stable.id, stable.id]);
      assert.equal(adopted?.price.capacity.percent, 0);
      const { id } = await world.control.release(candidate);
      await world.ended(id);
      await world.clock.sleep(6000);
      const promoted = world.control.wayBack();
      assert.deepEqual([promoted?.ready, promoted?.from.id, promoted?.to.id], [true, candidate.id, stable.id]);
      assert.deepEqual(promoted?.price.capacity, { percent: 100, warm: true });
    });
  });

  it("is priced from past runs, and says so when there is none", async () => {
    const { ports } = moody();
    const slow = (given: ControlPorts) => ({
      ...ports(given),
      adapterFor: (at: string) => ({
        ...given.adapterFor(at),
        apply: async (request: never, signal: AbortSignal) => {
          await given.clock.sleep(at === "sim:model" ? 700 : 300, signal);
          return given.adapterFor(at).apply(request, signal);
        },
      }),
    });
    const world = createControlWorld({ ports: slow as never, losses: 0.3 });
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(1500);
      assert.equal(world.control.wayBack()?.price.restore, undefined);
      const { id } = await world.control.release(candidate);
      await world.until(() => world.kinds().includes("harm"));
      assert.deepEqual(world.control.wayBack()?.price.restore, { median: 1000, p90: 1000, n: 1 }, "of the deployment");
      await world.ended(id);
      await world.clock.sleep(6000);
      assert.deepEqual(world.control.wayBack()?.price.restore, { median: 1000, p90: 1000, n: 2 });
    });
  });

  const reasons = [
    ["an artefact that is gone", (mood: ReturnType<typeof moody>["mood"]) => mood.lost.add("sim:model"), "model"],
    [
      "a credential that does not work any more",
      (mood: ReturnType<typeof moody>["mood"]) => mood.silent.add("sim:schema"),
      "schema",
    ],
    [
      "somebody who would undo it",
      (mood: ReturnType<typeof moody>["mood"]) => (mood.rival = "auto-sync would undo it"),
      "model",
    ],
    ["a store that takes no write", (mood: ReturnType<typeof moody>["mood"]) => (mood.store = "ENOSPC"), "store"],
  ] as const;
  for (const [what, happen, about] of reasons)
    it(`turns red on ${what}, tells people once, holds what goes forward, and is green again after`, async () => {
      const { mood, ports } = moody();
      const world = createControlWorld({ ports, playbook: { how: holdback } });
      await world.live(async () => {
        const { id } = await world.release();
        await world.until(() => world.kinds().includes("exposed"));
        happen(mood);
        await world.clock.sleep(30_000);
        const found = world.control.wayBack();
        assert.equal(found?.ready, false);
        assert.ok(
          found?.faults.some((fault) => fault.about === about),
          JSON.stringify(found?.faults),
        );
        assert.ok(found?.plan, "the plan of before stays");
        const red = world.notices.filter((text) => text.includes("NOT ready"));
        assert.equal(red.length, 1);
        const { step, phase } = (await world.store.rollout(id))!;
        assert.deepEqual([step, phase], [0, "progressing"]);
        assert.ok(world.events.some(({ text }) => text.startsWith("not forward: the way back is not ready")));
        assert.equal((await wayBacks(world)).filter(({ data }) => !data.ready).length, 1);
        Object.assign(mood, { lost: new Set(), silent: new Set(), rival: "", store: "" });
        await world.ended(id).catch(() => undefined);
        assert.equal((await world.store.rollout(id))?.phase, "healthy");
        assert.equal(world.notices.filter((text) => text.includes("ready again")).length, 1);
      });
    });

  it("that stays red is said again after an hour, two, four, and then every day, and shows since when", async () => {
    const { mood, ports } = moody();
    const slow = { tickMs: 60_000, pollMs: 60_000, readinessMs: 60_000 };
    const world = createControlWorld({ ports, settings: slow, requestsPerSecond: 1 });
    const hour = 3_600_000;
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(120_000);
      mood.lost.add("sim:model");
      await world.until(() => world.control.wayBack()?.ready === false);
      const since = world.clock.now();
      const told = () => world.notices.filter((text) => text.includes("NOT ready")).length;
      const counts: number[] = [];
      for (const hours of [0.9, 1.1, 2.9, 3.1, 6.9, 7.1]) {
        await world.clock.sleep(since + hours * hour - world.clock.now());
        counts.push(told());
      }
      assert.deepEqual(counts, [1, 2, 2, 3, 3, 4]);
      assert.match(
        world.notices.at(-1) ?? "",
        /the way back to release 1 is still NOT ready, for 7 h \d min now: model: /,
      );
      assert.equal((await wayBacks(world)).filter(({ data }) => !data.ready).length, 1, "no news for the ledger");
      assert.ok(Math.abs((world.control.wayBack()?.redSince ?? 0) - since) <= 60_000);
      mood.lost.clear();
      await world.until(() => world.control.wayBack()?.ready === true);
      assert.equal(world.control.wayBack()?.redSince, undefined);
    }, 9 * hour);
  });

  it("that is red never keeps harm from going back", async () => {
    const { mood, ports } = moody();
    const world = createControlWorld({ ports, losses: 0.3 });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      mood.rival = "auto-sync would undo it";
      const rollout = await world.ended(id);
      assert.equal(rollout.rollback?.outcome, "verified");
      assert.ok(rollout.rollback!.containedAt! - rollout.rollback!.decidedAt < settings.tickMs);
    });
  });

  it("that is red before the first exposure lets no request through, and a person may still stop it", async () => {
    const { mood, ports } = moody();
    const world = createControlWorld({ ports });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("baseline"));
      mood.rival = "auto-sync would undo it";
      await world.clock.sleep(20_000);
      assert.equal(world.traffic.served(candidate.id).requests, 0);
      await world.control.abort(id, "on-call", "not today");
      const rollout = await world.ended(id);
      assert.equal(rollout.phase, "aborted");
      assert.equal(world.traffic.served(candidate.id).requests, 0);
    });
  });

  it("is no news where a target was silent for a moment", async () => {
    const { mood, ports } = moody();
    const world = createControlWorld({ ports, playbook: { how: holdback } });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      mood.silent.add("sim:schema");
      await world.until(() => world.control.wayBack()?.ready === false);
      mood.silent.clear();
      await world.ended(id);
      assert.deepEqual(
        world.notices.filter((text) => text.includes("the way back")),
        [],
      );
    });
  });

  /** Targets that take whatever comes; `seen` verifies what serves behind them. */
  const blindly = (seen?: "seen") => (given: ControlPorts) => ({
    adapterFor: (at: string) => ({
      ...given.adapterFor(at),
      guarantee: "blind" as const,
      ...(seen && { seen: async () => ({ kind: seen }) }),
    }),
  });

  it("is red, and no release goes out, where an acting playbook would write blindly", async () => {
    const world = createControlWorld({ ports: blindly() });
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(5000);
      const { ready, faults } = world.control.wayBack()!;
      assert.deepEqual([ready, faults.map(({ about }) => about)], [false, ["schema", "model"]]);
      assert.match(faults[1]!.text, /^sim:model is written blindly/);
      await assert.rejects(world.control.release(candidate), {
        code: "RELEASE_REFUSED",
        message: /sim:schema is written blindly.*; sim:model is written blindly/,
      });
      assert.deepEqual(world.target.effects, []);
    });
  });

  it("is warned of that under observe only, and ready where somebody asks what serves", async () => {
    for (const [options, warnings] of [
      [{ ports: blindly(), playbook: { authority: "observe" as const } }, 2],
      [{ ports: blindly("seen") }, 0],
    ] as const) {
      const world = createControlWorld(options);
      await world.live(async () => {
        await world.control.adopt(stable);
        await world.clock.sleep(5000);
        const found = world.control.wayBack()!;
        assert.equal(found.ready, true);
        assert.equal(found.warnings.filter((text) => text.includes("is written blindly")).length, warnings);
      });
    }
  });

  it("lets a release out on blind targets where somebody asks what serves", async () => {
    const world = createControlWorld({ ports: blindly("seen"), losses: 0.3 });
    const rollout = await world.live(async () => world.ended((await world.release()).id));
    assert.equal(rollout.rollback?.outcome, "verified");
  });

  it("names audiences that nothing reaches", async () => {
    const world = createControlWorld({ ports: () => ({ reaches: () => false }) });
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(5000);
      assert.deepEqual(world.control.wayBack()?.faults, [
        { about: "audience", text: "nothing reaches page://dashboard" },
      ]);
    });
  });
});
