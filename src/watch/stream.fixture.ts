import { digestOf } from "../core/digest.ts";
import type { HardLimit, Signal } from "../core/playbook.ts";
import type { Random } from "../core/ports.ts";
import type { Sample } from "../core/sample.ts";
import { drawBinomial, drawInteger, drawPoisson } from "../simulation/draws.ts";
import type { EvaluatorSetup } from "./evaluator.ts";
import type { ShareRule } from "./rule.ts";

export const START = 1_700_000_000_000;
export const CANDIDATE = digestOf("candidate");
export const STABLE = digestOf("stable");

export const LOSSES: Signal = {
  name: "losses",
  kind: "share",
  part: "defaulted",
  of: "loans",
  from: "events",
  better: "down",
};
export const APPROVALS: Signal = { ...LOSSES, name: "approvals", part: "approved", of: "applications", better: "up" };
export const LEAKS: Signal = { ...LOSSES, name: "leaks", kind: "count", part: "leaked-tokens", of: "answers" };

export function aRule(fields: Partial<ShareRule> = {}): ShareRule {
  return {
    test: "share",
    name: "rising-losses",
    signal: LOSSES,
    claim: "losses rise by more than 60 %",
    null: { ratio: 1.6, points: 0 },
    badIs: "part",
    ...fields,
  };
}

export function aLimit(fields: Partial<HardLimit> = {}): HardLimit {
  return { name: "meltdown", signal: "losses", comparison: ">", limit: 0.05, over: 10_000, min: 20, ...fields };
}

export function aSetup(fields: Partial<EvaluatorSetup> = {}): EvaluatorSetup {
  return {
    rules: [aRule()],
    hardLimits: [],
    alpha: 0.001,
    beta: 0.05,
    candidate: CANDIDATE,
    reference: STABLE,
    from: START,
    horizon: 60_000,
    frozen: [{ signal: "losses", n: 1000, k: 80 }],
    blindMs: 10_000,
    ...fields,
  };
}

/** One row: in this batch, of the second `second`, so many of so many. */
export function aSample(second: number, n: number, k: number, fields: Partial<Sample> = {}): Sample {
  const bucket = START + 1000 * second;
  return { node: "node-1", sequence: second + 1, bucket, signal: "losses", release: CANDIDATE, n, k, ...fields };
}

export interface Traffic {
  readonly ticks: number;
  /** Requests in a tick of 100 ms, on average. */
  readonly perTick: number;
  readonly share: number;
  readonly p1: number;
  readonly p0: number;
  readonly node?: string;
}

/** Batches of one node as they arrive, an outcome 3 to 9 ticks after its request. */
export function streamOf(random: Random, traffic: Traffic): readonly (readonly Sample[])[] {
  const { ticks, perTick, share, p1, p0, node = "node-1" } = traffic;
  const arrivals = Array.from({ length: ticks + 10 }, () => new Map<string, { n: number; k: number }>());
  for (let tick = 0; tick < ticks; tick++) {
    for (const release of [CANDIDATE, STABLE]) {
      const [part, bad] = release === CANDIDATE ? [share, p1] : [1 - share, p0];
      for (let left = drawPoisson(random, perTick * part); left > 0; left--) {
        const rows = arrivals[tick + drawInteger(random, 3, 9)]!;
        const key = `${Math.floor(tick / 10)} ${release}`;
        const row = rows.get(key) ?? { n: 0, k: 0 };
        rows.set(key, { n: row.n + 1, k: row.k + drawBinomial(random, 1, bad) });
      }
    }
  }
  return arrivals
    .filter((rows) => rows.size > 0)
    .map((rows, index) =>
      [...rows].map(([key, counts]) => {
        const [second, release] = key.split(" ");
        return aSample(Number(second), counts.n, counts.k, {
          node,
          sequence: index + 1,
          release: release as typeof CANDIDATE,
        });
      }),
    );
}
