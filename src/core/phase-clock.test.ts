import assert from "node:assert/strict";
import { test } from "node:test";
import { phaseClocks, phaseText } from "./phase-clock.ts";

const deadlines = { contain: 1000, restore: 60_000, verify: 600_000 };
const begun = { saga: "saga-1", cause: ["harm"], decidedAt: 100_000, deadlines };
const said = (rollback: Parameters<typeof phaseClocks>[0], now: number) =>
  phaseClocks(rollback, now).map((clock) => phaseText(clock, now));

test("each phase has its own clock, from its own beginning", () => {
  assert.deepEqual(said({ ...begun, containedAt: 100_005 }, 103_000), [
    "contain: 5 ms of 1.0 s",
    "restore: for 3.0 s of 1 min 0 s",
    "verify: not begun, has 10 min 0 s",
  ]);
  const over = { ...begun, containedAt: 100_005, restoredAt: 110_000, fixedAt: 130_000, endedAt: 130_000 };
  assert.deepEqual(said(over, 999_999_999), [
    "contain: 5 ms of 1.0 s",
    "restore: 10.0 s of 1 min 0 s",
    "verify: 20.0 s of 10 min 0 s",
  ]);
});

test("a phase is late after its deadline and not at it, running or over", () => {
  const late = (rollback: Parameters<typeof phaseClocks>[0], now: number) =>
    phaseClocks(rollback, now)
      .filter((clock) => clock.late)
      .map(({ phase }) => phase);
  const contained = { ...begun, containedAt: 100_005 };
  assert.deepEqual(late(contained, 160_000), []);
  assert.deepEqual(late(contained, 160_001), ["restore"]);
  assert.deepEqual(late(begun, 101_001), ["contain"], "nothing could stand in");
  assert.deepEqual(late({ ...begun, restoredAt: 100_500 }, 101_001), [], "its restore contained it");
  assert.deepEqual(late({ ...contained, restoredAt: 110_000 }, 710_001), ["verify"]);
  assert.deepEqual(late({ ...contained, endedAt: 120_000 }, 999_999), [], "stuck stops the clocks");
  assert.deepEqual(late({ ...contained, restoringSince: 150_000 }, 205_000), [], "begun anew");
});

test("a record of before has no deadlines, and says nothing", () => {
  const { deadlines: _, ...old } = begun;
  assert.deepEqual(phaseClocks(old, 0), []);
});
