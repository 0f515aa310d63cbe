import type { Sample } from "../core/sample.ts";
import type { Verdict } from "../core/verdict.ts";
import type { EvaluatorSetup } from "../watch/evaluator.ts";
import type { ShareRule } from "../watch/rule.ts";
import { judgeAgain, type Rest } from "./recompute.ts";

/** What it would have taken to decide otherwise. */
export interface ChangeOfMind {
  readonly rule: string;
  /** Of the newest answers of the candidate: so many bad ones good, or so many good ones bad. */
  readonly turned: "good" | "bad";
  readonly answers: number;
}

/**
 * The fewest of the candidate's newest answers that would have changed the verdict, had they been the other way round, for
 * the rule about a share that spoke loudest: exact, since more bad answers never take harm back. Undefined where no number
 * of them would have.
 */
export async function changeOfMind(
  parameters: EvaluatorSetup,
  samples: readonly Sample[],
  verdict: Verdict,
  rest?: Rest,
): Promise<ChangeOfMind | undefined> {
  const harmful = verdict.kind === "harmful";
  const loudest = verdict.findings
    .filter(({ name }) => parameters.rules.some((rule) => rule.name === name && rule.test === "share"))
    .toSorted((a, b) => b.logHarm - a.logHarm)[0];
  const rule = parameters.rules.find(({ name }) => name === loudest?.name) as ShareRule | undefined;
  // Answers of a segment are in two sums, and nobody knows which of the whole's are which segment's.
  if (rule?.signal.kind !== "share" || rule.signal.per !== undefined || rule.inAny !== undefined) return undefined;
  if (harmful && !verdict.because.includes(rule.name)) return undefined;
  const turned = harmful ? "good" : "bad";
  const changes = async (answers: number) => {
    const other = turnNewest(samples, rule, parameters, turned, answers);
    const { kind } = await judgeAgain(parameters, batchesOf(other), verdict.at, rest);
    return (kind === "harmful") !== harmful;
  };
  const most = available(samples, rule, parameters, turned);
  if (most === 0 || !(await changes(most))) return undefined;
  let [no, yes] = [0, most];
  while (yes - no > 1) {
    const middle = Math.floor((no + yes) / 2);
    if (await changes(middle)) yes = middle;
    else no = middle;
  }
  return { rule: rule.name, turned, answers: yes };
}

/** About as many rows as a pack has. */
const BATCH = 2000;

/** Never cut within what a node counted under one sequence: the rest of it would count as taken before. */
export function* batchesOf(samples: readonly Sample[], size = BATCH): Generator<readonly Sample[]> {
  for (let from = 0, to = 0; from < samples.length; from = to) {
    to = Math.min(from + size, samples.length);
    while (to < samples.length && isTogether(samples[to - 1]!, samples[to]!)) to += 1;
    yield samples.slice(from, to);
  }
}

function isTogether(a: Sample, b: Sample): boolean {
  return a.node === b.node && a.sequence === b.sequence;
}

function isOwn({ signal, release, group }: Sample, rule: ShareRule, { candidate }: EvaluatorSetup): boolean {
  return signal === rule.signal.name && release === candidate && group === undefined;
}

/** How many answers of a sample could be turned. */
function turnable({ n, k }: Sample, { badIs }: ShareRule, turned: ChangeOfMind["turned"]): number {
  return (badIs === "part") === (turned === "good") ? k : n - k;
}

function available(
  samples: readonly Sample[],
  rule: ShareRule,
  parameters: EvaluatorSetup,
  turned: ChangeOfMind["turned"],
): number {
  return samples.reduce((sum, one) => sum + (isOwn(one, rule, parameters) ? turnable(one, rule, turned) : 0), 0);
}

function turnNewest(
  samples: readonly Sample[],
  rule: ShareRule,
  parameters: EvaluatorSetup,
  turned: ChangeOfMind["turned"],
  answers: number,
): readonly Sample[] {
  let left = answers;
  const direction = (rule.badIs === "part") === (turned === "good") ? -1 : 1;
  return samples
    .toReversed()
    .map((sample) => {
      if (left === 0 || !isOwn(sample, rule, parameters)) return sample;
      const some = Math.min(left, turnable(sample, rule, turned));
      left -= some;
      return { ...sample, k: sample.k + direction * some };
    })
    .toReversed();
}
