import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createControlWorld, type WorldOptions } from "./world.fixture.ts";

/** Targets that another Rollbook has written to, with a store of its own, or ours before its folder was lost. */
function seenNewer() {
  const state = { seen: 0, asked: 0 };
  const ports: NonNullable<WorldOptions["ports"]> = ({ adapterFor }) => ({
    adapterFor: (at) => ({
      ...adapterFor(at),
      apply: async (request, signal) => {
        if (request.fence >= state.seen) return adapterFor(at).apply(request, signal);
        state.asked += 1;
        return { kind: "stale", reason: `fence ${state.seen} has written` };
      },
    }),
  });
  return { state, ports };
}

const QUESTION = /newer controller \(fence 500 has written; our fence is \d+\): is another Rollbook acting\?/;

describe("targets that have seen a newer fence than our own store knows", () => {
  it("make a rollback stuck at once: people are told why, and nothing is tried blindly", async () => {
    const { state, ports } = seenNewer();
    const world = createControlWorld({ ports });
    await world.live(async () => {
      const { id } = await world.release();
      await world.until(() => world.kinds().includes("exposed"));
      state.seen = 500;
      await world.control.pullCord(id, "on-call", "it looks wrong");
      const { rollback, note } = await world.ended(id);
      assert.equal(rollback?.outcome, "stuck");
      assert.match(note ?? "", QUESTION);
      assert.equal(world.notices.filter((text) => QUESTION.test(text)).length, 1);
      assert.equal(state.asked, 1, "the model; the schema waits for it");
      assert.equal(world.traffic.current("loans")?.candidatePpm, 0);
    });
  });

  it("make a release fail with the same words", async () => {
    const { state, ports } = seenNewer();
    const world = createControlWorld({ ports });
    await world.live(async () => {
      state.seen = 500;
      const { note, rollback } = await world.ended((await world.release()).id);
      assert.match([note, ...(rollback?.cause ?? [])].join(), QUESTION);
      assert.ok(world.notices.some((text) => QUESTION.test(text)));
    });
  });
});
