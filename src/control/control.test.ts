import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { signalOf } from "./rules.ts";
import { candidate, createControlWorld, playbook, slowly, stable } from "./world.fixture.ts";

const unknown = { code: "NOT_FOUND" };

describe("the use cases", () => {
  it("know nothing of rollouts that there are not", async () => {
    const { control } = createControlWorld();
    await assert.rejects(control.ended("rollout-9"), unknown);
    await assert.rejects(control.report("rollout-9"), unknown);
    await assert.rejects(control.planBack("rollout-9"), unknown);
    assert.deepEqual(await control.rollouts(), []);
  });

  it("say that they are busy from the first moment of a release to its end", async () => {
    const world = createControlWorld({ ports: slowly(300), requestsPerSecond: 3000 });
    await world.live(async () => {
      await world.control.adopt(stable);
      assert.equal(world.control.busy(), false);
      const opening = world.control.release(candidate);
      assert.equal(world.control.busy(), true, "at the gate");
      const { id } = await opening;
      assert.equal(world.control.busy(), true);
      await world.ended(id);
      assert.equal(world.control.busy(), false);
      await assert.rejects(world.control.release(candidate));
      assert.equal(world.control.busy(), false);
    });
  });

  it("plan the way back of a running rollout as the gate did", async () => {
    const world = createControlWorld();
    await world.live(async () => {
      const { id } = await world.release();
      const { back } = await world
        .boot("reader")
        .control.planBack(id)
        .then((plan) => ({ back: plan }));
      assert.deepEqual([back.plan.from, back.plan.to], [candidate.id, stable.id]);
      const [started] = (await world.entries()).filter(({ type }) => type === "rollout-started");
      assert.equal(started.data.planBack, back.digest);
    });
  });

  it("refuse a way back that the playbook no longer allows", async () => {
    const world = createControlWorld();
    await world.control.adopt(stable);
    const { id } = await world.control.release(candidate);
    const strict = createControlWorld({
      playbook: { components: playbook.components.map((one) => ({ ...one, undo: "irreversible" as const })) },
      ports: () => ({ store: world.store }),
    });
    await assert.rejects(strict.control.planBack(id), { code: "RELEASE_REFUSED", message: /irreversible/ });
  });

  it("need the releases that a rollout names", async () => {
    const world = createControlWorld();
    await world.control.adopt(stable);
    const rollout = await world.control.release(candidate);
    const orphan = { ...rollout, id: "rollout-orphan", candidate: "sha256:gone" as const };
    await world.store.commit([{ kind: "rollout", rollout: orphan }]);
    await assert.rejects(world.control.planBack(orphan.id), unknown);
    await assert.rejects(world.control.report(orphan.id), unknown);
  });

  it("report a running rollout as running", async () => {
    const world = createControlWorld();
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("judged"));
      const report = await world.control.report(id);
      assert.equal(report.outcome, "running");
      assert.equal(report.route.candidatePercent, 10);
      assert.ok(report.route.lastCandidateDispatch !== undefined);
    });
  });
});

describe("a rule", () => {
  it("of a signal that the playbook lacks is a broken promise of the parser", () => {
    assert.throws(() => signalOf(playbook, "revenue"), /unknown signal revenue/);
  });
});
