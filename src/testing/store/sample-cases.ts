import assert from "node:assert/strict";
import { describe } from "node:test";
import { digestOf } from "../../core/digest.ts";
import type { Sample } from "../../core/sample.ts";
import { aSample, NOON } from "./fixtures.ts";
import type { Cases } from "./suite.ts";

/** Blocks that differ from the first in one field of the key each. */
const distinct: readonly Sample[] = [
  aSample(),
  aSample({ node: "node-2" }),
  aSample({ sequence: 2 }),
  aSample({ bucket: NOON + 1000 }),
  aSample({ signal: "errors" }),
  aSample({ release: digestOf("stable") }),
];

export function sampleCases({ test }: Cases): void {
  describe("samples", () => {
    test("that differ in any field of their key are all kept", async (store) => {
      await store.commit([{ kind: "samples", rollout: "r1", samples: distinct }]);
      const found = await store.samples("r1");
      assert.equal(found.length, distinct.length);
      for (const sample of distinct) assert.ok(found.some((other) => isSame(sample, other)));
    });

    test("that are known already are ignored, in one commit and over several", async (store) => {
      await store.commit([{ kind: "samples", rollout: "r1", samples: [...distinct, ...distinct] }]);
      await store.commit([{ kind: "samples", rollout: "r1", samples: distinct }]);
      assert.equal((await store.samples("r1")).length, distinct.length);
    });

    test("never change: the first block under a key stays", async (store) => {
      await store.commit([{ kind: "samples", rollout: "r1", samples: [aSample({ k: 6 })] }]);
      await store.commit([{ kind: "samples", rollout: "r1", samples: [aSample({ k: 9 })] }]);
      assert.deepEqual(await store.samples("r1"), [aSample({ k: 6 })]);
    });

    test("read the same whatever the order of arrival", async (store) => {
      await store.commit([{ kind: "samples", rollout: "r1", samples: distinct }]);
      for (const sample of distinct.toReversed())
        await store.commit([{ kind: "samples", rollout: "r2", samples: [sample] }]);
      assert.deepEqual(await store.samples("r2"), await store.samples("r1"));
    });

    test("come by bucket, so that a reader can go through time once", async (store) => {
      const buckets = [3000, 1000, 2000];
      const samples = buckets.map((bucket, sequence) => aSample({ bucket, sequence }));
      await store.commit([{ kind: "samples", rollout: "r1", samples }]);
      assert.deepEqual(
        (await store.samples("r1")).map((sample) => sample.bucket),
        [1000, 2000, 3000],
      );
    });

    test("of one rollout are not those of another", async (store) => {
      await store.commit([{ kind: "samples", rollout: "r1", samples: [aSample()] }]);
      assert.deepEqual(await store.samples("r2"), []);
      await store.commit([{ kind: "samples", rollout: "r2", samples: [aSample()] }]);
      assert.equal((await store.samples("r2")).length, 1);
    });

    test("come in their thousands", async (store) => {
      const samples = Array.from({ length: 5000 }, (_, sequence) => aSample({ sequence }));
      await store.commit([{ kind: "samples", rollout: "r1", samples }]);
      assert.deepEqual(await store.samples("r1"), samples);
    });
  });
}

function isSame(a: Sample, b: Sample): boolean {
  return (Object.keys(a) as (keyof Sample)[]).every((field) => a[field] === b[field]);
}
