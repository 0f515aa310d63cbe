import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { digestOf } from "../core/digest.ts";
import type { Step } from "../core/plan.ts";
import type { Undo } from "../core/playbook.ts";
import { inStartOrder } from "./start-order.ts";

interface Drawn {
  readonly undo: Undo;
  readonly changes: boolean;
  readonly tookMs: number | undefined;
  /** Which of the steps before it it waits for. */
  readonly bits: number;
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  undo: fc.constantFrom<Undo>("compensatable", "pivot", "retriable", "irreversible"),
  changes: fc.boolean(),
  tookMs: fc.constantFrom(undefined, 200, 900, 4000, 60_000),
  bits: fc.nat(127),
});

function worldOf(all: readonly Drawn[]) {
  const steps = all.map(({ undo, bits }, index): Step => {
    const id = `s${index}`;
    const after = all.slice(0, index).flatMap((_, earlier) => ((bits >> earlier) & 1 ? [`s${earlier}`] : []));
    return { id, component: id, at: `sim:${id}`, desired: digestOf(id), label: id, undo, after };
  });
  const of = (id: string) => all[Number(id.slice(1))]!;
  const past = steps.map(({ id: component }) => {
    const { tookMs } = of(component);
    return { component, adapter: component, tookMs: tookMs === undefined ? [] : [tookMs] };
  });
  return { steps, of, past, order: (given = steps) => inStartOrder(given, (id) => of(id).changes, past) };
}

const aWorld = fc.array(drawn, { minLength: 1, maxLength: 7 }).map(worldOf);
const DANGER: Readonly<Record<Undo, number>> = { compensatable: 0, pivot: 1, retriable: 2, irreversible: 2 };
const decades = (ms: number | undefined) => (ms === undefined ? 9 : [200, 900].includes(ms) ? 0 : ms < 10_000 ? 1 : 2);

describe("the order in which steps begin", () => {
  it("loses no step, and puts none before what it waits for", () => {
    fc.assert(
      fc.property(aWorld, ({ steps, order }) => {
        const ids = order().map(({ id }) => id);
        assert.deepEqual(ids.toSorted(), steps.map(({ id }) => id).toSorted());
        for (const { id, after } of steps) for (const one of after) assert.ok(ids.indexOf(one) < ids.indexOf(id));
      }),
      { numRuns: 300 },
    );
  });

  it("of two that may begin at once: what changes, then what can be taken back, then what is quick, comes first", () => {
    fc.assert(
      fc.property(aWorld, ({ of, order }) => {
        const free = order().filter(({ after }) => after.length === 0);
        const keys = free.map(({ id }) => {
          const { changes, undo, tookMs } = of(id);
          return (changes ? 0 : 1000) + DANGER[undo] * 100 + decades(tookMs) * 10;
        });
        assert.deepEqual(
          keys,
          keys.toSorted((one, other) => one - other),
        );
        assert.deepEqual(order().slice(0, free.length), free, "what waits comes after all that does not");
      }),
      { numRuns: 300 },
    );
  });

  it("is the same whatever the steps' order was, but for those that differ in nothing", () => {
    const withTurn = aWorld.chain((world) =>
      fc.tuple(fc.constant(world), fc.shuffledSubarray([...world.steps], { minLength: world.steps.length })),
    );
    fc.assert(
      fc.property(withTurn, ([{ of, order }, turned]) => {
        const kinds = (steps: readonly Step[]) =>
          steps.map(({ id, undo }) => [of(id).changes, DANGER[undo], decades(of(id).tookMs)]);
        assert.deepEqual(kinds(order(turned)), kinds(order()));
      }),
      { numRuns: 300 },
    );
  });

  it("keeps the playbook's order where nothing tells steps apart, however little their times differ", () => {
    const alike = { undo: "compensatable", changes: true, bits: 0 } as const;
    const { order } = worldOf([
      { ...alike, tookMs: 900 },
      { ...alike, tookMs: 200 },
    ]);
    assert.deepEqual(
      order().map(({ id }) => id),
      ["s0", "s1"],
    );
  });
});
