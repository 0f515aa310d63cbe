import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createBoundedMemory } from "./bounded-memory.ts";

test("the newest keys have their newest word, and old ones are forgotten", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30), { maxLength: 200 }), (keys) => {
      const memory = createBoundedMemory<number>(5);
      keys.forEach((key, turn) => {
        memory.set(`${key}`, turn);
        const newest = [...new Set(keys.slice(0, turn + 1).toReversed())];
        for (const known of newest.slice(0, 5)) {
          assert.equal(memory.get(`${known}`), keys.slice(0, turn + 1).lastIndexOf(known));
        }
        assert.ok(newest.filter((known) => memory.get(`${known}`) !== undefined).length <= 10);
      });
    }),
  );
});
