import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { arrivals, found } from "./label-arrivals.fixture.ts";

describe("how long outcomes take", () => {
  it("is doubted within twenty minutes where outcomes take minutes", () => {
    const traffic = { seconds: 1200, rate: 600, means: [60, 120] } as const;
    assert.match(found(arrivals("minutes", traffic))?.doubt ?? "", /faster than stable's/);
  });
});
