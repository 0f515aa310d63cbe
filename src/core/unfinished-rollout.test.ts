import assert from "node:assert/strict";
import { it } from "node:test";
import type { Rollout } from "./rollout.ts";
import { unfinishedRollout } from "./unfinished-rollout.ts";

it("the open rollout of a system is looked for among its newest, however many there were", async () => {
  const all = Array.from({ length: 9000 }, (_, age) => ({ id: `${age}`, ...(age === 1 ? {} : { endedAt: 1 }) }));
  let read = 0;
  const rollouts = async (system?: string, limit = 9000) => {
    assert.equal(system, "loans");
    read += limit;
    return all.slice(0, limit) as readonly unknown[] as readonly Rollout[];
  };
  assert.equal((await unfinishedRollout({ rollouts }, "loans"))?.id, "1");
  assert.ok(read <= 50);
});
