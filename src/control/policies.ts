import { OVER, withDeadline } from "../core/deadline.ts";
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
    stop: () => stopped.abort(OVER),
  };
}

/** What the playbook says of going forward: asked beside the judgement, which never waits for it. */
export interface ForwardGate {
  /** `asking` until it is known; `reason` is why the next step may not be taken, if so. Asks when nothing is under way. */
  pass(): { readonly kind: "asking" } | { readonly kind: "known"; readonly reason?: string };
}

/** A policy that does not answer says no: doubt blocks forward. Each answer counts for one look, and not for long. */
export function openForwardGate(run: Run): ForwardGate {
  let known: { readonly kind: "known"; readonly reason?: string } | undefined;
  let answeredAt = 0;
  let asking = false;
  return {
    pass() {
      if (run.playbook.how.allow === undefined) return { kind: "known" };
      const answer = known;
      known = undefined;
      if (answer && run.ports.clock.now() - answeredAt <= PATIENCE_MS) return answer;
      if (!asking) {
        asking = true;
        void forbiddenForward(run, run.playbook.how.allow).then((reason) => {
          answeredAt = run.ports.clock.now();
          known = reason === undefined ? { kind: "known" } : { kind: "known", reason };
          asking = false;
        });
      }
      return { kind: "asking" };
    },
  };
}

async function forbiddenForward(run: Run, allow: string): Promise<string | undefined> {
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
