import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { digestOf } from "./digest.ts";
import type { Sample } from "./sample.ts";
import { byKeyOfSamples, packOf, samplesIn, summedUp, withPacked } from "./sample-pack.ts";

const RELEASES = [digestOf("stable"), digestOf("candidate")];

const number = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0));
const blocks: fc.Arbitrary<Sample> = fc
  .record({
    node: fc.constantFrom("gateway-1", 'a "quoted" node', ""),
    sequence: fc.nat(3),
    bucket: fc.constantFrom(1000, 2000, 1_798_675_200_000),
    signal: fc.constantFrom("errors", "losses"),
    release: fc.constantFrom(...RELEASES),
    n: number,
    k: number,
    group: fc.option(fc.constantFrom("applicant-group=a", "")),
    known: fc.option(fc.oneof(fc.constant(5000), number)),
    cells: fc.option(fc.array(fc.tuple(fc.nat(1728), number), { maxLength: 3 })),
  })
  .map(({ group, known, cells, ...rest }) => ({
    ...rest,
    ...(group === null ? {} : { group }),
    ...(known === null ? {} : { known }),
    ...(cells === null ? {} : { cells }),
  }));

describe("a pack", () => {
  it("gives back every block, bit for bit and in its order", () => {
    fc.assert(
      fc.property(fc.array(blocks), (samples) => {
        const pack = packOf(3, samples);
        assert.deepEqual(samplesIn(pack), samples);
        assert.equal(pack.digest, digestOf(pack.body));
        assert.equal(pack.number, 3);
      }),
    );
  });

  it("is a tenth of the blocks that it holds", () => {
    const samples = Array.from({ length: 1000 }, (_, place) => ({
      node: "gateway-019af2c4-7a1e-7000-8000-000000000000",
      sequence: Math.floor(place / 10),
      bucket: 1_798_675_200_000,
      known: 1_798_675_201_000 + Math.floor(place / 10),
      signal: `signal-${place % 5}`,
      release: RELEASES[place % 2]!,
      n: 40,
      k: 3,
    }));
    assert.ok(packOf(0, samples).body.length * 10 < JSON.stringify(samples).length);
  });
});

describe("packed and unpacked blocks together", () => {
  it("are in the order of their keys, wherever the border is, and the first under a key counts", () => {
    fc.assert(
      fc.property(fc.array(blocks, { maxLength: 12 }), fc.nat(12), fc.nat(12), (samples, one, other) => {
        const [first, second] = [Math.min(one, other), Math.max(one, other)];
        const packs = [packOf(0, samples.slice(0, first)), packOf(1, samples.slice(first, second))];
        const all = withPacked(packs, samples.slice(second));
        assert.deepEqual(all, withPacked([packOf(0, samples)], []));
        assert.deepEqual(all, all.toSorted(byKeyOfSamples));
        assert.deepEqual(withPacked(packs, samples), all);
      }),
    );
  });

  it("sum up to one block of each second, signal, release and group; none counts twice", () => {
    const cells = (...pairs: (readonly [number, number])[]) => ({ cells: pairs });
    const one = { node: "a", sequence: 1, bucket: 1000, signal: "errors", release: RELEASES[0]!, n: 3, k: 1, known: 5 };
    const packs = [
      packOf(0, [
        { ...one, ...cells([1, 2], [3, 1]) },
        { ...one, group: "g=a" },
      ]),
      packOf(1, [{ ...one, sequence: 2, n: 4, ...cells([0, 1], [3, 3]) }]),
    ];
    const rest = { ...one, sequence: 3 };
    const sum = { node: "packed", sequence: 0, bucket: 1000, signal: "errors", release: RELEASES[0]! };
    assert.deepEqual(summedUp(packs, [{ ...one, n: 99 }, rest]), [
      rest,
      { ...sum, n: 7, k: 2, ...cells([0, 1], [1, 2], [3, 4]) },
      { ...sum, n: 3, k: 1, group: "g=a" },
    ]);
    assert.deepEqual(summedUp([packOf(0, [one, { ...one, sequence: 2, ...cells([1, 1]) }])], []), [
      { ...sum, n: 6, k: 2, ...cells([1, 1]) },
    ]);
  });

  it("are what they were where nothing is packed", () => {
    const samples = [{ node: "a", sequence: 1, bucket: 1000, signal: "errors", release: RELEASES[0]!, n: 3, k: 1 }];
    assert.equal(withPacked([], samples), samples);
    assert.equal(summedUp([], samples), samples);
  });
});
