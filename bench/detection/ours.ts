import { digestOf } from "../../src/core/digest.ts";
import { maturityOf, type Signal } from "../../src/core/playbook.ts";
import type { OnlineJudge } from "../../src/statistics/incumbents/online-judge.ts";
import {
  advance,
  advanceDrift,
  type Block,
  calibrate,
  chooseForm,
  type Design,
  driftAlarm,
  harmDesign,
  increments,
  mixture,
  startRecursion,
} from "../../src/statistics/index.ts";
import { createEvaluator, type Evaluator, type EvaluatorSetup } from "../../src/watch/evaluator.ts";
import { ALPHA, HOUR, type World } from "./worlds.ts";

const START = 1_700_000_000_000;
const CANDIDATE = digestOf("candidate");
const STABLE = digestOf("stable");
/** Units of stable that were seen before the release. */
const FROZEN = 100_000;

type Question = Pick<World, "null" | "forecast" | "share" | "labels" | "per">;

function signalOf(name: string, { labels, per }: Question): Signal {
  const signal: Signal = { name, kind: "share", part: "bad", of: "all", from: "prometheus", better: "down" };
  return { ...signal, ...(labels !== undefined && { labels }), ...(per !== undefined && { per }) };
}

function setupOf(names: readonly string[], question: Question): EvaluatorSetup {
  return {
    rules: names.map((name) => ({
      name: `more-${name}`,
      test: "share",
      signal: signalOf(name, question),
      claim: `${name} rise`,
      null: question.null,
      badIs: "part",
    })),
    hardLimits: [],
    alpha: ALPHA,
    beta: 0.05,
    candidate: CANDIDATE,
    reference: STABLE,
    from: START,
    horizon: HOUR * 1000,
    frozen: names.map((signal) => ({ signal, n: FROZEN, k: Math.round(FROZEN * question.forecast) })),
    blindMs: 10_000,
  };
}

/** The product's own evaluator in its default configuration, fed with samples of second buckets as they come. */
export interface DefaultJudge extends OnlineJudge {
  /** ln of the evidence after the last tick. */
  readonly log: number;
  /** Takes one tick of every signal, in the order of their names. */
  takeAll(counts: readonly Block[], at: number): boolean;
}

export function createDefault(question: Question, signals = 1): DefaultJudge {
  const names = Array.from({ length: signals }, (_, index) => `errors-${index}`);
  const evaluator: Evaluator = createEvaluator(setupOf(names, question));
  // A world that is labelled late hands over each second as it is known at maturity: that is when it is judged.
  const maturity = maturityOf(signalOf(names[0]!, question));
  let sequence = 0;
  let log = 0;
  const judge: DefaultJudge = {
    get log() {
      return log;
    },
    take: (counts, at) => judge.takeAll([counts], at),
    takeAll(counts, at) {
      const bucket = START + 1000 * Math.floor(at - 1e-6);
      sequence++;
      const known = START + 1000 * Math.ceil(at - 1e-6) + maturity;
      const handed = { node: "edge", sequence, bucket, ...(maturity > 0 && { known }) };
      evaluator.observe(
        counts.flatMap(({ n1, k1, n0, k0 }, index) => [
          { ...handed, signal: names[index]!, release: CANDIDATE, n: n1, k: k1 },
          { ...handed, signal: names[index]!, release: STABLE, n: n0, k: k0 },
        ]),
      );
      const verdict = evaluator.judge(START + 1000 * Math.ceil(at - 1e-6) + maturity);
      log = verdict.logEvidence;
      return verdict.kind === "harmful";
    },
  };
  return judge;
}

/** The test that the default evaluator uses for this question. */
export function designOf({ null: hypothesis, forecast }: Question): Design {
  const known = (Math.round(FROZEN * forecast) + 0.5) / (FROZEN + 1);
  return harmDesign({ form: chooseForm(known, hypothesis), null: hypothesis, forecast: known });
}

/** The mixture without later starts, against Ville's threshold or another one. */
export function createStartOnly(question: Question, logThreshold = -Math.log(ALPHA)): OnlineJudge {
  const design = designOf(question);
  const totals = new Float64Array(design.alternatives.length);
  return {
    take(counts) {
      const more = increments(design, counts);
      for (let j = 0; j < totals.length; j++) totals[j]! += more[j]!;
      return mixture(design, totals) >= logThreshold;
    },
  };
}

const thresholds = new Map<string, number>();

/** The lowered threshold of the calibrated mode; undefined where no exact walk exists. */
export function calibratedThreshold(question: Question): number | undefined {
  const design = designOf(question);
  if (design.form !== "poisson-tilt" || design.null.points > 0) return undefined;
  const key = `${question.share}/${JSON.stringify(design.null)}/${question.forecast}`;
  const known = thresholds.get(key);
  if (known !== undefined) return known;
  const { logThreshold } = calibrate({ design, share: question.share, alpha: ALPHA, trials: 18_000 });
  thresholds.set(key, logThreshold);
  return logThreshold;
}

/** Seconds between two false alarms of the endless watch: at most alpha of all hours have one. */
export const BETWEEN = HOUR / ALPHA;

/** The endless watch after a promotion: a start in every second. */
export function createDrift(question: Question): OnlineJudge {
  const design = designOf(question);
  let state = startRecursion(design);
  let second = -1;
  return {
    take(counts, at) {
      const now = Math.floor(at - 1e-6);
      const more = increments(design, counts);
      state = now > second ? advanceDrift(state, design, more) : advance(state, design, more, 0);
      second = now;
      return driftAlarm(state, BETWEEN);
    },
  };
}
