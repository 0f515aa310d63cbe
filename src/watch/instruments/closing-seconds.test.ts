import assert from "node:assert/strict";
import { it } from "node:test";
import { byNode, createClosingSeconds } from "./closing-seconds.ts";

it("seconds close once, when they are old enough, the oldest first", () => {
  const seconds = createClosingSeconds(() => ({ n: 0 }), 2000);
  seconds.at(3000)!.n += 1;
  seconds.at(1000)!.n += 2;
  seconds.at(1000)!.n += 3;
  assert.deepEqual(seconds.closed(2999), []);
  assert.deepEqual(seconds.closed(5000), [
    [1000, { n: 5 }],
    [3000, { n: 1 }],
  ]);
  assert.equal(seconds.at(3000), undefined);
  assert.deepEqual(seconds.closed(4000), []);
  assert.equal(seconds.at(3000), undefined, "time does not go back");
  assert.deepEqual(seconds.at(3001), { n: 0 });
});

it("each node has its own, and keeps it", () => {
  const own = byNode(() => ({ n: 0 }));
  own("a").n += 1;
  assert.deepEqual([own("a").n, own("b").n], [1, 0]);
});
