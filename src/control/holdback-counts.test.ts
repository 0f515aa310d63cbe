import assert from "node:assert/strict";
import { it } from "node:test";
import { readJournal } from "./count-journal.ts";
import { recompute } from "./recompute.ts";
import { createControlWorld, playbook, START } from "./world.fixture.ts";

const MINUTE = 60_000;

it("the counts of a long holdback stay few rows; a killed controller's evidence goes on, and the way back is recomputed", async () => {
  const world = createControlWorld({
    playbook: { how: { ...playbook.how, holdbackFor: 60 * MINUTE } },
    requestsPerSecond: 200,
    settings: { patienceMs: 10 * MINUTE },
    losses: [
      { from: 0, rate: 0.05 },
      { from: START + 12 * MINUTE, rate: 0.3 },
    ],
  });
  const { store, clock, events } = world;
  const seen = () => events.findLast(({ verdict }) => verdict)!.verdict!.findings[0]!.candidate.n;
  const rows: number[] = [];
  let packed = 0;
  const rollout = await world.live(async () => {
    const { id } = await world.release();
    for (let minute = 0; minute < 11; minute++) {
      await clock.sleep(MINUTE);
      rows.push((await store.unpacked(id)).length);
    }
    packed = (await readJournal(store, id)).blocks;
    assert.ok((await store.rollout(id))?.promotedAt);
    const before = seen();
    world.kill();
    const { control } = world.boot("second");
    await control.resume();
    await clock.sleep(5000);
    assert.ok(seen() >= before, `${seen()} of the candidate's outcomes are known, and ${before} were`);
    return control.ended(id);
  });
  assert.deepEqual(rollout.rollback?.cause, ["harm", "rising"]);
  assert.ok(rollout.rollback!.decidedAt > START + 12 * MINUTE);
  assert.ok(packed > 4000, `${packed} blocks are packed`);
  assert.ok(Math.max(...rows) < 6600, `${Math.max(...rows)} rows are not packed`);
  assert.equal((await recompute(store, rollout.id))?.answer, "same");
  assert.deepEqual(await store.unpacked(rollout.id), [], "what is over is packed");
});
