import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { leafOf } from "../core/leaf.ts";
import type { RolloutRecord } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import { samplesIn } from "../core/sample-pack.ts";
import type { Verdict } from "../core/verdict.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { createEvaluator } from "../watch/evaluator.ts";
import { aLimit, aRule, aSetup, LOSSES, START, streamOf } from "../watch/stream.fixture.ts";
import { judgingSpan } from "./cadence.ts";
import { createCountJournal, packsOf, readJournal } from "./count-journal.ts";
import { sealOf } from "./seal.ts";
import { createControlWorld, playbook } from "./world.fixture.ts";

const END = START + 60_000;
const setup = aSetup({
  rules: [
    aRule(),
    aRule({ name: "late", signal: { ...LOSSES, labels: 2000 } }),
    aRule({ name: "lately", within: 5000, null: { ratio: 1, points: 0.01 } }),
  ],
  hardLimits: [{ limit: aLimit({ limit: 0.9 }), signal: LOSSES }],
  holdback: 600_000,
});

const entry = (data: object) =>
  ({ kind: "entry", entry: { type: "counts", at: 0, system: "loans", actor: "rollbook", data } }) as never;

/** Everything of a verdict that is evidence, bit for bit. */
const bits = ({ logEvidence, findings }: Verdict) =>
  JSON.stringify([
    logEvidence,
    findings.map(({ name, logHarm, logSafe, candidate, reference }) => [name, logHarm, logSafe, candidate, reference]),
  ]);

function batchesOf(seed: number): readonly (readonly Sample[])[] {
  const random = createSeededRandom(seed);
  const traffic = { ticks: 50, perTick: 40, share: 0.3, p1: 0.12, p0: 0.08 };
  const batches = ["node-1", "node-2"].flatMap((node) =>
    streamOf(random, { ...traffic, node }).map((batch, tick) =>
      batch.map((sample) => ({ ...sample, known: START + 100 * tick })),
    ),
  );
  return batches.toSorted((a, b) => a[0]!.known! - b[0]!.known!);
}

describe("counts that were written, packed and read again", () => {
  it("give the evidence that they gave tick by tick, bit for bit, wherever packs end and whatever comes twice", async () => {
    const cuts = fc.array(fc.constantFrom("keep", "pack", "repeat", "restart"), { minLength: 10, maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(fc.integer(), cuts, async (seed, doings) => {
        const store = createMemoryStore();
        const live = createEvaluator(setup);
        const commit = (changes: readonly never[] | Parameters<typeof store.commit>[0]) => store.commit(changes);
        let journal = createCountJournal("r1", await readJournal(store, "r1"), entry);
        for (const [tick, batch] of batchesOf(seed).entries()) {
          live.observe(batch);
          journal.add(batch);
          await commit(journal.rows());
          const doing = doings[tick % doings.length];
          if (doing === "pack") {
            await commit(journal.pack());
            journal.packWritten();
          }
          if (doing === "repeat") await commit([{ kind: "samples", rollout: "r1", samples: batch }]);
          if (doing === "restart") journal = createCountJournal("r1", await readJournal(store, "r1"), entry);
        }
        const before = bits(live.judge(END));

        const resumed = createEvaluator(setup);
        for await (const pack of packsOf(store, "r1")) resumed.observe(samplesIn(pack));
        resumed.observe(await store.unpacked("r1"));
        assert.equal(bits(resumed.judge(END)), before);

        const whole = createEvaluator(setup);
        whole.observe(await store.samples("r1"));
        assert.equal(bits(whole.judge(END)), before);
      }),
      { numRuns: 15 },
    );
  });

  it("are in one pack of a bounded size when they are enough, with its digest in a leaf", async () => {
    const journal = createCountJournal("r1", { digests: [], blocks: 0, rows: [] }, entry);
    const batches = batchesOf(7);
    let packs = 0;
    for (const batch of Array.from({ length: 40 }, () => batches).flat()) {
      journal.add(batch);
      journal.rows();
      if (!journal.isFull()) continue;
      const [change, leaf] = journal.pack();
      assert.ok(change?.kind === "pack" && leaf?.kind === "entry");
      assert.ok(Math.abs(change.pack.body.length - 65_536) < 16_384, `${change.pack.body.length} bytes`);
      assert.ok(leafOf(leaf.entry).includes(change.pack.digest));
      assert.equal(change.pack.number, packs++);
      journal.packWritten();
    }
    assert.ok(packs > 0);
    assert.equal(journal.packed().packs, packs);
    assert.deepEqual(createCountJournal("r1", { digests: [], blocks: 0, rows: [] }, entry).pack(), []);
  });
});

describe("a pack that could not be written", () => {
  for (const [what, taken] of [
    ["was not taken", false],
    ["was taken, and whose answer was lost", true],
  ] as const)
    it(`and ${what}, leaves no gap, and its rollout ends`, async () => {
      let failures = 1;
      const world = createControlWorld({
        losses: 0.2,
        playbook: { fixed: { ...playbook.fixed, for: 300_000 } },
        settings: { proofMs: 1_800_000 },
        ports: ({ store }) => ({
          store: {
            ...store,
            async commit(...asked) {
              const fails = asked[0].some(({ kind }) => kind === "pack") && world.kinds().includes("restored");
              if (!fails || failures === 0) return store.commit(...asked);
              failures -= 1;
              if (taken) await store.commit(...asked);
              throw new Error("a full disk");
            },
          },
        }),
      });
      await world.live(async () => {
        const { id } = await world.release();
        assert.equal((await world.ended(id)).rollback?.outcome, "verified");
        assert.equal(failures, 0);
        const packs = await world.store.packs(id, 0, 99);
        assert.deepEqual(
          packs.map(({ number }) => number),
          packs.map((_, place) => place),
        );
        const sealed = (await world.store.record(id)) as RolloutRecord;
        assert.deepEqual([await world.store.unpacked(id), await sealOf(world.store, sealed)], [[], "whole"]);
      }, 1e8);
    });
});

describe("the time between two judgements", () => {
  const span = (each: number, judgeMs = 25) =>
    judgingSpan({ playbook: { how: { steps: [5, 50], each } }, settings: { judgeMs } } as never);

  it("is the shortest while the release goes out as planned, and for ten minutes at least", () => {
    assert.equal(span(900_000)(START, START + 1_800_000), 25);
    assert.equal(span(60_000)(START, START + 600_000), 25);
    assert.equal(span(60_000)(START, START - 5000), 25);
  });

  it("grows with the age alone, up to a second, so that weeks of a holdback are a bounded number of cohorts", () => {
    const of = span(900_000);
    assert.equal(of(START, START + 3_600_000), 50);
    assert.equal(of(START, START + 14 * 86_400_000), 1000);
    let judgements = 0;
    for (let age = 0; age < 14 * 86_400_000; age += of(START, START + age)) judgements += 1;
    assert.ok(judgements < 1_600_000, `${judgements}`);
    assert.equal(span(900_000, 2000)(START, START + 14 * 86_400_000), 2000);
  });
});
