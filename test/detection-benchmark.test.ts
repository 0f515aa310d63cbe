import assert from "node:assert/strict";
import { test } from "node:test";
import { createBinomialDraws } from "../bench/detection/draws.ts";
import { createDefault, designOf } from "../bench/detection/ours.ts";
import { createFactors, createScreen } from "../bench/detection/screen.ts";
import { createStream } from "../bench/detection/stream.ts";
import { createValueJudge } from "../bench/detection/value-judge.ts";
import { VALUES } from "../bench/detection/values.ts";
import { HEALTHY } from "../bench/detection/worlds.ts";
import { createSeededRandom } from "../src/simulation/random.ts";
import { logBinomial } from "../src/statistics/binomial.ts";

test("the quick evidence of healthy worlds is the evaluator's own, to rounding and never below it", () => {
  for (const world of HEALTHY.filter(({ uncorrected }) => uncorrected === undefined)) {
    const random = createSeededRandom(`screen ${world.name}`);
    const stream = createStream(random, world.open(random));
    const design = designOf(world);
    const screen = createScreen(design, createFactors(design));
    const judge = createDefault(world);
    for (let second = 0; second < 400; second++) {
      stream.next(1);
      const quick = Math.log(screen.take(stream.units, second).late);
      judge.take(stream.units, stream.at);
      assert.ok(quick - judge.log >= -1e-9 && quick - judge.log < 1e-6, `${world.name}: ${quick}, ${judge.log}`);
    }
  }
});

test("values are judged by the evaluator itself with the trigger's rule: what is worse goes back, what is not stays", () => {
  for (const { claim, candidate, stable, reported } of VALUES) {
    const random = createSeededRandom(`values/${claim.signal.name}`);
    const draw = (n: number, of: typeof stable) => Array.from({ length: n }, () => reported(of(random)));
    const ends = (of: typeof stable, seconds: number) => {
      const judge = createValueJudge(claim, draw(5000, stable));
      for (let tick = 1; tick <= seconds * 10; tick++)
        if (judge.take(draw(5, of), draw(20, stable), tick / 10)) return tick;
      return undefined;
    };
    assert.ok(ends(candidate, 200), claim.signal.name);
    assert.equal(ends(stable, 60), undefined, claim.signal.name);
  }
});

test("binomial draws follow their law, walked, from a table, and where many are expected", () => {
  const random = createSeededRandom("draws");
  for (const [n, p] of [
    [20, 0.05],
    [950, 0.005],
    [1000, 0.05],
    [950, 0.4],
  ] as const) {
    const draw = createBinomialDraws();
    const draws = 20_000;
    const seen = new Map<number, number>();
    for (let left = draws; left > 0; left--) {
      const k = draw(random, n, p);
      seen.set(k, (seen.get(k) ?? 0) + 1);
    }
    for (const [k, count] of seen) {
      const expected = draws * Math.exp(logBinomial(n, k, p));
      if (expected > 25) assert.ok(Math.abs(count - expected) < 5 * Math.sqrt(expected), `${k} of ${n}: ${count}`);
    }
  }
});
