import { triggerRules } from "../../src/control/rules.ts";
import { bucketOf, meanPlaceOf } from "../../src/core/cells.ts";
import { digestOf } from "../../src/core/digest.ts";
import type { Playbook, Signal, Trigger } from "../../src/core/playbook.ts";
import type { Cells } from "../../src/core/sample.ts";
import type { Verdict } from "../../src/core/verdict.ts";
import { createEvaluator } from "../../src/watch/evaluator.ts";
import { ALPHA, HOUR } from "./worlds.ts";

const START = 1_700_000_000_000;
const CANDIDATE = digestOf("candidate");
const STABLE = digestOf("stable");

/** A signal of values and what a playbook says of it, as they are parsed. */
export interface ValueClaim {
  readonly signal: Signal;
  readonly trigger: Trigger;
}

/**
 * The product's own evaluator in its default configuration with the rule that the trigger compiles to, fed with samples of
 * second buckets in the cells that the product counts in.
 * @param seen what stable's answers were before the release, in the signal's own unit
 */
export function createValueJudge({ signal, trigger }: ValueClaim, seen: readonly number[]) {
  const playbook = { signals: [signal], triggers: [trigger], how: { steps: [] } } as unknown as Playbook;
  const evaluator = createEvaluator({
    rules: triggerRules(playbook),
    hardLimits: [],
    alpha: ALPHA,
    beta: 0.05,
    candidate: CANDIDATE,
    reference: STABLE,
    from: START,
    horizon: HOUR * 1000,
    frozen: [{ signal: signal.name, n: seen.length, k: 0, cells: cellsOf(signal, seen) }],
    blindMs: 10_000,
  });
  let sequence = 0;
  const judge = (candidate: readonly number[], stable: readonly number[], at: number): Verdict => {
    const bucket = START + 1000 * Math.floor(at - 1e-6);
    const head = { node: "edge", sequence: ++sequence, bucket, signal: signal.name, k: 0 };
    evaluator.observe([
      { ...head, release: CANDIDATE, n: candidate.length, cells: cellsOf(signal, candidate) },
      { ...head, release: STABLE, n: stable.length, cells: cellsOf(signal, stable) },
    ]);
    return evaluator.judge(START + 1000 * Math.ceil(at - 1e-6));
  };
  return {
    judge,
    /** Is it harmful with the answers of one more tick, which ends `at` this second? */
    take(candidate: readonly number[], stable: readonly number[], at: number): boolean {
      return judge(candidate, stable, at).kind === "harmful";
    },
  };
}

/** As the gateway's counting does it. */
function cellsOf({ kind, range }: Signal, values: readonly number[]): Cells {
  const cells = new Map<number, number>();
  const add = (cell: number, count: number) => count > 0 && cells.set(cell, (cells.get(cell) ?? 0) + count);
  for (const value of values) {
    if (kind === "time") add(bucketOf(value), 1);
    else {
      const { below, upper } = meanPlaceOf(value, range);
      add(below, 1 - upper);
      add(below + 1, upper);
    }
  }
  return [...cells].sort(([a], [b]) => a - b);
}
