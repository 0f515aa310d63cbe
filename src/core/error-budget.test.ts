import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AGAIN,
  AS_IT_COMES,
  HOLDBACK,
  MOST_GROUPS,
  pairParts,
  recentStarts,
  segmentParts,
  UNSEEN,
  WHOLE,
} from "./error-budget.ts";

test("starts of a recent change never weigh nothing, and all of them together never more than 1", () => {
  for (const planned of [0, 1000, 61_000, 3_600_000]) {
    const { weightOf } = recentStarts(20_000, planned);
    let sum = 0;
    for (let interval = 0; interval < 1e6; interval++) {
      const weight = weightOf(interval);
      assert.ok(weight > 0);
      sum += weight;
    }
    assert.ok(sum > 0.98 && sum <= 1, `${planned}: ${sum}`);
  }
});

test("the parts of all pairs that there can be sum to 1, and of those that are known to what is not kept", () => {
  for (let known = 0; known <= MOST_GROUPS; known++) {
    const parts = pairParts(known);
    const ofKnown = known * (known - 1) * parts.known;
    const sum = ofKnown + MOST_GROUPS * (MOST_GROUPS - 1) * parts.later;
    assert.ok(Math.abs(sum - 1) < 1e-12, `${known}: ${sum}`);
    assert.ok(Math.abs(ofKnown - (known < 2 ? 0 : 1 - UNSEEN)) < 1e-12);
  }
});

test("the parts of the whole and of all segments sum to 1", () => {
  for (let known = 0; known <= MOST_GROUPS; known++) {
    const parts = segmentParts(known);
    const sum = WHOLE + known * parts.known + MOST_GROUPS * parts.later;
    assert.ok(Math.abs(sum - 1) < 1e-12, `${known}: ${sum}`);
  }
});

test("the parts of outcomes as they come and of the four looks sum to 1, and the holdback has a part only", () => {
  assert.ok(Math.abs(AS_IT_COMES + 4 * AGAIN - 1) < 1e-12);
  assert.ok(HOLDBACK > 0 && HOLDBACK < 1);
});
