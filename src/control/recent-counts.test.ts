import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Playbook } from "../core/playbook.ts";
import type { Sample } from "../core/sample.ts";
import { maturedWindows } from "./frozen-windows.ts";
import { createRecentCounts } from "./recent-counts.ts";
import { START, stable } from "./world.fixture.ts";

const QUARTER = 900_000;
const DAY = 86_400_000;
const signals: Playbook["signals"] = [
  { name: "errors", kind: "share", part: "failed", of: "requests", from: "gateway", better: "down" },
  { name: "losses", kind: "share", part: "lost", of: "loans", from: "events", better: "down", labels: 2 * DAY },
];
const sample = (at: number, fields: Partial<Sample>): Sample => ({
  ...{ node: "edge", sequence: 1, bucket: START + at, signal: "errors", release: stable.id, n: 0, k: 0 },
  ...fields,
});

describe("counts of the last while", () => {
  it("are remembered until their outcomes are known, and for the span after that, in few pieces", () => {
    const recent = createRecentCounts({ signals }, QUARTER);
    const end = 3 * DAY;
    for (let at = 0; at < end; at += 60_000) {
      const both = ["errors", "losses"].map((signal) => sample(at, { signal, n: 10 }));
      const late = at < DAY ? [] : [sample(at - DAY, { signal: "losses", k: 1 })];
      recent.add([...both, ...late], START + at);
    }
    const held = recent.samples();
    assert.ok(held.length < 150, `${held.length} pieces`);
    const [errors, losses] = maturedWindows({ signals }, held, stable.id, START + end);
    assert.equal(errors?.n, 160);
    assert.ok(losses!.n >= 10 * (QUARTER / 60_000), `${losses!.n} of losses`);
    assert.equal(losses!.k, losses!.n / 10, "every outcome of what is counted is there");
  });

  it("are summed up by release and group, with their cells", () => {
    const recent = createRecentCounts({ signals }, QUARTER);
    recent.add([sample(0, { n: 2, cells: [[1, 2]] }), sample(0, { node: "other", n: 1, cells: [[1, 1]] })], START);
    recent.add([sample(0, { n: 5, group: "a=b" })], START);
    assert.deepEqual(
      recent.samples().map(({ n, cells, group }) => [n, cells, group]),
      [
        [3, [[1, 3]], undefined],
        [5, undefined, "a=b"],
      ],
    );
    recent.clear();
    assert.deepEqual(recent.samples(), []);
  });
});
