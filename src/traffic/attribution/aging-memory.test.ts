import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createAgingMemory } from "./aging-memory.ts";

test("the newest are remembered for their span, and no others", () => {
  const waits = fc.array(fc.nat(20), { maxLength: 60 });
  fc.assert(
    fc.property(waits, (spans) => {
      const memory = createAgingMemory<number>(50, 7);
      const added: number[] = [];
      let now = 0;
      for (const wait of spans) {
        now += wait;
        memory.add(`${added.length}`, added.length, now);
        added.push(now);
        const known = added.map((_, id) => memory.get(`${id}`, now) === id);
        assert.deepEqual(
          known,
          added.map((since, id) => since + 50 > now && id >= added.length - 7),
        );
        assert.equal(memory.size, known.filter(Boolean).length);
      }
    }),
  );
});

test("a memory that is full takes the next at once, however many it has forgotten", () => {
  const memory = createAgingMemory<number>(1e9, 50_000);
  for (let id = 0; id < 300_000; id++) memory.add(`${id}`, id, id);
  assert.equal(memory.size, 50_000);
  assert.deepEqual([memory.get("249999", 3e5), memory.get("250000", 3e5)], [undefined, 250_000]);
});
