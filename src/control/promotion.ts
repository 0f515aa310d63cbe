import { formatDuration } from "../core/time.ts";
import type { Verdict } from "../core/verdict.ts";
import { holdEvidence } from "./held-evidence.ts";
import { cordOf, wordFor } from "./order.ts";
import { emit, entryOf, type Run, routeTo, samplesChange, save } from "./run.ts";

/**
 * The candidate has proved itself: it is the last known good from here on, with the share of the last step; the rest
 * stays on the release before it for the holdback. Answers whether there is no holdback to wait for.
 */
export async function promote(run: Run, verdict: Verdict): Promise<boolean> {
  const { clock, traffic } = run.ports;
  const now = clock.now();
  const { system, how } = run.playbook;
  const last = how.steps.length - 1;
  const holdbackFor = how.holdbackFor ?? 0;
  const route = routeTo(run, how.steps[last] ?? 0);
  const { order: _, ...rest } = run.rollout;
  const by = run.order?.kind === "promote" ? run.order.by : "rollbook";
  const word = wordFor(run.order, verdict);
  run.order = undefined;
  await save(run, { ...rest, ...word, phase: "healthy", step: last, promotedAt: now, verdict }, [
    ...samplesChange(run, []),
    { kind: "route", route },
    { kind: "known-good", knownGood: { system, release: run.candidate.id, provedAt: now } },
    entryOf(
      run,
      "promoted",
      { holdback: how.holdback, holdbackMs: holdbackFor, release: run.candidate.id, verdict: verdict.kind },
      by,
    ),
  ]);
  if (cordOf(run)) return false;
  traffic.set(route);
  const text =
    holdbackFor > 0
      ? `${how.holdback} % stays on ${run.stable.label} and is watched for ${formatDuration(holdbackFor)}`
      : "it takes all traffic";
  emit(run, "promoted", `${run.candidate.label} is promoted; ${text}`, { verdict });
  await holdEvidence(run, "promotion", verdict);
  return holdbackFor === 0;
}

/**
 * The holdback is over: the candidate becomes stable and the two sides of the gateway change their parts. Nothing is
 * deployed: the release before it stays where it is, warm, until the next candidate needs the place.
 */
export async function settle(run: Run): Promise<void> {
  const { traffic, clock } = run.ports;
  const { system } = run.playbook;
  const { candidate: _, swapped, ...current } = routeTo(run, 0);
  const route = { ...current, stable: run.candidate.id, ...(swapped ? {} : { swapped: true }) };
  await save(run, { ...run.rollout, phase: "healthy", endedAt: clock.now() }, [
    { kind: "route", route },
    entryOf(run, "settled", { stable: run.candidate.id, epoch: route.epoch, swapped: route.swapped ?? false }),
    entryOf(run, "rollout-ended", {
      outcome: "promoted",
      holdback: run.playbook.how.holdback,
      release: run.candidate.id,
    }),
  ]);
  if (cordOf(run)) return;
  traffic.set(route);
  emit(run, "settled", `${run.candidate.label} is stable; ${run.stable.label} stays warm until the next release`);
  traffic.renew(system, clock.now());
}
