import { withDeadline } from "../core/deadline.ts";
import type { Json } from "../core/digest.ts";
import type { PolicyAnswer } from "../core/ports.ts";
import type { Finding, Verdict } from "../core/verdict.ts";
import type { Run } from "./run.ts";

/** How often policies are asked, and how long one may take: they never delay a judgement. */
const EVERY_MS = 1000;
const PATIENCE_MS = 2000;

/** The reasons to go back that policies have given so far; one that was given stays. */
export interface PolicyWatch {
  /** The verdict with what the policies say. It can become harmful, and never better. */
  join(verdict: Verdict): Verdict;
  stop(): void;
}

/** Asks the playbook's policies beside the judgement, every second. Undefined and unreachable add no reason. */
export function watchPolicies(run: Run): PolicyWatch {
  const triggers = run.playbook.policies ?? [];
  const given = new Map<string, Finding>();
  const stopped = new AbortController();
  const loop = async () => {
    while (!stopped.signal.aborted) {
      for (const { name, at } of triggers) {
        const answer = await ask(run, at, "back");
        if (answer.kind !== "answered" || answer.reasons.length === 0) continue;
        given.set(name, findingOf(run, name, answer.reasons.join("; ")));
      }
      await run.ports.clock.sleep(EVERY_MS, stopped.signal);
    }
  };
  if (triggers.length > 0) void loop();
  return {
    join(verdict) {
      if (given.size === 0) return verdict;
      const because = [...new Set([...verdict.because, ...given.keys()])];
      return { ...verdict, kind: "harmful", because, findings: [...verdict.findings, ...given.values()] };
    },
    stop: () => stopped.abort(),
  };
}

/** Why the rollout may not take its next step, if so. A policy that does not answer says no: doubt blocks forward. */
export async function forbiddenForward(run: Run): Promise<string | undefined> {
  const { allow } = run.playbook.how;
  if (allow === undefined) return undefined;
  const answer = await ask(run, allow, "forward");
  if (answer.kind !== "answered") return `${allow} is ${answer.kind}: ${answer.reason}`;
  return answer.reasons.length > 0 ? answer.reasons.join("; ") : undefined;
}

function ask(run: Run, at: string, direction: "back" | "forward"): Promise<PolicyAnswer> {
  const { clock, policyFor } = run.ports;
  const silent = (reason: string): PolicyAnswer => ({ kind: "unreachable", reason });
  return withDeadline(clock, PATIENCE_MS, silent, async (signal) => {
    if (!policyFor) return silent("no policy is connected");
    return policyFor(at).decide(at, questionOf(run, direction), signal);
  });
}

/** What a policy is told: names, digests and counts; no personal data is known here. */
function questionOf({ rollout, candidate, stable, playbook, verdict }: Run, direction: string): Json {
  const release = ({ id, label, revisions }: Run["candidate"]): Json => ({
    id,
    label,
    revisions: Object.fromEntries(
      Object.entries(revisions).map(([name, r]) => [name, { digest: r.digest, label: r.label }]),
    ),
  });
  const { system, owner, risk } = playbook;
  const { id, step, phase } = rollout;
  const findings = (verdict?.findings ?? []).map(({ name, signal, kind, candidate: c, reference: r }) => ({
    name,
    signal,
    kind,
    candidate: { n: c.n, k: c.k },
    reference: { n: r.n, k: r.k },
  }));
  const percent = step < 0 ? 0 : (playbook.how.steps[step] ?? 0);
  return {
    direction,
    system,
    owner,
    risk,
    rollout: { id, phase, percent, unannounced: rollout.unannounced ?? false },
    candidate: release(candidate),
    stable: release(stable),
    verdict: { kind: verdict?.kind ?? "no-data", findings },
  };
}

function findingOf(run: Run, name: string, claim: string): Finding {
  return {
    name,
    signal: name,
    kind: "harmful",
    claim,
    method: "policy",
    candidate: { release: run.candidate.id, n: 0, k: 0 },
    reference: { release: run.stable.id, n: 0, k: 0 },
    logHarm: 0,
    logSafe: 0,
  };
}
