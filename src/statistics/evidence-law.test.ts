import assert from "node:assert/strict";
import { test } from "node:test";
import { runs } from "../testing/runs.fixture.ts";
import { type Design, harmDesign, safetyDesign } from "./design.ts";
import { type EvidenceLaw, evidenceLaw } from "./evidence-law.ts";
import { increments } from "./increment.ts";
import { informationBound } from "./information-bound.ts";
import { createLateEvidence, FIRST, planStarts } from "./late-evidence.ts";
import { linearEvidence, linearMeanEvidence, tailExponent } from "./linear-evidence.ts";
import { meanDesign, meanIncrements } from "./mean-betting.ts";
import { draw, publishedDesign, seeded } from "./published.fixture.ts";
import { stoppingBoundary, stoppingLaw, successQuantile, trialsOf } from "./stopping.ts";

const ALPHA = 0.001;

interface World {
  readonly form: Design["form"];
  readonly null: Design["null"];
  readonly p1: number;
  readonly p0: number;
  /** Observations of both arms in each second. */
  readonly n1: number;
  readonly n0: number;
}

const worlds: Readonly<Record<string, World>> = {
  "small harm to rare outcomes": {
    form: "poisson-tilt",
    null: { ratio: 1, points: 0 },
    p1: 0.013,
    p0: 0.005,
    n1: 50,
    n0: 950,
  },
  "great harm to rare outcomes": {
    form: "poisson-tilt",
    null: { ratio: 1, points: 0 },
    p1: 0.05,
    p0: 0.005,
    n1: 10,
    n0: 190,
  },
  "rare outcomes, with points": {
    form: "poisson-tilt",
    null: { ratio: 1.2, points: 0.004 },
    p1: 0.025,
    p0: 0.005,
    n1: 20,
    n0: 380,
  },
  "common outcomes": {
    form: "projected-bernoulli",
    null: { ratio: 0.95, points: 0.05 },
    p1: 0.49,
    p0: 0.4,
    n1: 20,
    n0: 180,
  },
  "common outcomes, half of the traffic": {
    form: "projected-bernoulli",
    null: { ratio: 1, points: 0.05 },
    p1: 0.5,
    p0: 0.4,
    n1: 60,
    n0: 60,
  },
  "a fixed limit": { form: "poisson-tilt", null: { ratio: 0, points: 0.015 }, p1: 0.03, p0: 0.005, n1: 20, n0: 380 },
};

/** Seconds until the evaluator's own evidence, with all its starts, reaches 1/alpha; the median of many runs. */
function simulated(world: World, runs: number, seed: number): number {
  const { p1, p0, n1, n0 } = world;
  const design = harmDesign({ form: world.form, null: world.null, forecast: p0 });
  const random = seeded(seed);
  const found = Array.from({ length: runs }, () => {
    const evidence = createLateEvidence(design, planStarts(3600));
    for (let second = 0; ; second++) {
      const block = { n1, k1: draw(random, n1, p1), n0, k0: draw(random, n0, p0) };
      evidence.add(Math.floor(second / 10), increments(design, block));
      if (evidence.log() >= -Math.log(ALPHA)) return second + 1;
    }
  });
  return found.sort((a, b) => a - b)[Math.floor(runs / 2)]!;
}

for (const [name, world] of Object.entries(worlds)) {
  test(`${name}: the evaluator is no slower than the bound, and the bound is near`, () => {
    const { form, p1, p0, n1, n0 } = world;
    const share = n1 / (n1 + n0);
    const design = harmDesign({ form, null: world.null, forecast: p0 });
    const logThreshold = -Math.log(ALPHA * FIRST);
    const law = evidenceLaw({ evidence: linearEvidence(design, share), logThreshold, p1, p0, block: n1 });
    const bound = law.observations(0.5)! / n1;
    // With many outcomes in each second a run is dear.
    const found = simulated(world, n0 === n1 ? runs(400) : 400, 21);
    assert.ok(found <= bound + 1, `simulated ${found} s, bound ${bound} s`);
    assert.ok(bound <= 1.2 * found + 1, `simulated ${found} s, bound ${bound} s`);
    // Half of the runs are shorter than the mean, which is what the information bound is about.
    assert.ok(law.observations(0.5)! > 0.7 * informationBound({ p1, p0, share, ...world.null, alpha: ALPHA }));
    assert.ok(law.observations(0.9)! > law.observations(0.5)! && law.bad(0.9)! > law.bad(0.5)!);
  });
}

test("where the walk of two counts exists, the law is never below it and within a few bad answers", () => {
  const design = publishedDesign();
  const walk = trialsOf(design, 0.05);
  const boundary = stoppingBoundary(walk, -Math.log(ALPHA), 3000);
  for (const p1 of [0.013, 0.02, 0.05]) {
    const exact = stoppingLaw(boundary, (0.05 * p1) / (0.05 * p1 + 0.95 * 0.005));
    // So little traffic that a block is far less than one bad answer.
    const request = { evidence: linearEvidence(design, 0.05), logThreshold: -Math.log(ALPHA), p0: 0.005, block: 1 };
    const law = evidenceLaw({ ...request, p1 });
    for (const part of [0.5, 0.9]) {
      const [bound, least] = [law.bad(part)!, successQuantile(exact, part)!];
      assert.ok(bound >= least - 0.5 && bound <= 1.08 * least + 1, `${p1}: ${bound} against ${least}`);
    }
  }
});

test("the published means are reproduced from the start on, and the tuned weights are near them", () => {
  // 1,000 simulated runs each: 25.8, 13.8 and 7.0 bad answers, and exactly 6.7e-4 false alarms at 0.001.
  const walk = (design: Design) => {
    const trials = trialsOf(design, 0.05);
    const boundary = stoppingBoundary(trials, -Math.log(ALPHA), 18_000);
    return {
      badAt: (p1: number) => stoppingLaw(boundary, (0.05 * p1) / (0.05 * p1 + 0.95 * 0.005)).meanSuccesses,
      falseAlarms: stoppingLaw(boundary, trials.nullRate).stopped,
    };
  };
  const published = walk(publishedDesign());
  const tuned = walk(harmDesign({ form: "poisson-tilt", null: { ratio: 1, points: 0 }, forecast: 0.005 }));
  for (const [p1, mean] of [
    [0.013, 25.8],
    [0.02, 13.8],
    [0.05, 7],
  ] as const) {
    assert.ok(Math.abs(published.badAt(p1) / mean - 1) < 0.03, `${p1}: ${published.badAt(p1)}`);
    assert.ok(Math.abs(tuned.badAt(p1) / mean - 1) < 0.08, `${p1}: ${tuned.badAt(p1)}`);
  }
  assert.ok(Math.abs(published.falseAlarms / 6.7e-4 - 1) < 0.02, String(published.falseAlarms));
  assert.ok(tuned.falseAlarms < ALPHA && tuned.falseAlarms > 0.5 * ALPHA, String(tuned.falseAlarms));
});

function median(law: EvidenceLaw): number {
  return law.observations(0.5)!;
}

test("safety is certified when the evaluator's own evidence says so, or sooner", () => {
  const design = safetyDesign({ form: "poisson-tilt", null: { ratio: 1.6, points: 0 }, forecast: 0.005 });
  const [n1, n0, p] = [50, 950, 0.005];
  const logThreshold = -Math.log(0.05);
  const law = evidenceLaw({ evidence: linearEvidence(design, 0.05), logThreshold, p1: p, p0: p, block: n1 });
  // The published table has 4,600 (11,000) for another mixture.
  assert.ok(median(law) > 3800 && median(law) < 5600, String(median(law)));
  assert.ok(law.observations(0.9)! > 9000 && law.observations(0.9)! < 13_000, String(law.observations(0.9)));
  const random = seeded(22);
  const logWeights = design.alternatives.map(({ weight }) => Math.log(weight));
  const found = Array.from({ length: 200 }, () => {
    const totals = logWeights.map((log) => log);
    for (let second = 1; ; second++) {
      const block = { n1, k1: draw(random, n1, p), n0, k0: draw(random, n0, p) };
      increments(design, block).forEach((log, j) => {
        totals[j]! += log;
      });
      if (Math.log(totals.reduce((sum, log) => sum + Math.exp(log), 0)) >= logThreshold) return second;
    }
  }).sort((a, b) => a - b)[100]!;
  assert.ok(found <= median(law) / n1 + 1, `simulated ${found} s, bound ${median(law) / n1} s`);
  assert.ok(median(law) / n1 <= 1.25 * found, `simulated ${found} s, bound ${median(law) / n1} s`);
});

for (const ends of [1, 1 / 3]) {
  test(`a mean's bound holds for scores of which ${ends === 1 ? "all lie" : "a third lies"} at the ends of their scale`, () => {
    const [n1, n0, p0, p1] = [30, 270, 0.25, 0.375];
    const design = meanDesign({ direction: "harm", null: { ratio: 1, points: 0.05 }, forecast: p0 });
    const evidence = linearMeanEvidence(design, n1 / (n1 + n0), { ends, p1, p0 });
    const law = evidenceLaw({ evidence, logThreshold: -Math.log(ALPHA * FIRST), p1, p0, block: n1 * ends });
    const bound = law.observations(0.5)! / ends / n1;
    const random = seeded(23);
    /** Counts at the values 0, 1/8 ... 1; the means of both sides are among them. */
    const scores = (mean: number, n: number) => {
      const wide = ends === 1 ? n : draw(random, n, ends);
      const bad = draw(random, wide, mean);
      const counts = [wide - bad, 0, 0, 0, 0, 0, 0, 0, bad];
      counts[8 * mean]! += n - wide;
      return counts;
    };
    const found = Array.from({ length: 300 }, () => {
      const late = createLateEvidence(design, planStarts(3600));
      for (let second = 0; ; second++) {
        const block = { candidate: scores(p1, n1), reference: scores(p0, n0) };
        late.add(Math.floor(second / 10), meanIncrements(design, block));
        if (late.log() >= -Math.log(ALPHA)) return second + 1;
      }
    }).sort((a, b) => a - b)[150]!;
    assert.ok(found <= bound + 1 && bound <= 1.25 * found + 1, `simulated ${found} s, bound ${bound} s`);
  });
}

test("a finer grid would change the law by less than one percent", () => {
  const { p1, p0, n1, n0 } = worlds["common outcomes"]!;
  const design = harmDesign({ form: "projected-bernoulli", null: { ratio: 0.95, points: 0.05 }, forecast: p0 });
  const evidence = linearEvidence(design, n1 / (n1 + n0));
  const request = { evidence, logThreshold: -Math.log(ALPHA), p1, p0, block: n1 };
  const coarse = median(evidenceLaw(request));
  const fine = median(evidenceLaw({ ...request, cells: 16 }));
  assert.ok(Math.abs(coarse - fine) <= Math.max(0.01 * fine, n1), `${coarse} against ${fine}`);
});

test("harm inside the margin is never decided, and little harm not within what is followed", () => {
  const design = harmDesign({ form: "poisson-tilt", null: { ratio: 1.6, points: 0 }, forecast: 0.005 });
  const request = { evidence: linearEvidence(design, 0.05), logThreshold: -Math.log(ALPHA), p0: 0.005, block: 50 };
  assert.equal(evidenceLaw({ ...request, p1: 0.008 }).observations(0.5), undefined);
  assert.equal(evidenceLaw({ ...request, p1: 0.008 }).bad(0.5), undefined);
  assert.equal(evidenceLaw({ ...request, p1: 0.05 }).observations(0.9999), undefined);
});

test("a block of very many answers decides at once, and costs as much as it holds", () => {
  const design = harmDesign({ form: "poisson-tilt", null: { ratio: 1, points: 0 }, forecast: 0.005 });
  const law = evidenceLaw({
    evidence: linearEvidence(design, 0.05),
    logThreshold: -Math.log(ALPHA),
    p1: 0.05,
    p0: 0.005,
    block: 50_000,
  });
  assert.deepEqual([law.observations(0.5), law.observations(0.9)], [50_000, 50_000]);
  assert.deepEqual([law.bad(0.5), law.bad(0.9)], [2500, 2564]);
});

test("harm without any chance in it is walked as well", () => {
  const design = harmDesign({ form: "poisson-tilt", null: { ratio: 1, points: 0 }, forecast: 0.005 });
  const law = evidenceLaw({
    evidence: linearEvidence(design, 0.05),
    logThreshold: -Math.log(ALPHA),
    p1: 1,
    p0: 0,
    block: 1,
  });
  assert.ok(law.bad(0.5)! >= 3 && law.bad(0.5)! <= 6, String(law.bad(0.5)));
});

test("a candidate as good as stable is rolled back far more seldom than one at the margin", () => {
  const design = harmDesign({ form: "poisson-tilt", null: { ratio: 1.6, points: 0 }, forecast: 0.005 });
  const evidence = linearEvidence(design, 0.05);
  const edge = tailExponent(evidence, 0.008, 0.005);
  const equal = tailExponent(evidence, 0.005, 0.005);
  assert.ok(edge >= 1 && edge < 1.02, String(edge));
  const atMost = ALPHA ** equal;
  const walk = trialsOf(design, 0.05);
  const boundary = stoppingBoundary(walk, -Math.log(ALPHA), 6000);
  const exact = stoppingLaw(boundary, 0.05).stopped;
  assert.ok(exact < atMost && atMost < 2e-4, `${exact} against ${atMost}`);
  assert.equal(tailExponent(evidence, 0, 0.005), 64, "without bad answers nothing ever speaks for harm");
});

test("a comparison needs a share of the traffic", () => {
  const design = harmDesign({ form: "poisson-tilt", null: { ratio: 1, points: 0 }, forecast: 0.005 });
  for (const share of [0, 1, Number.NaN]) assert.throws(() => linearEvidence(design, share), RangeError);
});
