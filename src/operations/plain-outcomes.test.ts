import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { runs } from "../testing/runs.fixture.ts";
import { outcomesInput } from "./inputs.ts";
import { plainOutcomes } from "./plain-outcomes.ts";

const digest = `sha256:${"0f".repeat(32)}`;
const names = fc.constantFrom("decisions", "approvals", "", "__proto__", "x".repeat(120), "x".repeat(121));
const texts = fc.constantFrom(
  "",
  "run-1234",
  "a",
  "x".repeat(100),
  "x".repeat(200),
  "x".repeat(1000),
  "x".repeat(1001),
);
const numbers = fc.constantFrom(0, -0, 1, 7.5, -1, 1e6, 1e6 + 1, 2 ** 53, Number.POSITIVE_INFINITY, 1_800_000_000);
const lists = fc.oneof(
  fc.array(fc.oneof({ weight: 9, arbitrary: numbers }, { weight: 1, arbitrary: fc.constant("7") }), { maxLength: 3 }),
  fc.constantFrom(1000, 1001).map((length) => Array.from({ length }, () => 1)),
);
const record = (of: fc.Arbitrary<unknown>) =>
  fc
    .array(fc.tuple(fc.oneof({ weight: 8, arbitrary: fc.constantFrom("decisions", "b") }, names), of), { maxLength: 3 })
    // As JSON.parse does: a name may be that of the prototype.
    .map((pairs) =>
      JSON.parse(
        `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value ?? null)}`).join(",")}}`,
      ),
    );
const sound = {
  system: fc.constant("loans"),
  release: fc.constant(digest),
  second: fc.constant(1_800_000_000),
  key: fc.constant("run-1234"),
  request: fc.constant("r1"),
  counts: record(fc.constantFrom(0, 1, 1e6)),
  values: record(fc.oneof(fc.constant(-2.5), fc.constant([1, 2]))),
  groups: record(fc.constant("a")),
  unit: fc.constantFrom("s-17", { session: "s-17" }),
};
const strange = fc.oneof(
  numbers,
  texts,
  lists,
  record(fc.oneof(numbers, texts, lists)),
  fc.constant(null),
  fc.boolean(),
);
const field = (name: keyof typeof sound) =>
  fc.oneof({ weight: 25, arbitrary: sound[name] as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: strange });
const optional = fc.record(
  { values: field("values"), groups: field("groups"), unit: field("unit"), other: fc.constant(1) },
  { requiredKeys: [] },
);
const arm = fc.record({
  system: field("system"),
  release: fc.oneof({ weight: 9, arbitrary: field("release") }, fc.constantFrom(`${digest}0`, digest.toUpperCase())),
  second: field("second"),
  key: field("key"),
  counts: field("counts"),
});
const request = fc.record({ request: field("request"), counts: field("counts") });
const item = fc
  .tuple(
    fc.oneof(
      arm,
      request,
      fc.tuple(arm, request).map(([a, b]) => ({ ...a, ...b })),
    ),
    optional,
    fc.nat(3),
  )
  .map(([head, more, which]) => (which === 0 ? { ...head, ...more } : head));
const body = fc.oneof(
  { weight: 20, arbitrary: fc.record({ outcomes: fc.array(item, { maxLength: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ outcomes: strange }) },
  { weight: 1, arbitrary: fc.record({ outcomes: fc.array(item, { maxLength: 1 }), more: fc.constant(1) }) },
  { weight: 1, arbitrary: fc.constant({}) },
);

it("takes nothing that the schema would not take just so", () => {
  let taken = 0;
  fc.assert(
    fc.property(body, (made) => {
      const given = JSON.parse(
        JSON.stringify(made, (_, value) => (value === Number.POSITIVE_INFINITY ? 1e308 : value)),
      );
      const plain = plainOutcomes(given);
      const schema = outcomesInput.safeParse(given);
      if (plain) {
        taken += 1;
        assert.deepEqual(plain, schema.data);
      } else if (schema.success) {
        // What the schema changes by itself: a default, or a name that it drops.
        assert.notDeepEqual(schema.data, given);
      }
    }),
    { numRuns: runs(2000) },
  );
  assert.ok(taken > 100, `${taken} were taken`);
});

it("a body is as long as the schema says, and its numbers are finite", () => {
  const one = { request: "r1", counts: { decisions: 1 } };
  const many = (length: number) => ({ outcomes: Array.from({ length }, () => one) });
  assert.ok(plainOutcomes(many(5000)));
  assert.equal(plainOutcomes(many(5001)), undefined);
  assert.equal(plainOutcomes({ outcomes: [{ ...one, values: { score: Number.POSITIVE_INFINITY } }] }), undefined);
});
