import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Digest, digestOfJson } from "../core/digest.ts";
import type { RestoreAdapter, Staged } from "../core/ports.ts";
import type { Lease } from "../core/rollout.ts";
import type { Instant } from "../core/time.ts";
import type { ControlPorts } from "./ports.ts";
import type { Seat } from "./seat.ts";
import { candidate, createControlWorld, playbook, START, settings, stable, twoPlaces } from "./world.fixture.ts";

const held = { ...playbook.how, holdbackFor: 60_000 };

/** Targets that can stage, and what is staged at each. */
function stagingTargets(answer: (at: string) => Staged | Promise<Staged> = () => ({ kind: "staged" })) {
  const staged = new Map<string, Digest>([["sim:model", "left by the process before" as Digest]]);
  const gone: string[] = [];
  const calls: Instant[] = [];
  const ports = ({ adapterFor, clock }: ControlPorts): Partial<ControlPorts> => ({
    adapterFor: (at): RestoreAdapter => ({
      ...adapterFor(at),
      async stage(place, digest) {
        calls.push(clock.now());
        const said = await answer(place);
        if (said.kind === "staged") staged.set(place, digest);
        return said;
      },
      async unstage(place) {
        calls.push(clock.now());
        gone.push(place);
        staged.delete(place);
      },
    }),
  });
  return { staged, letGo: gone, calls, ports };
}

const digestIn = (release: typeof stable, name: string) => release.revisions[name]!.digest;

describe("what a rollback would bring back", () => {
  it("is staged while the release is out, and let go when it is over; what was left before is swept first", async () => {
    const { staged, letGo, ports } = stagingTargets();
    const world = createControlWorld({ ports, playbook: { how: held } });
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(6000);
      assert.deepEqual([...staged.keys()], []);
      assert.deepEqual(letGo.toSorted(), ["sim:model", "sim:schema"], "once a process, not at every look");
      const { id } = await world.control.release(candidate);
      await world.until(() => world.kinds().includes("exposed"));
      assert.deepEqual(Object.fromEntries(staged), {
        "sim:model": digestIn(stable, "model"),
        "sim:schema": digestIn(stable, "schema"),
      });
      assert.deepEqual(world.control.wayBack()?.staged, ["schema", "model"]);
      await world.ended(id);
      await world.clock.sleep(6000);
      assert.deepEqual([...staged.keys()], []);
      assert.equal(world.control.wayBack()?.staged, undefined);
    });
  });

  it("is staged in the place of the candidate, of two", async () => {
    const { staged, ports } = stagingTargets();
    const world = createControlWorld({ ports, playbook: { how: held, components: twoPlaces } });
    await world.live(async () => {
      await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      assert.deepEqual([...staged.keys()].sort(), ["sim:model-beside", "sim:schema-beside"]);
    });
  });

  it("turns the way back red where it cannot be, and harm goes back all the same", async () => {
    let broken = false;
    const answer = (): Staged => (broken ? { kind: "failed", reason: "no space left" } : { kind: "staged" });
    const { ports } = stagingTargets(answer);
    const world = createControlWorld({
      ports,
      losses: [
        { from: 0, rate: 0.05 },
        { from: START + 22_000, rate: 0.3 },
      ],
      playbook: { how: held },
    });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      broken = true;
      await world.clock.sleep(5000);
      const { ready, faults } = world.control.wayBack()!;
      assert.equal(ready, false);
      assert.match(
        faults.find(({ about }) => about === "model")?.text ?? "",
        /cannot be staged at sim:model: no space/,
      );
      const ended = await world.ended(id);
      assert.equal(ended.rollback?.outcome, "verified");
    });
  });

  it("is a warning while it takes long, and neither the release nor a rollback waits for it longer than stated", async () => {
    const { ports } = stagingTargets(() => new Promise(() => undefined));
    const world = createControlWorld({ ports, losses: 0.3 });
    await world.live(async () => {
      const ended = await world.ended((await world.release()).id);
      assert.equal(ended.rollback?.outcome, "verified");
      const kinds = world.events.map(({ kind, at }) => ({ kind, at }));
      const at = (wanted: string) => kinds.find(({ kind }) => kind === wanted)!.at;
      assert.equal(at("contained"), at("harm"));
      assert.ok(at("restored") - at("contained") < 5000, `${at("restored") - at("contained")} ms`);
      assert.match(world.control.wayBack()?.warnings.join() ?? "", /is not staged at sim:\w+ yet: no answer within|^$/);
    });
  });

  it("is left alone from the decision to go back until that is over: its copies would be in the way", async () => {
    const { calls, staged, ports } = stagingTargets();
    const world = createControlWorld({ ports, losses: 0.3, playbook: { fixed: { ...playbook.fixed, for: 15_000 } } });
    await world.live(async () => {
      const { endedAt, rollback } = await world.ended((await world.release()).id);
      assert.equal(rollback?.outcome, "verified");
      assert.ok(endedAt! - rollback.decidedAt > 3 * settings.readinessMs, "several looks");
      assert.deepEqual(
        calls.filter((at) => at > rollback.decidedAt && at < endedAt!),
        [],
      );
      await world.clock.sleep(2 * settings.readinessMs);
      assert.deepEqual([...staged.keys()], [], "let go after it");
    });
  });

  for (const where of ["before it stages", "while it stages"] as const)
    it(`is left alone then also by a look that began before, and was cut short ${where}`, async () => {
      const { calls, ports } = stagingTargets();
      const ended: Instant[] = [];
      let [begun, underWay] = [false, false];
      const slowly = (given: ControlPorts): Partial<ControlPorts> => {
        const { clock, store } = given;
        const { adapterFor } = ports(given);
        const waits = (which: typeof where) => begun && which === where;
        return {
          store: {
            ...store,
            release: async (id) => {
              // The rollout is read by then.
              const last = id === candidate.id && waits("before it stages");
              underWay ||= last;
              if (last) await clock.sleep(3000);
              return store.release(id);
            },
          },
          adapterFor: (at) => ({
            ...adapterFor!(at),
            stage: (place, digest, signal) => {
              if (!waits("while it stages")) return adapterFor!(at).stage!(place, digest, signal);
              underWay = true;
              signal.addEventListener("abort", () => void ended.push(clock.now()));
              return new Promise(() => undefined);
            },
          }),
        };
      };
      const fixed = { ...playbook.fixed, for: 15_000 };
      const world = createControlWorld({ ports: slowly, playbook: { how: held, fixed } });
      await world.live(async () => {
        const { id } = await world.release();
        await world.until(() => world.kinds().includes("exposed"));
        begun = true;
        await world.until(() => underWay);
        await world.control.pullCord(id, "ada", "now");
        const { endedAt, rollback } = await world.ended(id);
        assert.equal(rollback?.outcome, "verified");
        const between = (at: Instant) => at > rollback.decidedAt && at < endedAt!;
        assert.deepEqual(calls.filter(between), []);
        assert.deepEqual(ended, where === "while it stages" ? [rollback.decidedAt, rollback.decidedAt] : []);
      });
    });

  it("is let go by whoever sits there next, also what another process staged meanwhile", async () => {
    const { staged, ports } = stagingTargets();
    let fence = 1;
    const lease = (): Lease => ({ resource: "system:loans", holder: "first", fence, until: Number.POSITIVE_INFINITY });
    const seat: Seat = { lease, elsewhere: () => false, follow: () => () => undefined };
    const world = createControlWorld({ ports: (given) => ({ ...ports(given), seat }) });
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(6000);
      assert.deepEqual([...staged.keys()], []);
      staged.set("sim:model", digestIn(stable, "model"));
      await world.clock.sleep(6000);
      assert.equal(staged.size, 1, "once while it sits there");
      fence = 3;
      await world.clock.sleep(6000);
      assert.deepEqual([...staged.keys()], []);
    });
  });

  it("is asked for anew when a look from before the rollout ends: that one is of no rollout", async () => {
    const failing = stagingTargets(() => ({ kind: "failed", reason: "no space left" }));
    const slowly = (given: ControlPorts): Partial<ControlPorts> => ({
      adapterFor: (at) => ({
        ...failing.ports(given).adapterFor!(at),
        unstage: (_, signal) => given.clock.sleep(14_000, signal),
      }),
    });
    const world = createControlWorld({ ports: slowly });
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(6000);
      await world.release();
      await world.clock.sleep(30_000);
      assert.equal(world.traffic.served(candidate.id).requests, 0);
      assert.ok(world.events.some(({ text }) => /not forward: .* cannot be staged/.test(text)));
    });
  });

  it("is not touched by who observes", async () => {
    const { staged, letGo, ports } = stagingTargets();
    const world = createControlWorld({ ports, playbook: { authority: "observe" } });
    await world.live(async () => {
      await world.control.adopt(stable);
      await world.clock.sleep(6000);
      assert.deepEqual([staged.size, letGo.length], [1, 0]);
    });
  });

  it("is written down with its whole plan before it is needed", async () => {
    const { ports } = stagingTargets();
    const world = createControlWorld({ ports, losses: 0.3 });
    const rollout = await world.live(async () => world.ended((await world.release()).id));
    const entries = await world.entries();
    const before = entries.findIndex(({ type }) => type === "contained");
    const found = entries
      .slice(0, before)
      .findLast(({ type, rollout: of }) => type === "way-back" && of === rollout.id);
    const { written, plan, staged } = found!.data as { written: never; plan: string; staged: readonly string[] };
    assert.equal(digestOfJson(written), plan);
    assert.deepEqual(staged, ["schema", "model"]);
    const record = await world.store.record(rollout.id);
    assert.equal(record?.sagas.at(-1)?.planDigest, plan);
  });
});
