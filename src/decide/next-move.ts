import type { Playbook } from "../core/playbook.ts";
import type { Order, Rollout } from "../core/rollout.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { Verdict } from "../core/verdict.ts";

/** What to do with a rollout now. Harm comes first; everything else only decides whether to go forward. */
export type Move =
  | { readonly kind: "settle" }
  | { readonly kind: "roll-back"; readonly cause: "harm" | "undecided"; readonly because: readonly string[] }
  | { readonly kind: "advance"; readonly step: number }
  | { readonly kind: "promote" }
  | { readonly kind: "stay"; readonly why: string; readonly blind: boolean };

/** What serves something else than it should, and since when that is seen. */
export interface ForeignChange {
  readonly what: string;
  readonly since: Instant;
}

/**
 * Decides on the newest verdict. Early steps need only time and sound data, because they limit the exposure
 * themselves; the last step and the promotion need proof of safety (`healthy`).
 * `patience` is how long the whole rollout may stay without a decision before it goes back. `changed`: what somebody
 * changed at its places, and since when; proof of safety is none for what is served since then, so it has the same patience.
 */
export function nextMove(
  playbook: Playbook,
  rollout: Rollout,
  verdict: Verdict,
  now: Instant,
  patience: Milliseconds,
  changed?: ForeignChange,
): Move {
  if (verdict.kind === "harmful") return { kind: "roll-back", cause: "harm", because: verdict.because };
  if (rollout.order?.kind === "pause")
    return { kind: "stay", why: said("paused", rollout.order), blind: verdict.kind === "no-data" };
  if (rollout.promotedAt !== undefined) return inHoldback(playbook, rollout, verdict, rollout.promotedAt, now);
  if (rollout.order?.kind === "promote") return { kind: "promote" };
  // Proof of safety is a decision: such a rollout only waits for its steps.
  if (verdict.kind !== "healthy" && now - (rollout.exposedAt ?? now) > patience) {
    return { kind: "roll-back", cause: "undecided", because: [`${verdict.kind} for longer than its patience`] };
  }
  if (changed !== undefined && now - changed.since > patience) {
    return { kind: "roll-back", cause: "undecided", because: [`${changed.what}, for longer than its patience`] };
  }
  if (verdict.kind === "no-data") return { kind: "stay", why: "no data from the candidate", blind: true };
  if (verdict.kind === "instrument-error") return { kind: "stay", why: "the instrument is in doubt", blind: false };
  if (now - rollout.stepSince < playbook.how.each) return { kind: "stay", why: "the step is not over", blind: false };
  const last = playbook.how.steps.length - 1;
  const provenNeeded = rollout.step + 1 >= last;
  if (provenNeeded && verdict.kind !== "healthy")
    return { kind: "stay", why: "safety is not proved yet", blind: false };
  return rollout.step >= last ? { kind: "promote" } : { kind: "advance", step: rollout.step + 1 };
}

/**
 * After the promotion the last known good keeps its share, and everything is watched, until the holdback is over. Ending it
 * is a step forward: on doubt, or blind, only a person takes it.
 */
function inHoldback(playbook: Playbook, { order }: Rollout, { kind }: Verdict, since: Instant, now: Instant): Move {
  if (order?.kind === "promote") return { kind: "settle" };
  const blind = kind === "no-data";
  if (now - since < (playbook.how.holdbackFor ?? 0)) return { kind: "stay", why: "the holdback is watched", blind };
  if (blind) return { kind: "stay", why: "the holdback is over, and there is no data from the candidate", blind };
  if (kind !== "instrument-error") return { kind: "settle" };
  return { kind: "stay", why: "the holdback is over, and the instrument is in doubt", blind };
}

function said(what: string, { by, reason }: Order): string {
  return `${what} by ${by}: ${reason}`;
}
