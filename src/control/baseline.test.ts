import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createControlWorld, settings } from "./world.fixture.ts";

/** How long stable was watched alone before a release, in milliseconds, and what was counted; ten outcomes come a second. */
async function watchedFor(baselineCounts?: number) {
  const world = createControlWorld({
    requestsPerSecond: 10,
    settings: baselineCounts === undefined ? {} : { baselineCounts },
  });
  return world.live(async () => {
    const { id } = await world.release();
    await world.until(() => world.kinds().includes("deploying"));
    const at = (kind: string) => world.events.find((event) => event.kind === kind)!.at;
    const losses = (await world.store.rollout(id))?.frozen.find(({ signal }) => signal === "losses")?.n ?? 0;
    const said = world.events.filter(({ kind }) => kind === "baseline").map(({ text }) => text);
    return { ms: at("deploying") - at("baseline"), losses, said };
  });
}

describe("the reference of `fixed`", () => {
  it("is what comes in its time, where nobody asks for more", async () => {
    const { ms, losses, said } = await watchedFor();
    assert.ok(ms <= settings.baselineMs + settings.tickMs && losses < 100, `${losses} in ${ms} ms`);
    assert.equal(said.length, 1);
  });

  it("has as many counts as are asked for, though they take longer to come", async () => {
    const { ms, losses, said } = await watchedFor(150);
    assert.ok(ms > 2 * settings.baselineMs && losses >= 150, `${losses} in ${ms} ms`);
    assert.deepEqual(said.slice(1), ["watching on, until there are 150 outcomes of losses"]);
  });

  it("is not waited for without an end", async () => {
    const { ms, losses } = await watchedFor(100_000);
    assert.ok(Math.abs(ms - 8 * settings.baselineMs) <= settings.tickMs && losses < 1000, `${losses} in ${ms} ms`);
  });
});
