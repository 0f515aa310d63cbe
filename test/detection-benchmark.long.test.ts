import assert from "node:assert/strict";
import { test } from "node:test";
import { methodsFor, runHarm } from "../bench/detection/harm.ts";
import { runMany } from "../bench/detection/many.ts";
import { HARMS, HEALTHY } from "../bench/detection/worlds.ts";

test("a seed gives the same rollouts and the same false alarms, in one part or in two", () => {
  const world = HARMS.find(({ name }) => name === "errors 0.5 -> 5 % at the start")!;
  assert.deepEqual(runHarm(world, "7", 3, methodsFor(world)), runHarm(world, "7", 3, methodsFor(world)));
  const plain = HEALTHY[0]!;
  const whole = runMany(plain, "7", 0, 2000);
  const [first, second] = [runMany(plain, "7", 0, 500), runMany(plain, "7", 500, 2000)];
  for (const [method, alarms] of Object.entries(whole.alarms)) {
    assert.equal(alarms, first.alarms[method]! + second.alarms[method]!);
  }
});
