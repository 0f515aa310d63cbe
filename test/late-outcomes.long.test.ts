// A candidate that does no harm, whose outcomes come later than stable's: alpha is 1 %, and of 60 rollouts none goes back.
import assert from "node:assert/strict";
import { it } from "node:test";
import { after, play, type World } from "./late-outcomes.fixture.ts";

const tenTimes = (second: number) => (second >= 20 && second < 35 ? 0.2 : 0.02);
for (const [what, outcome] of [
  ["as good as stable", (candidate, chance) => ({ bad: chance() < 0.02, after: after(candidate, 5, chance) })],
  [
    "through a common outage",
    (candidate, chance, second) => ({ bad: chance() < tenTimes(second), after: after(candidate, 5, chance) }),
  ],
  [
    "on the line itself",
    (candidate, chance) => ({ bad: chance() < (candidate ? 0.024 : 0.02), after: after(candidate, 2.5, chance) }),
  ],
  [
    "half of its outcomes late",
    (candidate, chance) => ({ bad: chance() < 0.02, after: after(candidate && chance() < 0.5, 5, chance) }),
  ],
] as const satisfies readonly (readonly [string, World["outcome"]])[])
  it(`stays where it does no harm: ${what}`, () => {
    const alarms = Array.from({ length: 60 }, (_, run) => play({ seed: `${what} ${run}`, outcome })).filter(
      ({ harmful }) => harmful !== undefined,
    );
    assert.equal(alarms.length, 0);
  });
