import assert from "node:assert/strict";
import { test } from "node:test";
import { recentStarts } from "./error-budget.ts";

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
