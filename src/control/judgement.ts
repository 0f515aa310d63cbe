import type { Sample } from "../core/sample.ts";
import { samplesIn } from "../core/sample-pack.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { Verdict } from "../core/verdict.ts";
import { createEvaluator, type Evaluator, type EvaluatorSetup } from "../watch/evaluator.ts";
import { againstFrozen } from "../watch/frozen-reference.ts";
import { judgingSpan } from "./cadence.ts";
import { packsOf } from "./count-journal.ts";
import { FencedError } from "./fenced-error.ts";
import { watchPolicies } from "./policies.ts";
import { signalOf, triggerRules } from "./rules.ts";
import { drain, entryOf, type Run, save } from "./run.ts";

/** Probability of calling a candidate safe although it does the harm that a trigger names. */
export const BETA = 0.05;

/** Judges a rollout on everything that arrives: the evaluator of its playbook, and its policies. */
export interface Judgement {
  /** Waits for the next tick, unless somebody gave the order to go back; takes what arrived, and judges. */
  next(): Promise<{ readonly verdict: Verdict; readonly samples: readonly Sample[] }>;
  readonly evaluator: Evaluator;
  stop(): void;
}

/** Starts with what the store knows already, so that a restart forgets no evidence. */
export async function startJudgement(run: Run, exposed: Instant): Promise<Judgement> {
  const { clock } = run.ports;
  let from = exposed;
  let evaluator = await startEvaluator(run, from);
  const span = judgingSpan(run);
  const policies = watchPolicies(run);
  return {
    get evaluator() {
      return evaluator;
    },
    async next() {
      const going = run.order?.kind === "rollback" || run.order?.kind === "abort";
      if (!going) await clock.sleep(span(from, clock.now()));
      if (run.stopped) throw new FencedError(run.lease.resource);
      // A clock that was set back to before the exposure: what is served now would be evidence only when it comes there again.
      if (clock.now() < from - SET_BACK) {
        from = clock.now();
        evaluator = await startEvaluator(run, from);
      }
      const alone = aloneSince(run);
      if (alone !== undefined && alone !== run.parameters?.alone) {
        run.parameters = { ...run.parameters!, alone };
        evaluator.alone(alone);
      }
      const samples = drain(run);
      evaluator.observe(samples);
      const verdict = policies.join(evaluator.judge(clock.now()));
      run.verdict = verdict;
      return { verdict, samples };
    },
    stop: policies.stop,
  };
}

/** Since when the plan has given the candidate all requests, if it has. */
function aloneSince({ playbook, rollout }: Run): Instant | undefined {
  return (playbook.how.steps[rollout.step] ?? 0) >= 100 ? rollout.stepSince : undefined;
}

/** Clocks that are kept right are set back by less. */
const SET_BACK: Milliseconds = 1000;

async function startEvaluator(run: Run, from: Instant): Promise<Evaluator> {
  const parameters = run.rollout.unannounced ? againstTheWindow(run, from) : besideStable(run, from);
  run.parameters = parameters;
  await save(run, () => run.rollout, [entryOf(run, "parameters", JSON.parse(JSON.stringify(parameters)))]);
  const evaluator = createEvaluator(parameters);
  const { store, clock } = run.ports;
  for await (const pack of packsOf(store, run.rollout.id)) {
    evaluator.observe(samplesIn(pack));
    // Others get their turn: renewing the lease must not wait for hours of counts.
    await clock.sleep(0);
  }
  evaluator.observe(await store.unpacked(run.rollout.id));
  return evaluator;
}

function besideStable(run: Run, from: Instant): EvaluatorSetup {
  const { playbook, settings, rollout } = run;
  return {
    rules: triggerRules(playbook),
    hardLimits: limitsOf(run),
    alpha: playbook.falseAlarms,
    beta: BETA,
    candidate: run.candidate.id,
    reference: run.stable.id,
    from,
    ...spansOf(run),
    ...(aloneSince(run) === undefined ? {} : { alone: aloneSince(run)! }),
    planned: { shares: playbook.how.steps.map((percent) => percent / 100), each: playbook.how.each },
    frozen: rollout.frozen,
    blindMs: settings.blindMs,
  };
}

/** No stable serves beside it: half of the error budget pays for not knowing the frozen window's true shares. */
function againstTheWindow(run: Run, from: Instant): EvaluatorSetup {
  const { playbook, settings, rollout } = run;
  const alpha = playbook.falseAlarms / 2;
  const rules = triggerRules(playbook);
  return {
    rules: rules.map((rule) => againstFrozen(rule, rollout.frozen, alpha / rules.length)),
    hardLimits: limitsOf(run),
    alpha,
    beta: BETA / 2,
    candidate: run.candidate.id,
    reference: "sha256:none",
    from,
    ...spansOf(run),
    frozen: rollout.frozen,
    blindMs: settings.blindMs,
  };
}

function spansOf({ playbook: { how }, settings }: Run) {
  return { horizon: settings.patienceMs, holdback: how.holdbackFor ?? 0, warmUp: how.warmUp ?? 0 };
}

function limitsOf({ playbook }: Run) {
  return playbook.hardLimits.map((limit) => ({ limit, signal: signalOf(playbook, limit.signal) }));
}
