import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { emptyRoot, Frontier, leafHash, nodeHash, splitOf } from "./merkle.ts";
import { provesConsistency, provesInclusion } from "./proof.ts";
import { Tree } from "./tree.ts";

// The vectors of the Certificate Transparency reference implementation, for RFC 6962.
const LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const INCLUSIONS = [
  {
    index: 0,
    size: 8,
    proof: [
      "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
  },
  {
    index: 5,
    size: 8,
    proof: [
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
  },
  { index: 2, size: 3, proof: ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"] },
  {
    index: 1,
    size: 5,
    proof: [
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
  },
];
const CONSISTENCIES = [
  { from: 1, to: 1, proof: [] },
  { from: 1, to: 8, proof: INCLUSIONS[0]?.proof ?? [] },
  {
    from: 6,
    to: 8,
    proof: [
      "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
  },
  {
    from: 2,
    to: 5,
    proof: [
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
  },
];

const hashes = LEAVES.map((leaf) => leafHash(Buffer.from(leaf, "hex")));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function treeOf(leaves: readonly Buffer[]): Tree {
  const tree = new Tree();
  for (const leaf of leaves) tree.append(leaf);
  return tree;
}

/** The definition of RFC 9162 §2.1.1, word for word. */
function definedRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return emptyRoot();
  if (leaves.length === 1) return leaves[0] as Buffer;
  const split = splitOf(leaves.length);
  return nodeHash(definedRoot(leaves.slice(0, split)), definedRoot(leaves.slice(split)));
}

const numbered = (count: number) => Array.from({ length: count }, (_, place) => leafHash(`leaf ${place}`));

describe("RFC 6962 vectors", () => {
  for (const [size, root] of ROOTS.entries())
    it(`have the known root of ${size} leaves`, () => {
      const frontier = new Frontier();
      for (const hash of hashes.slice(0, size)) frontier.append(hash);
      assert.equal(hex(frontier.root()), root);
      assert.equal(hex(treeOf(hashes).root(size)), root);
    });

  for (const { index, size, proof } of INCLUSIONS)
    it(`have the known proof of leaf ${index} in ${size}`, () => {
      assert.deepEqual(treeOf(hashes).inclusion(index, size).map(hex), proof);
    });

  for (const { from, to, proof } of CONSISTENCIES)
    it(`have the known proof that ${to} leaves begin with ${from}`, () => {
      assert.deepEqual(treeOf(hashes).consistency(from, to).map(hex), proof);
    });
});

describe("a tree", () => {
  it("has the defined root at every size that it went through", () => {
    const leaves = numbered(70);
    const tree = treeOf(leaves);
    const frontier = new Frontier();
    for (let size = 0; size <= leaves.length; size += 1) {
      const root = hex(definedRoot(leaves.slice(0, size)));
      assert.equal(hex(tree.root(size)), root);
      assert.equal(hex(frontier.root()), root);
      if (size < leaves.length) frontier.append(leaves[size] as Buffer);
    }
  });

  it("refuses what lies outside", () => {
    const tree = treeOf(numbered(3));
    for (const call of [
      () => tree.root(4),
      () => tree.leaf(3),
      () => tree.leaf(-1),
      () => tree.leaf(0.5),
      () => tree.inclusion(3, 3),
      () => tree.inclusion(0, 4),
      () => tree.consistency(0, 3),
      () => tree.consistency(3, 2),
      () => new Tree().inclusion(0),
    ])
      assert.throws(call, RangeError);
  });
});

describe("honest proofs", () => {
  const tree = treeOf(numbered(33));

  it("of every leaf verify at every size", () => {
    for (let size = 1; size <= tree.size; size += 1)
      for (let index = 0; index < size; index += 1)
        assert.ok(
          provesInclusion({
            index,
            size,
            leaf: tree.leaf(index),
            root: tree.root(size),
            proof: tree.inclusion(index, size),
          }),
        );
  });

  it("of every prefix verify at every size", () => {
    for (let to = 1; to <= tree.size; to += 1)
      for (let from = 1; from <= to; from += 1)
        assert.ok(
          provesConsistency({
            from,
            to,
            fromRoot: tree.root(from),
            toRoot: tree.root(to),
            proof: tree.consistency(from, to),
          }),
        );
  });
});

/** Ways to spoil a list of hashes that leave it a list of hashes. */
function spoiled(proof: readonly Buffer[], extra: Buffer): readonly (readonly Buffer[])[] {
  return [
    [...proof, extra],
    [extra, ...proof],
    proof.slice(1),
    proof.slice(0, -1),
    proof.toReversed(),
    proof.map((hash) => hash.subarray(1)),
    [...proof, Buffer.alloc(0)],
    [],
  ].filter((one) => Buffer.compare(Buffer.concat(one), Buffer.concat(proof)) !== 0 || one.length !== proof.length);
}

function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return copy;
}

describe("false proofs", () => {
  const sizes = fc
    .integer({ min: 1, max: 40 })
    .chain((to) => fc.tuple(fc.integer({ min: 1, max: to }), fc.constant(to)));
  const bit = fc.nat(255);

  it("of inclusion are refused, whatever single thing is wrong", () => {
    fc.assert(
      fc.property(sizes, bit, fc.nat(), ([place, size], at, which) => {
        const index = place - 1;
        const tree = treeOf(numbered(size));
        const honest = { index, size, leaf: tree.leaf(index), root: tree.root(), proof: tree.inclusion(index) };
        assert.ok(!provesInclusion({ ...honest, leaf: flipped(honest.leaf, at) }));
        assert.ok(!provesInclusion({ ...honest, root: flipped(honest.root, at) }));
        const mutated = honest.proof.map((hash, step) =>
          step === which % honest.proof.length ? flipped(hash, at) : hash,
        );
        if (mutated.length > 0) assert.ok(!provesInclusion({ ...honest, proof: mutated }));
        for (const proof of spoiled(honest.proof, honest.root)) assert.ok(!provesInclusion({ ...honest, proof }));
        for (const other of [index + 1, size, -1, 0.5, Number.NaN, 2 ** 53])
          assert.ok(!provesInclusion({ ...honest, index: other }));
        for (const other of [0, index, -1, size * 4, 2 ** 53]) assert.ok(!provesInclusion({ ...honest, size: other }));
      }),
      { numRuns: 60 },
    );
  });

  it("of consistency are refused, whatever single thing is wrong", () => {
    fc.assert(
      fc.property(sizes, bit, fc.nat(), ([from, to], at, which) => {
        const tree = treeOf(numbered(to));
        const honest = { from, to, fromRoot: tree.root(from), toRoot: tree.root(), proof: tree.consistency(from) };
        assert.ok(!provesConsistency({ ...honest, fromRoot: flipped(honest.fromRoot, at) }));
        assert.ok(!provesConsistency({ ...honest, toRoot: flipped(honest.toRoot, at) }));
        const mutated = honest.proof.map((hash, step) =>
          step === which % honest.proof.length ? flipped(hash, at) : hash,
        );
        if (mutated.length > 0) assert.ok(!provesConsistency({ ...honest, proof: mutated }));
        for (const proof of spoiled(honest.proof, honest.toRoot)) assert.ok(!provesConsistency({ ...honest, proof }));
        for (const other of [0, to + 1, -1, 0.5]) assert.ok(!provesConsistency({ ...honest, from: other }));
        if (from !== to) assert.ok(!provesConsistency({ ...honest, fromRoot: honest.toRoot, toRoot: honest.fromRoot }));
      }),
      { numRuns: 60 },
    );
  });

  it("from size 0 are refused even when both sizes are 0", () => {
    const root = emptyRoot();
    assert.ok(!provesConsistency({ from: 0, to: 0, fromRoot: root, toRoot: root, proof: [] }));
    assert.ok(!provesConsistency({ from: 0, to: 1, fromRoot: root, toRoot: leafHash("x"), proof: [] }));
  });
});
