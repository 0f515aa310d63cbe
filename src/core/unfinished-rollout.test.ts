import assert from "node:assert/strict";
import { it } from "node:test";
import type { Rollout } from "./rollout.ts";
import { unfinishedRollout } from "./unfinished-rollout.ts";

it("the open rollout of a system is the newest of those that are, wherever it stands among all", async () => {
  const open: Readonly<Record<string, readonly string[]>> = { loans: ["4", "1"], cards: [] };
  const openRollouts = async (system = "") => open[system]!.map((id) => ({ id }) as Rollout);
  assert.equal((await unfinishedRollout({ openRollouts }, "loans"))?.id, "4");
  assert.equal(await unfinishedRollout({ openRollouts }, "cards"), undefined);
});
