import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Playbook, Trigger } from "../core/playbook.ts";
import { physicsOf } from "../playbook/physics/physics.ts";
import { drawBinomial } from "../simulation/draws.ts";
import { createSeededRandom } from "../simulation/random.ts";
import { createLogHistogram } from "../statistics/index.ts";
import { createEvaluator } from "../watch/evaluator.ts";
import { aSample, aSetup, STABLE } from "../watch/stream.fixture.ts";
import { triggerRules } from "./rules.ts";
import { playbook as base } from "./world.fixture.ts";

const losses = {
  name: "losses",
  kind: "share",
  part: "defaulted",
  of: "loans",
  from: "events",
  better: "down",
} as const;
const approvals = { ...losses, name: "approvals", part: "approved", better: "up" } as const;

/** One trigger on its own, and all of the budget for it. */
function playbookOf(trigger: Playbook["triggers"][number], each: number): Playbook {
  const { trafficPerSecond: _, ...rest } = base;
  const how = { ...base.how, steps: [10, 50], each };
  return { ...rest, signals: [losses, approvals], triggers: [trigger], hardLimits: [], falseAlarms: 0.001, how };
}

/** Seconds and bad answers until the evaluator says harmful, in the middle and at nine of ten of so many runs. */
function simulated(playbook: Playbook, [n1, p1]: readonly [number, number], [n0, p0]: readonly [number, number]) {
  const signal = playbook.triggers[0]!.signal;
  const up = signal === "approvals";
  const random = createSeededRandom(41);
  const horizon = 4 * playbook.how.steps.length * playbook.how.each;
  const frozen = [{ signal, n: 1e6, k: Math.round(1e6 * (up ? 1 - p0 : p0)) }];
  const setup = aSetup({ rules: triggerRules(playbook), frozen, horizon, blindMs: 1e9 });
  const runs = Array.from({ length: 120 }, () => {
    const evaluator = createEvaluator(setup);
    for (let second = 0, bad = 0; ; second++) {
      const [k1, k0] = [drawBinomial(random, n1, p1), drawBinomial(random, n0, p0)];
      bad += k1;
      evaluator.observe([
        aSample(second, n1, up ? n1 - k1 : k1, { signal }),
        aSample(second, n0, up ? n0 - k0 : k0, { signal, release: STABLE }),
      ]);
      if (evaluator.judge(setup.from + 1000 * (second + 1)).kind === "harmful") return { seconds: second + 1, bad };
    }
  });
  const at = (key: "seconds" | "bad", part: number) =>
    runs.map((run) => run[key]).sort((a, b) => a - b)[Math.floor(part * runs.length)]!;
  return { seconds: at("seconds", 0.5), bad: at("bad", 0.5), p90: at("bad", 0.9) };
}

/** Rows of one second, of several groups each, in the words of a stream. */
type Rows = (second: number, random: ReturnType<typeof createSeededRandom>) => readonly ReturnType<typeof aSample>[];

/** Seconds until the evaluator says that a sound candidate is healthy, sorted. */
function provedSafe(playbook: Playbook, groups: Readonly<Record<string, number>>, rows: Rows, runs: number) {
  const random = createSeededRandom(42);
  const known = Object.entries(groups).map(([group, n]) => [group, { n, k: 0.6 * n }] as const);
  const frozen = [{ signal: "approvals", n: 1e6, k: 6e5, groups: Object.fromEntries(known) }];
  // Nothing is called harmful on the way: it would stay so.
  const setup = { ...aSetup({ rules: triggerRules(playbook), frozen, blindMs: 1e9 }), alpha: 1e-9 };
  const found = Array.from({ length: runs }, () => {
    const evaluator = createEvaluator(setup);
    for (let second = 0; ; second++) {
      evaluator.observe(rows(second, random));
      if (evaluator.judge(setup.from + 1000 * (second + 1)).kind === "healthy") return second + 1;
    }
  }).sort((a, b) => a - b);
  return { median: found[Math.floor(runs / 2)]!, p90: found[Math.floor(0.9 * runs)]! };
}

/** One that says by what part a signal moves. */
function compare(signal: string, move: "rises" | "falls", value: number, more: Partial<Trigger> = {}): Trigger {
  return { kind: "compare", name: "t", signal, move, by: { kind: "relative", value }, ...more } as Trigger;
}

describe("what check says of a trigger", () => {
  it("is an upper bound of what the evaluator takes, and a near one, for rare outcomes", () => {
    const trigger = compare("losses", "rises", 0.6);
    const playbook = playbookOf(trigger, 600_000);
    const stated = { baselines: new Map([["losses", 0.01]]), harms: new Map([["losses", 0.04]]) };
    const { detection } = physicsOf(playbook, 200, stated).triggers[0]!;
    const found = simulated(playbook, [20, 0.04], [180, 0.01]);
    assert.ok(
      found.seconds <= detection.seconds.median! + 1,
      `${found.seconds} s, bound ${detection.seconds.median} s`,
    );
    assert.ok(
      detection.seconds.median! <= 1.2 * found.seconds + 1,
      `${found.seconds} s, bound ${detection.seconds.median} s`,
    );
    assert.ok(found.bad <= detection.bad!.median! + 1 && found.p90 <= 1.1 * detection.bad!.p90!, JSON.stringify(found));
  });

  it("is one for common outcomes that a claim looks at within a span", () => {
    const trigger = compare("approvals", "falls", 0.05, { within: 300_000 });
    const playbook = playbookOf(trigger, 300_000);
    const stated = { harms: new Map([["approvals", 0.52]]) };
    const { detection } = physicsOf(playbook, 200, stated).triggers[0]!;
    const found = simulated(playbook, [20, 0.52], [180, 0.4]);
    assert.ok(
      found.seconds <= detection.seconds.median! + 1,
      `${found.seconds} s, bound ${detection.seconds.median} s`,
    );
    // The sum over all starts of the span is more than the first one, which the bound is about.
    assert.ok(
      detection.seconds.median! <= 1.35 * found.seconds + 1,
      `${found.seconds} s, bound ${detection.seconds.median} s`,
    );
  });

  it("is one for a time at several quantiles, both of finding harm and of proving a release safe", () => {
    const latency = { ...losses, name: "latency", kind: "time", part: "seconds" } as const;
    const trigger = { kind: "slows", name: "t", signal: "latency", by: 0.2 } as const;
    const playbook = { ...playbookOf(trigger, 600_000), signals: [latency] };
    const { detection, safety } = physicsOf(playbook, 200).triggers[0]!;
    const random = createSeededRandom(43);
    const drawCells = (n: number, factor: number) => {
      const histogram = createLogHistogram();
      for (let left = n; left > 0; left--) {
        const normal = Math.sqrt(-2 * Math.log1p(-random.next())) * Math.cos(2 * Math.PI * random.next());
        histogram.count(factor * Math.exp(0.6 * normal));
      }
      return histogram.entries();
    };
    const frozen = [{ signal: "latency", n: 50_000, k: 0, cells: drawCells(50_000, 1) }];
    const setup = aSetup({ rules: triggerRules(playbook), frozen, horizon: 4_800_000, blindMs: 1e9 });
    const median = (factor: number, kind: "harmful" | "healthy") => {
      const seconds = Array.from({ length: 40 }, () => {
        const evaluator = createEvaluator(setup);
        for (let second = 0; ; second++) {
          evaluator.observe([
            aSample(second, 20, 0, { signal: "latency", cells: drawCells(20, factor) }),
            aSample(second, 180, 0, { signal: "latency", cells: drawCells(180, 1), release: STABLE }),
          ]);
          if (evaluator.judge(setup.from + 1000 * (second + 1)).kind === kind) return second + 1;
        }
      });
      return seconds.sort((a, b) => a - b)[20]!;
    };
    const [found, proved] = [median(1.4, "harmful"), median(1, "healthy")];
    const said = `${found} and ${proved} s, bounds ${detection.seconds.median} and ${safety.seconds.median} s`;
    assert.ok(found <= detection.seconds.median! + 1 && proved <= safety.seconds.median!, said);
    assert.ok(detection.seconds.median! <= 1.3 * found && safety.seconds.median! <= 1.8 * proved, said);
  });

  it("has every pair of groups proved safe at one moment, in the cohorts that they come in", () => {
    const trigger = {
      kind: "differ",
      name: "t",
      signal: "approvals",
      across: "group",
      by: { kind: "points", value: 0.08 },
    } as const;
    const playbook = playbookOf(trigger, 3_600_000);
    const { safety } = physicsOf(playbook, 500, { baselines: new Map([["approvals", 0.4]]) }).triggers[0]!;
    const rows: Rows = (second, random) =>
      (
        [
          ["group=a", 45],
          ["group=b", 5],
        ] as const
      ).map(([group, n]) => aSample(second, n, drawBinomial(random, n, 0.6), { signal: "approvals", group }));
    const found = provedSafe(playbook, { "group=a": 9e5, "group=b": 1e5 }, rows, 120);
    assertNear(found, safety.seconds, 1.3);
  });

  it("has the whole and each of ten segments proved safe at one moment", () => {
    const trigger = compare("approvals", "falls", 0.15, { inAny: "language" });
    const playbook = playbookOf(trigger, 3_600_000);
    const { safety } = physicsOf(playbook, 1000, { baselines: new Map([["approvals", 0.4]]) }).triggers[0]!;
    const languages = Array.from({ length: 10 }, (_, i) => `language=${i}`);
    const rows: Rows = (second, random) =>
      [{ n: 10 }, { n: 90, release: STABLE }].flatMap(({ n, ...of }) => {
        const parts = languages.map((group) => {
          return aSample(second, n, drawBinomial(random, n, 0.6), { signal: "approvals", group, ...of });
        });
        const k = parts.reduce((sum, part) => sum + part.k, 0);
        return [...parts, aSample(second, 10 * n, k, { signal: "approvals", ...of })];
      });
    const found = provedSafe(playbook, Object.fromEntries(languages.map((one) => [one, 1e5])), rows, 40);
    assertNear(found, safety.seconds, 1.3);
  });
});

function assertNear(found: { median: number; p90: number }, bound: { median?: number; p90?: number }, most: number) {
  for (const part of ["median", "p90"] as const) {
    const says = `${part} ${found[part]} s, bound ${bound[part]} s`;
    assert.ok(found[part] <= bound[part]! + 1 && bound[part]! <= most * found[part] + 2, says);
  }
}
