import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { digestOf } from "../../core/digest.ts";
import type { Route } from "../../core/entry.ts";
import { runs } from "../../testing/runs.fixture.ts";
import { assign, bucketOf, effectiveRoute } from "./assignment.ts";
import { murmur3 } from "./murmur3.ts";

const route = (candidatePpm: number, system = "loans"): Route => ({
  system,
  epoch: 1,
  stable: digestOf("stable"),
  candidate: digestOf("candidate"),
  candidatePpm,
});

/** MurmurHash3 x86-32 over bytes, written from the published algorithm, word by word. */
function murmurOfBytes(bytes: Uint8Array): number {
  const rotl = (x: number, r: number): number => (x << r) | (x >>> (32 - r));
  const mix = (k: number): number => Math.imul(rotl(Math.imul(k, 0xcc9e2d51), 15), 0x1b873593);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length - (bytes.length % 4);
  let h = 0;
  for (let i = 0; i < whole; i += 4) h = (Math.imul(rotl(h ^ mix(view.getUint32(i, true)), 13), 5) + 0xe6546b64) | 0;
  let k = 0;
  for (let i = bytes.length - 1; i >= whole; i--) k = (k << 8) | bytes[i]!;
  h ^= mix(k);
  h ^= bytes.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

test("the reference used here gives the published vectors of MurmurHash3", () => {
  const of = (text: string): number => murmurOfBytes(new TextEncoder().encode(text));
  assert.equal(of(""), 0);
  assert.equal(of("hello"), 0x248bfa47);
  assert.equal(of("hello, world"), 0x149bbb7f);
  assert.equal(of("The quick brown fox jumps over the lazy dog"), 0x2e4ff723);
});

test("the hash is that of the UTF-8 bytes, for any text", () => {
  const texts = fc.oneof(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }), loneSurrogates);
  fc.assert(
    fc.property(texts, texts, (system, key) => {
      assert.equal(murmur3(system, key), murmurOfBytes(new TextEncoder().encode(`${system}:${key}`)));
    }),
    { numRuns: 500 },
  );
});

const loneSurrogates = fc.string({ unit: fc.constantFrom("a", "ü", "日", "\ud83d", "\ude00", "😀") });

test("the projection is the exact integer one", () => {
  fc.assert(
    fc.property(fc.string(), (key) => {
      assert.equal(bucketOf("s", key), Number((BigInt(murmur3("s", key)) * 1_000_000n) >> 32n));
    }),
  );
});

test("a share is met within four standard errors", () => {
  const keys = runs(40_000);
  for (const share of [0.001, 0.05, 0.25, 0.5, 0.95]) {
    let hits = 0;
    for (let i = 0; i < keys; i++) if (assign(route(share * 1e6), `user-${i}`) === "candidate") hits++;
    const error = Math.sqrt((share * (1 - share)) / keys);
    assert.ok(Math.abs(hits / keys - share) < 4 * error, `${share}: ${hits / keys}`);
  }
});

test("cohorts nest: whoever has the candidate keeps it while the share grows", () => {
  const ppm = fc.integer({ min: 0, max: 1_000_000 });
  fc.assert(
    fc.property(fc.string(), ppm, ppm, (key, a, b) => {
      const [small, large] = a < b ? [a, b] : [b, a];
      if (assign(route(small), key) === "candidate") assert.equal(assign(route(large), key), "candidate");
    }),
  );
});

test("a key sticks to its variant, and two systems split their users independently", () => {
  let both = 0;
  for (let i = 0; i < 10_000; i++) {
    const key = `user-${i}`;
    const here = assign(route(500_000), key);
    assert.equal(assign({ ...route(500_000), epoch: 9 }, key), here);
    if (here === assign(route(500_000, "claims"), key)) both++;
  }
  assert.ok(Math.abs(both / 10_000 - 0.5) < 0.03);
});

test("the ends of the range are absolute, and no candidate means stable", () => {
  fc.assert(
    fc.property(fc.string(), (key) => {
      assert.equal(assign(route(0), key), "stable");
      assert.equal(assign(route(1_000_000), key), "candidate");
      const { candidate: _, ...alone } = route(1_000_000);
      assert.equal(assign(alone, key), "stable");
    }),
  );
});

test("the share counts strictly before the end of the lease", () => {
  assert.equal(effectiveRoute(route(50_000), 1000, 999).candidatePpm, 50_000);
  assert.equal(effectiveRoute(route(50_000), 1000, 1000).candidatePpm, 0);
});
