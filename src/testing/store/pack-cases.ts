import assert from "node:assert/strict";
import { describe } from "node:test";
import type { Sample } from "../../core/sample.ts";
import { packOf, summedUp } from "../../core/sample-pack.ts";
import { aRollout, aSample, NOON, recording } from "./fixtures.ts";
import type { Cases } from "./suite.ts";

const blocks: readonly Sample[] = [
  aSample({ sequence: 1, known: NOON + 1500.25 }),
  aSample({ sequence: 1, known: NOON + 1500.25, group: "applicant-group=a" }),
  aSample({ sequence: 2, k: 0, cells: [[3, 0.25]] }),
  aSample({ sequence: 3, bucket: NOON - 1000 }),
  aSample({ sequence: 1, node: "node-2" }),
];

export function packCases({ test }: Cases): void {
  describe("a pack", () => {
    test("takes the place of the samples that it holds, and they read as before", async (store) => {
      for (const rollout of ["r1", "r2"]) await store.commit([{ kind: "samples", rollout, samples: blocks }]);
      const before = await store.samples("r1");
      const pack = packOf(0, blocks.slice(0, 3));
      assert.deepEqual(await store.commit([{ kind: "pack", rollout: "r1", pack }]), { kind: "committed" });
      assert.deepEqual(await store.samples("r1"), before);
      assert.deepEqual(await store.samples("r2"), before);
      assert.deepEqual(await store.unpacked("r2"), before);
      assert.deepEqual(
        await store.unpacked("r1"),
        before.filter(({ node, sequence }) => node === "node-2" || sequence === 3),
      );
      await store.commit([{ kind: "pack", rollout: "r1", pack: packOf(1, blocks.slice(3)) }]);
      assert.deepEqual(await store.samples("r1"), before);
      assert.deepEqual(await store.unpacked("r1"), []);
      assert.deepEqual(await store.packs("r2", 0, 9), []);
    });

    test("may hold what was never written as samples, or is written in the same commit", async (store) => {
      await store.commit([{ kind: "samples", rollout: "r1", samples: blocks }]);
      await store.commit([
        { kind: "pack", rollout: "r2", pack: packOf(0, blocks.slice(0, 2)) },
        { kind: "samples", rollout: "r2", samples: blocks.slice(1) },
        { kind: "pack", rollout: "r2", pack: packOf(1, blocks.slice(2)) },
      ]);
      assert.deepEqual(await store.samples("r2"), await store.samples("r1"));
    });

    test("is summed up in the record of its rollout", async (store) => {
      const packs = [packOf(0, blocks.slice(0, 2)), packOf(1, blocks.slice(2, 4))];
      await store.commit([
        { kind: "rollout", rollout: aRollout("r1") },
        { kind: "samples", rollout: "r1", samples: blocks },
      ]);
      for (const pack of packs) await store.commit([{ kind: "pack", rollout: "r1", pack }]);
      assert.deepEqual((await store.record("r1"))?.samples, summedUp(packs, blocks.slice(4)));
    });

    test("keeps its samples known: a repeated one changes nothing", async (store) => {
      await store.commit([{ kind: "pack", rollout: "r1", pack: packOf(0, blocks) }]);
      const before = await store.samples("r1");
      await store.commit([{ kind: "samples", rollout: "r1", samples: blocks.map((block) => ({ ...block, n: 99 })) }]);
      assert.deepEqual(await store.samples("r1"), before);
    });

    test("is read as it came, in the order of the numbers, from any of them on", async (store) => {
      const packs = blocks.map((block, number) => packOf(number, [block]));
      for (const pack of packs) await store.commit([{ kind: "pack", rollout: "r1", pack }]);
      assert.deepEqual(await store.packs("r1", 0, 99), packs);
      assert.deepEqual(await store.packs("r1", 2, 2), packs.slice(2, 4));
      assert.deepEqual(await store.packs("r1", 5, 1), []);
    });

    test("is the next one of its rollout: after a gap its commit fails, and writes nothing", async (store) => {
      const pack = packOf(1, blocks);
      await assert.rejects(store.commit([recording("lost"), { kind: "pack", rollout: "r1", pack }]));
      await store.commit([{ kind: "pack", rollout: "r1", pack: packOf(0, blocks.slice(0, 1)) }]);
      const later = [2, 1].map((number) => ({ kind: "pack", rollout: "r1", pack: packOf(number, blocks) }) as const);
      await assert.rejects(store.commit([recording("lost"), ...later]));
      assert.deepEqual(await store.packs("r1", 0, 9), [packOf(0, blocks.slice(0, 1))]);
      assert.equal(await store.entryCount(), 0);
    });

    test("never changes: another one under its number fails its commit, which writes nothing", async (store) => {
      await store.commit([{ kind: "pack", rollout: "r1", pack: packOf(0, blocks.slice(0, 1)) }]);
      await assert.rejects(store.commit([recording("lost"), { kind: "pack", rollout: "r1", pack: packOf(0, blocks) }]));
      assert.deepEqual(await store.packs("r1", 0, 9), [packOf(0, blocks.slice(0, 1))]);
      assert.equal(await store.entryCount(), 0);
    });
  });
}
