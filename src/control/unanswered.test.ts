import assert from "node:assert/strict";
import { it } from "node:test";
import type { UnderWay } from "../core/under-way.ts";
import { createControlWorld } from "./world.fixture.ts";

/** The step that a sound release has reached after half a minute, and what was said of it. */
async function reached(arms: UnderWay) {
  const world = createControlWorld({ ports: () => ({ requests: () => arms }) });
  return world.live(async () => {
    const { id } = await world.release();
    await world.until(() => world.kinds().includes("exposed"));
    await world.clock.sleep(30_000);
    const said = world.events.map(({ text }) => text).filter((text) => /wait for an answer/.test(text));
    return { step: (await world.store.rollout(id))?.step, said };
  });
}

it("a candidate whose requests wait for an answer goes no further, and it is said", async () => {
  const { step, said } = await reached({ candidate: { begun: 100, open: 60 }, stable: { begun: 900, open: 20 } });
  assert.equal(step, 0);
  assert.equal(said[0], "not forward: 60 of 100 requests to it wait for an answer, and 20 of 900 to stable");
});

it("one that is about as slow as stable goes on, and so does one of few requests", async () => {
  const slow = { candidate: { begun: 100, open: 60 }, stable: { begun: 900, open: 300 } };
  const few = { candidate: { begun: 12, open: 9 }, stable: { begun: 900, open: 20 } };
  for (const arms of [slow, few]) {
    const { step, said } = await reached(arms);
    assert.ok((step ?? 0) > 0);
    assert.deepEqual(said, []);
  }
});
