import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CANDIDATE, START } from "../stream.fixture.ts";
import { aLabel, arrivals, found, type Labels } from "./label-arrivals.fixture.ts";

describe("how long outcomes take", () => {
  it("is not doubted where both arms take equally long: one by one, a person's together, or asked for now and then", () => {
    // A sample of what was measured: 182 such hours had no doubt.
    const worlds: readonly Labels[] = [
      { seconds: 2400, rate: 50, means: [3, 3] },
      { seconds: 2400, rate: 50, means: [60, 60], together: 20 },
      { seconds: 1200, rate: 100, means: [20, 20], together: 20, every: 15 },
    ];
    for (const world of worlds) assert.equal(found(arrivals("equal", world)), undefined);
  });

  it("is doubted where the candidate's take half as long or twice as long, and the sentence says so", () => {
    const fast = found(arrivals("fast", { seconds: 400, rate: 600, means: [3, 6] }));
    assert.match(
      fast?.doubt ?? "",
      /^outcomes of the candidate become known faster than stable's \(\d\d % within 4\.0 s, of stable's \d\d %\): /,
    );
    assert.ok(fast && fast.outcomes < 8000, `${fast?.outcomes}`);
    const slow = found(arrivals("slow", { seconds: 900, rate: 600, means: [6, 3] }));
    assert.match(slow?.doubt ?? "", /become known more slowly than stable's/);
  });

  it("is found sooner where a signal is counted by person", () => {
    const rows = arrivals("per", { seconds: 400, rate: 600, means: [3, 6] });
    assert.ok(found(rows, { per: "session" })!.outcomes < found(rows)!.outcomes / 2);
  });

  it("stays doubted as it was first said", () => {
    const rows = arrivals("fast", { seconds: 400, rate: 600, means: [3, 6] });
    const { doubt, instrument } = found(rows)!;
    for (const batch of arrivals("equal", { seconds: 200, rate: 600, means: [6, 6] })) instrument.observe(batch);
    assert.deepEqual(instrument.doubts(), [doubt]);
  });

  it("within a second is the same for all, and told apart from longer", () => {
    assert.equal(found(arrivals("quick", { seconds: 200, rate: 600, means: [0.1, 0.1] })), undefined);
    assert.match(found(arrivals("quick", { seconds: 200, rate: 600, means: [3, 0.1] }))?.doubt ?? "", /more slowly/);
  });
});

describe("what is never doubted", () => {
  const rows = arrivals("fast", { seconds: 400, rate: 600, means: [3, 6] });

  it("is a signal that says how long its labels take, and how a request ended at the gateway", () => {
    assert.ok(found(rows));
    assert.equal(found(rows, { labels: 60_000 }), undefined);
    for (const part of ["failed", "cancelled"]) assert.equal(found(rows, { from: "gateway", part }), undefined);
    assert.equal(found(rows, { from: "gateway", kind: "time", part: "seconds" }), undefined);
    assert.ok(found(rows, { from: "gateway" }), "reported of a proxied request");
  });

  it("is what does not say when it became known, is of another signal or of a group, or is no count", () => {
    const bare = rows.map((batch) => batch.map(({ known: _, ...row }) => row));
    assert.equal(found(bare), undefined);
    for (const fields of [{ signal: "errors" }, { group: "age=old" }, { n: 0.5 }])
      assert.equal(found(rows.map((batch) => batch.map((row) => ({ ...row, ...fields })))), undefined);
  });

  it("is too little to learn from", () => {
    const few = Array.from({ length: 299 }, (_, second) => [aLabel(second, 1, { known: START + 1000 * second + 500 })]);
    assert.equal(found(few), undefined);
  });
});

it("outcomes that are later than the longest step belong to none, whichever arm they are of", () => {
  const rows = arrivals("equal", { seconds: 300, rate: 600, means: [3, 3] });
  const late = rows.map((batch, second) =>
    second < 120 ? batch : [...batch, aLabel(second - 100, 400, { release: CANDIDATE, known: START + 1000 * second })],
  );
  assert.equal(found(late), undefined);
});
