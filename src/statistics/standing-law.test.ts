import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseForm, safetyDesign } from "./design.ts";
import { type LinearEvidence, linearEvidence } from "./linear-evidence.ts";
import { draw, seeded } from "./published.fixture.ts";
import { chanceStanding, standingAfter, turned, usualLength } from "./standing-law.ts";

const LOG_THRESHOLD = Math.log(20);
const P = 0.4;
const nothing = { ratio: 1, points: 0.08 };
const at = (share: number) =>
  linearEvidence(safetyDesign({ form: chooseForm(P, nothing), null: nothing, forecast: P }), share);
const smaller = at(0.1);
const pair = { evidence: [smaller, turned(at(0.9))], logThreshold: LOG_THRESHOLD, p1: P, p0: P };

function logOf({ logWeight, each, bad, reference }: LinearEvidence, n: number, k1: number, k0: number): number {
  return Math.log(
    logWeight.reduce((sum, log, j) => sum + Math.exp(log + n * each[j]! + k1 * bad[j]! + k0 * reference[j]!), 0),
  );
}

test("evidence of the other side says the same of the same counts", () => {
  const other = at(0.9);
  assert.ok(Math.abs(logOf(turned(other), 50, 21, 170) - logOf(other, 450, 170, 21)) < 1e-9);
});

test("the chance that both of a pair stand is that of drawn counts", () => {
  const random = seeded(31);
  for (const n of [300, 600, 900]) {
    const runs = 1500;
    let stood = 0;
    for (let run = 0; run < runs; run++) {
      const [k1, k0] = [draw(random, n, P), draw(random, 9 * n, P)];
      if (pair.evidence.every((one) => logOf(one, n, k1, k0) >= LOG_THRESHOLD)) stood++;
    }
    const chance = chanceStanding(pair, n);
    const deviation = Math.sqrt((chance * (1 - chance)) / runs);
    assert.ok(Math.abs(stood / runs - chance) < 4 * deviation + 0.01, `${n}: ${stood / runs}, not ${chance}`);
  }
});

test("one alone stands sooner than both, and the length is the least in whole blocks", () => {
  const length = (evidence: readonly LinearEvidence[], part: number) => {
    const request = { ...pair, evidence };
    const usual = usualLength(request);
    return standingAfter((n) => chanceStanding(request, n), part, { usual, block: 50 })!;
  };
  for (const part of [0.5, 0.9]) {
    const both = length(pair.evidence, part);
    assert.ok(length([smaller], part) < both);
    assert.equal(both % 50, 0);
    assert.ok(chanceStanding(pair, both) >= part && chanceStanding(pair, both - 50) < part);
  }
});

test("a limit needs no reference, and what never stands has no length", () => {
  const limit = { ratio: 0, points: 0.5 };
  const alone = linearEvidence(safetyDesign({ form: chooseForm(P, limit), null: limit, forecast: P }), 0.1);
  const request = { evidence: [alone], logThreshold: LOG_THRESHOLD, p1: P, p0: P };
  assert.ok(chanceStanding(request, 1000) > 0.99 && chanceStanding(request, 10) < 0.2);
  const worse = { ...request, p1: 0.6 };
  assert.equal(usualLength(worse), Number.POSITIVE_INFINITY);
  assert.equal(
    standingAfter(() => 1, 0.5, { usual: usualLength(worse), block: 1 }),
    undefined,
  );
  assert.equal(
    standingAfter(() => 0.2, 0.5, { usual: 100, block: 1 }),
    undefined,
  );
});
