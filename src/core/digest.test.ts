import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { canonicalJson, digestOf, digestOfJson, isDigest, type Json, shortDigest } from "./digest.ts";

const EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const json = fc.jsonValue({ noUnicodeString: false }) as fc.Arbitrary<Json>;

/** The same value with the fields of every object in another order. */
function reordered(value: Json): Json {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => reordered(item as Json));
  const fields = Object.entries(value as { readonly [key: string]: Json });
  return Object.fromEntries(fields.toReversed().map(([key, field]) => [key, reordered(field)]));
}

describe("a digest", () => {
  it("is the SHA-256 of the bytes", () => {
    assert.equal(digestOf(""), EMPTY);
    assert.equal(digestOf("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });

  it("of a text is that of its UTF-8", () => {
    assert.equal(digestOf("é"), digestOf(Uint8Array.of(0xc3, 0xa9)));
  });

  it("is known by its form", () => {
    assert.ok(isDigest(EMPTY));
    for (const other of [EMPTY.toUpperCase(), EMPTY.slice(7), `${EMPTY}0`, ` ${EMPTY}`, `${EMPTY}\n`, "", 1, null])
      assert.ok(!isDigest(other), String(other));
  });

  it("is short for people", () => {
    assert.equal(shortDigest(EMPTY), "e3b0c44298fc");
    assert.equal(shortDigest("e3b0c44298fc1c149afb"), "e3b0c44298fc");
  });
});

describe("canonical JSON", () => {
  it("sorts keys by code units, has no white space and leaves out undefined fields", () => {
    assert.equal(
      canonicalJson({ b: [1, { d: null, c: "x" }], a: true, gone: undefined }),
      '{"a":true,"b":[1,{"c":"x","d":null}]}',
    );
    assert.equal(canonicalJson({ "\u20ac": 1, "\r": 2, "1": 3 }), '{"\\r":2,"1":3,"\u20ac":1}');
  });

  it("writes numbers as RFC 8785 shows", () => {
    assert.equal(
      canonicalJson([333333333.3333333, 1e30, 4.5, 2e-3, 1e-27, -0]),
      "[333333333.3333333,1e+30,4.5,0.002,1e-27,0]",
    );
  });

  it("does not depend on the order of fields", () => {
    fc.assert(fc.property(json, (value) => canonicalJson(value) === canonicalJson(reordered(value))));
  });

  it("is JSON of the same value", () => {
    fc.assert(
      fc.property(json, (value) => {
        assert.equal(canonicalJson(JSON.parse(canonicalJson(value)) as Json), canonicalJson(value));
      }),
    );
  });

  it("gives equal digests to equal values and others to others", () => {
    assert.equal(digestOfJson({ a: 1, b: 2 }), digestOfJson({ b: 2, a: 1 }));
    assert.notEqual(digestOfJson({ a: 1 }), digestOfJson({ a: "1" }));
    assert.notEqual(digestOfJson([1, 2]), digestOfJson([2, 1]));
    assert.notEqual(digestOfJson(null), digestOfJson({}));
  });
});
