import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedList } from "./shared-list.ts";

test("equal lists are one, others are their own, and no number changes", () => {
  const list = sharedList([0.1, 0.2, 1 / 3]);
  assert.equal(sharedList([0.1, 0.2, 1 / 3]), list);
  assert.notEqual(sharedList([0.1, 0.2, 1 / 3 + 2 ** -53]), list);
  for (let i = 0; i < 3000; i++) assert.deepEqual(sharedList([i, -i]), [i, -i]);
  assert.equal(sharedList([0.1, 0.2, 1 / 3]), list);
});
