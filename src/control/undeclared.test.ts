import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Undo } from "../core/playbook.ts";
import type { ControlPorts } from "./ports.ts";
import { candidate, createControlWorld, playbook, stable } from "./world.fixture.ts";

const silent = playbook.components.map(({ undo: _, ...component }) => component);

/** Targets that declare this of every change. */
const declaring = (undo: Undo | undefined) => ({
  playbook: { components: silent },
  ports: ({ adapterFor }: ControlPorts): Partial<ControlPorts> => ({
    adapterFor: (at) => ({ ...adapterFor(at), undo: () => undo }),
  }),
});

describe("a playbook that does not say whether a change can be undone", () => {
  it("takes what its targets declare into every plan", async () => {
    for (const undo of ["compensatable", "retriable", "pivot"] as const) {
      const world = createControlWorld(declaring(undo));
      const { out, back } = await world.clock.run(
        world.control.adopt(stable).then(() => world.control.plan(candidate)),
      );
      for (const { steps } of [out.plan, back.plan])
        assert.deepEqual(
          steps.map((step) => step.undo),
          [undo, undo],
        );
    }
  });

  it("lets no release out where they declare nothing, is red, and goes back all the same from what was out before", async () => {
    const world = createControlWorld({ losses: 0.3, ports: declaring(undefined).ports });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      world.kill();
      const second = world.boot("second", undefined, { components: silent });
      await second.control.resume();
      const ended = await second.control.ended(id);
      assert.equal(ended.rollback?.outcome, "verified");
      await world.clock.sleep(10_000);
      const { ready, faults } = second.control.wayBack()!;
      assert.equal(ready, false);
      assert.match(
        faults.find(({ about }) => about === "model")?.text ?? "",
        /whether a change of model at sim:model can/,
      );
      await assert.rejects(second.control.plan(candidate), { code: "RELEASE_REFUSED" });
    });
    const fresh = createControlWorld(declaring(undefined));
    await assert.rejects(
      fresh.clock.run(fresh.control.adopt(stable).then(() => fresh.control.plan(candidate))),
      (error: { message: string; hint: string }) =>
        /can be undone is not known: the connection \w+ cannot tell/.test(error.message) &&
        /Write `undo` into the playbook/.test(error.hint),
    );
  });
});
