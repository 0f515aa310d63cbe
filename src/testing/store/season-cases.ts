import assert from "node:assert/strict";
import { describe } from "node:test";
import type { Change } from "../../core/ports.ts";
import { anHour, NOON } from "./fixtures.ts";
import type { Cases } from "./suite.ts";

const HOUR = 3_600_000;

/** The hours of a system, and what is forgotten of them. */
export function seasonCases({ test }: Cases): void {
  const season = (hours: readonly ReturnType<typeof anHour>[], oldest = 0, system = "loans"): Change => ({
    kind: "season",
    system,
    hours,
    oldest,
  });

  describe("seasons", () => {
    test("come back whole, by hour and signal, each system's own", async (store) => {
      const full = anHour({
        cells: [
          [3, 1.5],
          [7, 2],
        ],
        groups: { "age=old": { n: 3, k: 1 } },
      });
      const [later, other] = [anHour({ hour: NOON + HOUR, signal: "B" }), anHour({ signal: "b" })];
      await store.commit([season([later, other, full]), season([anHour({ n: 1 })], 0, "fraud")]);
      assert.deepEqual(await store.seasons("loans"), [full, other, later]);
      assert.deepEqual(await store.seasons("fraud"), [anHour({ n: 1 })]);
      assert.deepEqual(await store.seasons("nobody"), []);
    });

    test("older than what is remembered are forgotten, those of the same commit and of no other system too", async (store) => {
      const [old, kept] = [anHour({ hour: NOON - HOUR }), anHour()];
      await store.commit([season([old, kept]), season([old], 0, "fraud")]);
      await store.commit([season([anHour({ hour: NOON - 2 * HOUR })], NOON), season([])]);
      assert.deepEqual(await store.seasons("loans"), [kept]);
      assert.deepEqual(await store.seasons("fraud"), [old]);
    });

    test("are written as if one update came after the other, also in one commit", async (store) => {
      const [gone, again] = [anHour({ hour: NOON - HOUR, n: 1 }), anHour({ hour: NOON - HOUR, n: 2 })];
      await store.commit([season([gone])]);
      await store.commit([season([gone], NOON), season([again], NOON - HOUR)]);
      assert.deepEqual(await store.seasons("loans"), [again]);
    });
  });
}
