import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { runs } from "../../testing/runs.fixture.ts";
import { readCondition } from "./condition.ts";
import { harmLimits } from "./limits.ts";

/** The harm of a success condition in short: `below 0.95`, `?` for what decides missing values, `!` for the rest. */
function harmOf(text: string, isHarm = false): string {
  const condition = readCondition(text);
  if (condition.kind === "unreadable") return `unreadable at ${condition.at}`;
  const { limits, missing, other } = harmLimits(condition, isHarm);
  return [
    ...limits.map(({ side, limit, subject }) => `${subject} ${side} ${limit}`),
    ...missing.map((part) => `? ${part}`),
    ...other.map((part) => `! ${part}`),
  ].join("; ");
}

// Forms of docs/features/analysis.md, docs/analysis/*.md and utils/evaluate/evaluate_test.go of argoproj/argo-rollouts.
const successes: readonly (readonly [condition: string, harm: string])[] = [
  ["result[0] >= 0.95", "result[0] below 0.95"],
  ["result <= 0.01", "result above 0.01"],
  ["0.95 <= result[0]", "result[0] below 0.95"],
  ["result[0] > -1.5e-3", "result[0] below -0.0015"],
  ["asFloat(result) >= 1.1", "result below 1.1"],
  ["all(result, # < 1000)", "# above 1000"],
  ["all(result.service_apdex.values.values, {# > 1})", "# below 1"],
  ["any(result, # > 0.9)", "# below 0.9"],
  ["isNaN(result) || result >= 0.95", "result below 0.95; ? isNaN(result)"],
  ["len(result) == 0 || result[0] >= 0.95", "result[0] below 0.95; ? len(result) == 0"],
  ["len(result) > 0 && result[0] >= 0.95", "result[0] below 0.95; ? len(result) > 0"],
  ["default(result, 0) < 0.05", "result above 0.05; ? default(result, 0)"],
  ["default(result, {})[0] < 0.05", "unreadable at 16"],
  ["result != nil and result > 0.5", "result below 0.5; ? result != nil"],
  ["result[0] >= 0.9 && result[0] <= 1", "result[0] below 0.9; result[0] above 1"],
  ["result.ok && result.successPercent >= 0.90", "result.successPercent below 0.9; ! result.ok"],
  ["(result?.rate >= 0.9)", "result?.rate below 0.9"],
  ["not (result[0] > 0.05)", "result[0] above 0.05"],
  ["!(result[0] > 0.05)", "result[0] above 0.05"],
  ["result == true", "! result == true"],
  ["result == 'true'", "! result == 'true'"],
  ["result[0] == 0", "! result[0] == 0"],
  ["true", "! true"],
  ["2 in result", "unreadable at 2"],
  ["result.Name() == 'hi'", "unreadable at 11"],
  ["result[0] >=", "unreadable at 12"],
  ["result[0] >= 0.9 0.8", "unreadable at 17"],
  ["", "unreadable at 0"],
  ["result @ 3", "unreadable at 7"],
  ["filter(result, # > 1)", "unreadable at 0"],
];

for (const [condition, harm] of successes) {
  test(`the success condition \`${condition}\` makes harm: ${harm}`, () => assert.equal(harmOf(condition), harm));
}

test("a failure condition is harm where it holds, and alternatives are harm each", () => {
  assert.equal(harmOf("result[0] >= 10", true), "result[0] above 10");
  assert.equal(harmOf("result < 0.5 || isInf(result)", true), "result below 0.5; ? isInf(result)");
  assert.equal(harmOf("a > 0.1 or b > 0.2", true), "a above 0.1; b above 0.2");
});

test("limits that are harm only together are no limits", () => {
  assert.equal(harmOf("a >= 0.1 || b >= 0.2"), "! a below 0.1 together with b below 0.2");
  assert.equal(harmOf("a > 0.1 && b > 0.2", true), "! a above 0.1 together with b above 0.2");
});

test("nesting without end is refused, and no text throws", () => {
  for (const open of ["(", "!", "not ", "len(", "default(", "default(result, ", "all(result, "])
    assert.match(harmOf(open.repeat(100_000)), /unreadable/, open);
  for (const word of ["toString", "constructor", "__proto__"])
    assert.match(harmOf(`result[0] ${word} 5`), /^unreadable at 10$/, word);
  const pieces = fc.constantFrom(
    "result",
    "[0]",
    ".x",
    "(",
    ")",
    "&&",
    "or",
    "not ",
    "<",
    ">=",
    "==",
    "0.9",
    "'a'",
    "#",
    "all(",
    "len(",
    ",",
    " ",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces).map((parts) => parts.join("")),
      ),
      (text) => {
        assert.equal(typeof harmOf(text), "string");
      },
    ),
    { numRuns: runs(2000) },
  );
});
