import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mintRequestId, type RequestIdentity, readRequestId } from "./request-id.ts";
import { requestKeyOf } from "./request-key.ts";

const key = requestKeyOf(new Uint8Array(32).fill(7));
const identities: fc.Arbitrary<RequestIdentity> = fc.record(
  {
    second: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    variant: fc.constantFrom("stable", "candidate", "fallback"),
    release: fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 12, maxLength: 12 }),
    sequence: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  },
  { noNullPrototype: true },
);

test("an id gives back what it was made of", () => {
  fc.assert(
    fc.property(identities, (identity) => {
      const id = mintRequestId(key, identity);
      assert.match(id, /^[\w-]{40}$/);
      assert.deepEqual(readRequestId(key, id), identity);
    }),
  );
});

test("any change of any character is refused", () => {
  const others = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/= .é";
  fc.assert(
    fc.property(identities, fc.nat(39), fc.constantFrom(...others), (identity, at, other) => {
      const id = mintRequestId(key, identity);
      fc.pre(id[at] !== other);
      assert.equal(readRequestId(key, id.slice(0, at) + other + id.slice(at + 1)), undefined);
    }),
    { numRuns: 1000 },
  );
});

test("junk of any length and another key's ids are refused", () => {
  const other = requestKeyOf(new Uint8Array(32).fill(8));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ minLength: 40, maxLength: 40 })), identities, (junk, identity) => {
      assert.equal(readRequestId(key, junk), undefined);
      assert.equal(readRequestId(key, mintRequestId(other, identity)), undefined);
    }),
  );
  assert.equal(readRequestId(key, "A".repeat(5_000_000)), undefined);
});

test("a key of another length is an error", () => {
  assert.throws(() => requestKeyOf(new Uint8Array(31)), RangeError);
});
