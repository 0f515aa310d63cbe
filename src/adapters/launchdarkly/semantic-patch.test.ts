import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  applyInstructions,
  documentOf,
  type EmulatedFlag,
  type EmulatedServe,
  type EmulatedTargeting,
  payloadOf,
} from "./emulated-flag.fixture.ts";
import { type FlagDocument, flagDocument, servedState } from "./flag-document.ts";
import { explanationsFlag, openFlag } from "./lending.fixture.ts";
import { planPatch } from "./semantic-patch.ts";

const address = { kind: "flag", project: "lending", key: "loan-explanations" } as const;
const known = new Map([["loans-open", ["o-true", "o-false"]]]);

const index = fc.integer({ min: 0, max: 2 });
const serve: fc.Arbitrary<EmulatedServe> = fc.oneof(
  index.map((variation) => ({ variation })),
  fc
    .tuple(fc.integer({ min: 0, max: 100_000 }), fc.constantFrom("user", "device"), fc.constantFrom("key", "country"))
    .map(([weight, contextKind, bucketBy]) => ({
      rollout: {
        variations: [
          { variation: 0, weight: 0 },
          { variation: 1, weight },
          { variation: 2, weight: 100_000 - weight },
        ],
        contextKind,
        bucketBy,
      },
    })),
);
const clause = fc.record({
  _id: fc.uuid(),
  attribute: fc.constantFrom("country", "plan"),
  op: fc.constantFrom("in", "startsWith", "segmentMatch"),
  negate: fc.boolean(),
  contextKind: fc.constantFrom("user", "device"),
  values: fc.array(fc.oneof(fc.string(), fc.integer(), fc.boolean()), { maxLength: 3 }),
});
const rule = fc
  .tuple(fc.uuid(), fc.array(clause, { maxLength: 2 }), fc.boolean(), serve)
  .map(([_id, clauses, trackEvents, served]) => ({ _id, clauses, trackEvents, ...served }));
const keys = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { maxLength: 4 });
const targeting: fc.Arbitrary<EmulatedTargeting> = fc.record({
  version: fc.integer({ min: 1, max: 50 }),
  on: fc.boolean(),
  offVariation: index,
  fallthrough: serve,
  targets: fc.tuple(index, keys).map(([variation, values]) => [{ variation, values, contextKind: "user" }]),
  contextTargets: fc.tuple(index, keys).map(([variation, values]) => [{ variation, values, contextKind: "device" }]),
  rules: fc.array(rule, { maxLength: 3 }),
  prerequisites: fc.constantFrom([], [{ key: "loans-open", variation: 0 }], [{ key: "loans-open", variation: 1 }]),
});

function flagIn(state: EmulatedTargeting): EmulatedFlag {
  return { ...explanationsFlag(), environments: { production: structuredClone(state) } };
}
const read = (flag: EmulatedFlag): FlagDocument => flagDocument(address, "production", documentOf(flag));

test("from any state to any other one patch leads exactly there, as one version", () => {
  fc.assert(
    fc.property(targeting, targeting, (from, to) => {
      const flag = flagIn(from);
      const desired = read(flagIn(to));
      const live = read(flag);
      const plan = planPatch(live, desired.state, known);
      assert.ok(plan.kind === "patch");
      assert.equal(plan.instructions.length === 0, live.digest === desired.digest);
      if (plan.instructions.length === 0) return;
      assert.ok(applyInstructions(flag, "production", plan.instructions, openFlag));
      const after = read(flag);
      assert.deepEqual([after.digest, after.version], [desired.digest, live.version + 1]);
      assert.deepEqual(planPatch(after, desired.state, known), { kind: "patch", instructions: [] });
    }),
    { numRuns: 200 },
  );
});

test("the management API and the payload of the SDKs have one identity", () => {
  fc.assert(
    fc.property(targeting, (state) => {
      const flag = flagIn(state);
      const payload = JSON.parse(JSON.stringify({ flags: { [flag.key]: payloadOf(flag, "production") } }));
      assert.equal(servedState(address, payload)?.digest, read(flag).digest);
    }),
    { numRuns: 100 },
  );
});

test("what no instruction can bring back is impossible, with a reason", () => {
  const live = read(explanationsFlag());
  const [from, second] = live.variations.map(({ ref }) => ref) as [typeof live.digest, typeof live.digest];
  const weights = [
    { variation: second, weight: 40_000 },
    { variation: from, weight: 60_000 },
  ];
  const split = { contextKind: "user", bucketBy: "key", weights };
  for (const [change, reason] of [
    [{ off: null }, /removes an off variation/],
    [{ off: live.digest }, /was removed, or has another value/],
    [{ fallthrough: null }, /serves nothing/],
    [{ fallthrough: split }, /not in the order of the variations/],
    [{ fallthrough: { ...split, weights: weights.toReversed(), seed: 7 } }, /experiment or guarded rollout/],
    [{ prerequisites: [{ key: "gone", variation: 0 }] }, /"gone" has lost a variation/],
  ] as const) {
    const plan = planPatch(live, { ...live.state, ...change }, known);
    assert.ok(plan.kind === "impossible");
    assert.match(plan.reason, reason);
  }
});
