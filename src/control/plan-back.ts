import type { Playbook } from "../core/playbook.ts";
import { refuse } from "../core/refusal.ts";
import type { Release } from "../core/release.ts";
import type { Rollout } from "../core/rollout.ts";
import { planRollback } from "../decide/plan-change.ts";
import { withRivals } from "../decide/plan-rivals.ts";
import type { PastSteps } from "../decide/price.ts";
import type { ReleasePlans } from "./gate.ts";
import type { ControlPorts } from "./ports.ts";
import { rivalsOf } from "./rivals.ts";

/** The plan back of a rollout, with who would undo it; the targets are asked. @throws RELEASE_REFUSED when there is none. */
export async function planBackOf(
  ports: ControlPorts,
  playbook: Playbook,
  { place }: Rollout,
  candidate: Release,
  stable: Release,
  past: readonly PastSteps[],
): Promise<ReleasePlans["back"]> {
  const rivals = await rivalsOf(ports, playbook, place ?? "at");
  const planned = withRivals(planRollback(playbook, candidate, stable, place, past), rivals);
  if (planned.kind === "impossible")
    throw refuse(
      planned.reasons.join("; "),
      "Mend the playbook or name what is missing; `rollbook doctor` checks it again.",
    );
  return planned;
}
