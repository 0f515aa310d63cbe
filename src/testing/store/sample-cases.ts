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
  aSample({ group: "applicant-group=a" }),
  aSample({ group: "applicant-group=b" }),
  aSample({ group: "" }),
];

/** Blocks that have some of the fields that a block may lack. */
const partial: readonly Sample[] = [
  aSample({ sequence: 1 }),
  aSample({ sequence: 2, known: NOON + 1500.25 }),
  aSample({ sequence: 3, known: 0, cells: [] }),
  aSample({
    sequence: 4,
    k: 0,
    group: "applicant-group=a",
    known: NOON,
    cells: [
      [0, 0.25],
      [1, 1 / 3],
      [1728, 9],
    ],
  }),
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

    test("have the fields that they came with and no others", async (store) => {
      await store.commit([{ kind: "samples", rollout: "r1", samples: partial }]);
      assert.deepEqual(await store.samples("r1"), partial);
      assert.deepEqual(
        (await store.samples("r1")).map((sample) => Object.keys(sample).sort()),
        partial.map((sample) => Object.keys(sample).sort()),
      );
    });

    test("of the whole signal come before those of its groups", async (store) => {
      const groups = ["b", "a", undefined].map((group) => aSample(group === undefined ? {} : { group }));
      await store.commit([{ kind: "samples", rollout: "r1", samples: groups }]);
      assert.deepEqual(
        (await store.samples("r1")).map(({ group }) => group),
        [undefined, "a", "b"],
      );
    });

    test("with other values under a key that is known change nothing", async (store) => {
      const first = aSample({ group: "g=a", known: NOON, cells: [[3, 10]] });
      await store.commit([{ kind: "samples", rollout: "r1", samples: [first] }]);
      await store.commit([{ kind: "samples", rollout: "r1", samples: [{ ...first, known: NOON + 1, cells: [] }] }]);
      assert.deepEqual(await store.samples("r1"), [first]);
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
