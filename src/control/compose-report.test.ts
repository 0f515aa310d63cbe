import assert from "node:assert/strict";
import { it } from "node:test";
import type { Signal } from "../core/playbook.ts";
import { composeReport } from "./compose-report.ts";
import type { ControlPorts } from "./ports.ts";
import { candidate, createControlWorld, stable } from "./world.fixture.ts";

/** What a report says of bad answers when this signal is the only one. */
async function badAnswers(signal: Signal, cells: readonly (readonly [number, number])[], threshold?: number) {
  const world = createControlWorld({ losses: 0.2 });
  const id = await world.live(async () => {
    const { id } = await world.release();
    await world.ended(id);
    return id;
  });
  const record = (await world.store.record(id))!;
  const { verdict } = record.rollout;
  const findings = verdict!.findings.map((one) => ({
    ...one,
    signal: signal.name,
    ...(threshold ? { threshold } : {}),
  }));
  const rollout = { ...record.rollout, verdict: { ...verdict!, findings } };
  const block = { node: "n", sequence: 1, bucket: rollout.exposedAt!, signal: signal.name, n: 10, k: 0, cells };
  const samples = [candidate, stable].map(({ id: release }) => ({ ...block, release }));
  const store = { ...world.store, record: async () => ({ ...record, rollout, samples }) };
  const ledger = async () => ({ size: 0, root: "", verified: true, checkpoint: "" });
  const ports = { store } as unknown as ControlPorts;
  const book = { ...world.playbook, signals: [signal] };
  return (await composeReport(ports, book, id, { ledger, lastCandidateDispatch: () => undefined })).badAnswers;
}

const base = { name: "mood", part: "mood", of: "answers", from: "events" } as const;

it("reports of values say where the line between good and bad is", async () => {
  const mood = { ...base, kind: "mean", range: [-1, 1] } as const;
  const low = await badAnswers({ ...mood, better: "up" }, [
    [2, 4],
    [12, 6],
  ]);
  assert.deepEqual([low.served, low.of, low.meaning, low.excess], [4, 10, "answers whose mood is below 0", 0]);
  const high = await badAnswers({ ...mood, better: "down" }, [
    [2, 4],
    [12, 6],
  ]);
  assert.deepEqual([high.served, high.meaning], [6, "answers whose mood is above 0"]);
  const time = { ...base, kind: "time", better: "down" } as const;
  const slow = await badAnswers(
    time,
    [
      [700, 7],
      [1000, 3],
    ],
    2,
  );
  assert.deepEqual([slow.served, slow.meaning], [3, "answers slower than 2 s"]);
  assert.equal((await badAnswers(time, [[700, 7]])).meaning, "answers slower than 1 s");
});
