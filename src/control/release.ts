import { RollbookError } from "../core/errors.ts";
import type { Plan } from "../core/plan.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Release } from "../core/release.ts";
import type { Rollout } from "../core/rollout.ts";
import { incompatibilities } from "../decide/compatibility.ts";
import { planRelease, planRollback } from "../decide/plan-change.ts";
import type { ControlPorts } from "./ports.ts";

/** What a release would do, and its way back: what `--dry-run` prints and what the gate judged. */
export interface ReleasePlans {
  readonly out: { readonly plan: Plan; readonly digest: string };
  readonly back: { readonly plan: Plan; readonly digest: string };
}

/**
 * Declares what serves now as the first restore point, after reading every component back.
 * @throws RELEASE_REFUSED when anything serves another digest or could not be brought back.
 */
export async function adopt(ports: ControlPorts, playbook: Playbook, release: Release): Promise<void> {
  if (await ports.store.lastKnownGood(playbook.system)) return;
  const reasons = await unreadiness(ports, playbook, release, "live");
  if (reasons.length > 0) throw new RollbookError("RELEASE_REFUSED", { reason: reasons.join("; ") });
  const now = ports.clock.now();
  const revisions = Object.fromEntries(Object.entries(release.revisions).map(([name, r]) => [name, r.digest]));
  await ports.store.commit([
    { kind: "release", release },
    { kind: "known-good", knownGood: { system: playbook.system, release: release.id, provedAt: now } },
    {
      kind: "entry",
      entry: {
        type: "restore-point",
        at: now,
        system: playbook.system,
        actor: "rollbook",
        data: { release: release.id, label: release.label, revisions, playbook: playbook.digest },
      },
    },
  ]);
  const { system } = playbook;
  if (!ports.traffic.current(system)) ports.traffic.set({ system, epoch: 1, stable: release.id, candidatePpm: 0 });
}

/**
 * The gate: a release goes out only with a proven way back.
 * @throws RELEASE_REFUSED with every reason at once.
 */
export async function gate(ports: ControlPorts, playbook: Playbook, candidate: Release): Promise<ReleasePlans> {
  const refuse = (reason: string) => new RollbookError("RELEASE_REFUSED", { reason });
  if (candidate.system !== playbook.system) throw refuse(`it is for ${candidate.system}, not for ${playbook.system}`);
  const known = await ports.store.lastKnownGood(playbook.system);
  const stable = known && (await ports.store.release(known.release));
  if (!stable) throw refuse("there is no restore point yet");
  if (stable.id === candidate.id) throw refuse("it serves already: it is the last known good release");
  const running = (await ports.store.rollouts(playbook.system)).find((rollout) => rollout.endedAt === undefined);
  if (running) throw refuse(`rollout ${running.id} is still running`);
  const route = ports.traffic.current(playbook.system);
  if (route?.candidate && route.candidatePpm > 0) {
    throw refuse("the release that was promoted last still answers as the candidate; this version settles one release");
  }
  const quarantine = await ports.store.quarantine(candidate.id);
  if (quarantine && !quarantine.liftedBy) throw refuse(`${candidate.label} is in quarantine: ${quarantine.reason}`);
  const out = planRelease(playbook, stable, candidate);
  const back = planRollback(playbook, candidate, stable);
  const reasons: string[] = [];
  if (out.kind === "impossible") reasons.push(...out.reasons);
  if (back.kind === "impossible") reasons.push(...back.reasons);
  for (const clash of incompatibilities(stable, candidate)) {
    reasons.push(
      `traffic could not be contained on ${stable.label} while ${candidate.label} is in place: ${clash.reason}`,
    );
  }
  for (const clash of incompatibilities(candidate, candidate)) reasons.push(`${candidate.label}: ${clash.reason}`);
  reasons.push(...(await unreadiness(ports, playbook, stable, "live")));
  reasons.push(...(await unreadiness(ports, playbook, candidate, "held")));
  if (reasons.length > 0 || out.kind === "impossible" || back.kind === "impossible") throw refuse(reasons.join("; "));
  return { out, back };
}

/** Records a rollout that passed the gate; `runRollout` then runs it. */
export async function openRollout(ports: ControlPorts, playbook: Playbook, candidate: Release): Promise<Rollout> {
  const plans = await gate(ports, playbook, candidate).catch((error: unknown) => refused(ports, candidate, error));
  const now = ports.clock.now();
  const rollout: Rollout = {
    id: ports.ids.next("rollout"),
    system: playbook.system,
    playbook: playbook.digest,
    candidate: candidate.id,
    stable: plans.back.plan.to,
    phase: "pending",
    step: -1,
    stepSince: now,
    startedAt: now,
    frozen: [],
  };
  await ports.store.commit([
    { kind: "release", release: candidate },
    { kind: "rollout", rollout },
    {
      kind: "entry",
      entry: {
        type: "rollout-started",
        at: now,
        system: playbook.system,
        actor: "rollbook",
        rollout: rollout.id,
        data: {
          candidate: candidate.id,
          stable: rollout.stable,
          playbook: playbook.digest,
          planOut: plans.out.digest,
          planBack: plans.back.digest,
          falseAlarms: playbook.falseAlarms,
        },
      },
    },
  ]);
  return rollout;
}

/** Why a release is not ready: `live` asks that it serves now, `held` only that its artefacts are there, intact. */
async function unreadiness(
  ports: ControlPorts,
  playbook: Playbook,
  release: Release,
  ask: "live" | "held",
): Promise<readonly string[]> {
  const components = playbook.components.filter((component) => !component.at.startsWith("gateway:"));
  const checks = components.map(async ({ name, at }): Promise<string | undefined> => {
    const revision = release.revisions[name];
    if (!revision) return `${release.label} names no revision of ${name}`;
    const adapter = ports.adapterFor(at);
    const signal = new AbortController().signal;
    if (!(await adapter.holds(at, revision.digest, signal))) return `${revision.label} is not held intact at ${at}`;
    if (ask === "held") return undefined;
    const live = await adapter.read(at, signal);
    if (live.kind === "unreachable") return `${at} cannot be read: ${live.reason}`;
    return live.digest === revision.digest ? undefined : `${at} does not serve ${revision.label}`;
  });
  return (await Promise.all(checks)).filter((reason) => reason !== undefined);
}

/** A refusal is evidence too. */
async function refused(ports: ControlPorts, candidate: Release, error: unknown): Promise<never> {
  if (error instanceof RollbookError) {
    const data = { release: candidate.id, label: candidate.label, code: error.code, reason: error.message };
    const { system } = candidate;
    const entry = { type: "refused", at: ports.clock.now(), system, actor: "rollbook", data } as const;
    await ports.store.commit([{ kind: "entry", entry }]);
  }
  throw error;
}
