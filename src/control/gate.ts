import { withDeadline } from "../core/deadline.ts";
import { shortDigest } from "../core/digest.ts";
import type { Route } from "../core/entry.ts";
import { RollbookError } from "../core/errors.ts";
import type { Plan } from "../core/plan.ts";
import { type ComponentSpec, isRoute, type Playbook } from "../core/playbook.ts";
import type { Concern } from "../core/ports.ts";
import { type RefusalReason, refuse, refuseFor } from "../core/refusal.ts";
import type { ComponentName, Release } from "../core/release.ts";
import type { Place } from "../core/rollout.ts";
import { unfinishedRollout } from "../core/unfinished-rollout.ts";
import { blindTargets } from "../decide/blind-targets.ts";
import { incompatibilities } from "../decide/compatibility.ts";
import { undeclaredUndo } from "../decide/declared-undo.ts";
import { addressIn, freePlace, servingPlace } from "../decide/place.ts";
import { planRelease, planRollback } from "../decide/plan-change.ts";
import { withRivals } from "../decide/plan-rivals.ts";
import type { PastSteps } from "../decide/price.ts";
import type { ControlPorts } from "./ports.ts";
import { rivalsOf } from "./rivals.ts";

export const NO_RESTORE_POINT = [
  "there is no restore point yet",
  "`rollbook adopt` makes one, while the system serves well; `rollbook doctor` says what is in its way.",
] as const;
export const NO_ROUTE = "Start `rollbook serve` with its playbook, and wait for its first restore point.";
const UNPLANNED =
  "Name a revision for each component that `what` lists, and none that it does not; docs/plans.md has the rules.";
const INCOMPATIBLE =
  "Release revisions that say they work with what is live beside them: a schema that keeps its old readers, say.";

/** How long one target may take to say what it thinks of one revision. */
const ASK_MS = 15_000;

/** What a release would do, and its way back: what `--dry-run` prints and what the gate judged. */
export interface ReleasePlans {
  readonly out: { readonly plan: Plan; readonly digest: string };
  readonly back: { readonly plan: Plan; readonly digest: string };
  /** What people should know of the way back, though nothing blocks it. */
  readonly concerns: readonly string[];
}

/**
 * The gate: a release goes out only with a proven way back.
 * @throws RELEASE_REFUSED with every reason at once, ENVIRONMENT_MISMATCH.
 */
export async function gate(
  ports: ControlPorts,
  playbook: Playbook,
  candidate: Release,
  past: readonly PastSteps[],
): Promise<ReleasePlans> {
  if (candidate.system !== playbook.system)
    throw refuse(`it is for ${candidate.system}, not for ${playbook.system}`, "Name its system: `--system NAME`.");
  const known = await ports.store.lastKnownGood(playbook.system);
  const stable = known && (await ports.store.release(known.release));
  if (!stable) throw refuse(...NO_RESTORE_POINT);
  if (stable.id === candidate.id)
    throw refuse("it serves already: it is the last known good release", "Nothing; or name another revision.");
  await insistFree(ports, playbook);
  await insistHere(ports, playbook);
  const quarantine = await ports.store.quarantine(candidate.id);
  if (quarantine && !quarantine.liftedBy)
    throw refuse(
      `${candidate.label} is in quarantine: ${quarantine.reason}`,
      `Release another revision; or, once the reason is gone, \`rollbook lift ${shortDigest(candidate.id)}\`.`,
    );
  const route = ports.traffic.current(playbook.system);
  insistOpen(route);
  const place = freePlace(route);
  const out = planRelease(playbook, stable, candidate, place, past);
  const rivals = await rivalsOf(ports, playbook, place);
  const back = withRivals(planRollback(playbook, candidate, stable, place, past), rivals);
  const reasons: RefusalReason[] = [];
  const add = (todo: string, ...texts: readonly string[]) => reasons.push(...texts.map((text) => ({ text, todo })));
  if (out.kind === "impossible") add(UNPLANNED, ...out.reasons);
  if (back.kind === "impossible") add(UNPLANNED, ...back.reasons);
  for (const clash of incompatibilities(stable, candidate)) {
    add(
      INCOMPATIBLE,
      `traffic could not be contained on ${stable.label} while ${candidate.label} is in place: ${clash.reason}`,
    );
  }
  for (const clash of incompatibilities(candidate, candidate)) add(INCOMPATIBLE, `${candidate.label}: ${clash.reason}`);
  const blind = blindTargets(playbook, ports.adapterFor).map(({ text }) => text);
  const acts = playbook.authority === "act";
  if (acts) add("Mend connections.yaml as it says; docs/connections.md explains guarantees.", ...blind);
  add(
    "Write `undo` into the playbook as it says.",
    ...undeclaredUndo(playbook, ports.adapterFor).map(({ text }) => text),
  );
  const serving = await unreadiness(ports, playbook, stable, servingPlace(route), "seen");
  const wayBack = await unreadiness(ports, playbook, stable, place, "held");
  const wayOut = await unreadiness(ports, playbook, candidate, place, "held");
  add(
    "Bring the last known good release back into place, or wait until it answers: `rollbook live` shows it.",
    ...serving.reasons,
  );
  add(
    "Put the revision back where it is kept, or mend what its target says; `rollbook doctor` checks it again.",
    ...wayBack.reasons,
  );
  add("Name a revision that its target holds intact, or mend what the target says.", ...wayOut.reasons);
  if (reasons.length > 0 || out.kind === "impossible" || back.kind === "impossible") throw refuseFor(reasons);
  const concerns = [...(acts ? [] : blind), ...serving.warnings, ...wayBack.warnings, ...wayOut.warnings];
  return { out, back, concerns: [...new Set(concerns)] };
}

/** A system has one rollout at a time. @throws RELEASE_REFUSED */
export async function insistFree(ports: ControlPorts, playbook: Playbook): Promise<void> {
  const running = await unfinishedRollout(ports.store, playbook.system);
  if (!running) return;
  const next =
    running.promotedAt === undefined
      ? "is still running"
      : `is promoted and still watched beside its holdback; \`rollbook promote ${running.id}\` ends that now`;
  throw refuse(`rollout ${running.id} ${next}`, `Wait for its end, or end it: \`rollbook abort ${running.id}\`.`);
}

/** Nothing goes out while traffic is contained. @throws RELEASE_REFUSED */
export function insistOpen(route: Route | undefined): void {
  const { contained } = route ?? {};
  if (contained)
    throw refuse(
      `all traffic is contained to \`${contained}\``,
      '`rollbook contain stable --reason "..."` lets traffic back to stable; then release it.',
    );
}

/** @throws ENVIRONMENT_MISMATCH where the playbook may not act. */
export async function insistHere({ elsewhere }: ControlPorts, playbook: Playbook): Promise<void> {
  const reasons = (await elsewhere?.()) ?? [];
  if (reasons.length === 0) return;
  const name = playbook.environment?.name ?? "that the playbook names";
  throw new RollbookError("ENVIRONMENT_MISMATCH", { name, reason: reasons.join("; ") });
}

interface Readiness {
  readonly reasons: readonly string[];
  readonly warnings: readonly string[];
  /** Both, with the component that each is about. */
  readonly found: readonly (Concern & { readonly component: ComponentName })[];
}

/**
 * `held`: its artefacts are there, intact. `readable`: and its places answer, so that a restore could read them. `live`:
 * its places hold it now. `seen`: and what serves is seen to have it.
 */
type Asked = "held" | "readable" | "live" | "seen";

/** Why a release is not ready. */
export async function unreadiness(
  ports: ControlPorts,
  playbook: Playbook,
  release: Release,
  place: Place,
  ask: Asked,
): Promise<Readiness> {
  const checks = playbook.components
    .filter((component) => !isRoute(component))
    .map(async (component) => {
      const concerns = await withDeadline<readonly Concern[]>(
        ports.clock,
        ASK_MS,
        (reason) => blocking(`${addressIn(component, place)} cannot be asked: ${reason}`),
        (signal) => concernsOf(ports, component, release, place, ask, signal),
      );
      return concerns.map((concern) => ({ ...concern, component: component.name }));
    });
  const found = (await Promise.all(checks)).flat();
  const texts = (level: Concern["level"]) => found.filter((concern) => concern.level === level).map(({ text }) => text);
  return { reasons: texts("blocking"), warnings: texts("warning"), found };
}

async function concernsOf(
  ports: ControlPorts,
  component: ComponentSpec,
  release: Release,
  place: Place,
  ask: Asked,
  signal: AbortSignal,
): Promise<readonly Concern[]> {
  const at = addressIn(component, place);
  const revision = release.revisions[component.name];
  if (!revision) return blocking(`${release.label} names no revision of ${component.name}`);
  const adapter = ports.adapterFor(at);
  if (!(await adapter.holds(at, revision.digest, signal)))
    return blocking(`${revision.label} is not held intact at ${at}`);
  const concerns = (await adapter.concerns?.(at, revision.digest, signal)) ?? [];
  if (ask === "held") return concerns;
  const live = await adapter.read(at, signal);
  if (live.kind === "unreachable") return blocking(`${at} cannot be read: ${live.reason}`);
  if (ask === "readable") return concerns;
  if (live.digest !== revision.digest) return blocking(`${at} does not serve ${revision.label}`);
  // A pointer that says so is no way back when nothing answers behind it.
  const seen = ask === "live" ? undefined : await adapter.seen?.(at, revision.digest, signal);
  if (seen === undefined || seen.kind === "seen") return concerns;
  return blocking(`${at} holds ${revision.label}, and nothing is seen to serve it: ${seen.reason}`);
}

function blocking(text: string): readonly Concern[] {
  return [{ level: "blocking", text }];
}
