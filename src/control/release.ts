import { withDeadline } from "../core/deadline.ts";
import { RollbookError } from "../core/errors.ts";
import { isRoute, type Playbook } from "../core/playbook.ts";
import type { Resolved } from "../core/ports.ts";
import { refuse } from "../core/refusal.ts";
import { defineRelease, type Release, type Revision } from "../core/release.ts";
import type { Rollout } from "../core/rollout.ts";
import { addressIn, freePlace, servingPlace } from "../decide/place.ts";
import type { PastSteps } from "../decide/price.ts";
import { gate, insistFree, insistHere, insistOpen, NO_RESTORE_POINT, unreadiness } from "./gate.ts";
import { readComponents } from "./live-state.ts";
import type { ControlPorts } from "./ports.ts";
import { withdrawShare } from "./weight.ts";

/** How long a target may take to find what people call a revision. */
const RESOLVE_MS = 10_000;

/**
 * Declares what serves now as the first restore point, after reading every component back. Without a release, what the
 * components answer is taken as they answer it.
 * @throws RELEASE_REFUSED when anything serves another digest or could not be brought back, ENVIRONMENT_MISMATCH.
 */
export async function adopt(ports: ControlPorts, playbook: Playbook, given?: Release): Promise<void> {
  if (await ports.store.lastKnownGood(playbook.system)) return;
  await insistHere(ports, playbook);
  const release = given ?? (await releaseThatServes(ports, playbook));
  if (!given) await takeIntoKeeping(ports, playbook, release);
  const { reasons } = await unreadiness(ports, playbook, release, "at", "live");
  if (reasons.length > 0)
    throw refuse(reasons.join("; "), "Mend what it says; a running `rollbook serve` tries again by itself.");
  const now = ports.clock.now();
  const revisions = Object.fromEntries(Object.entries(release.revisions).map(([name, r]) => [name, r.digest]));
  const { system } = playbook;
  const route = { system, epoch: 1, stable: release.id, candidatePpm: 0 };
  const routed = ports.traffic.current(system);
  const data = { release: release.id, label: release.label, revisions, playbook: playbook.digest };
  await ports.store.commit([
    { kind: "release", release },
    { kind: "known-good", knownGood: { system, release: release.id, provedAt: now } },
    ...(routed ? [] : [{ kind: "route", route } as const]),
    { kind: "entry", entry: { type: "restore-point", at: now, system, actor: "rollbook", data } },
  ]);
  if (!routed) ports.traffic.set(route);
}

/** With the name that people gave it at the target, where the target knows one. */
async function named<Live extends { readonly at: string; readonly revision: Revision }>(
  ports: ControlPorts,
  live: Live,
): Promise<Live> {
  const adapter = ports.adapterFor(live.at);
  const silent = (reason: string): Resolved => ({ kind: "unreachable", reason });
  const found = await withDeadline(ports.clock, RESOLVE_MS, silent, async (signal) =>
    adapter.resolve ? adapter.resolve(live.at, live.revision.digest, signal) : silent("it knows no names"),
  );
  return found.kind === "revision" && found.revision.digest === live.revision.digest
    ? { ...live, revision: found.revision }
    : live;
}

/** What serves was put there by other hands; where an adapter keeps revisions itself, it is asked to keep this one. */
async function takeIntoKeeping(ports: ControlPorts, playbook: Playbook, release: Release): Promise<void> {
  for (const component of playbook.components.filter((one) => !isRoute(one))) {
    const adapter = ports.adapterFor(component.at);
    const digest = release.revisions[component.name]?.digest;
    const silent = (): boolean => false;
    const ask = (call: (signal: AbortSignal) => Promise<boolean>) =>
      withDeadline(ports.clock, RESOLVE_MS, silent, call);
    if (!digest || (await ask((signal) => adapter.holds(component.at, digest, signal)))) continue;
    await ask(async (signal) => (await adapter.resolve?.(component.at, "live", signal))?.kind === "revision");
  }
}

/** @throws RELEASE_REFUSED when a component does not answer. */
async function releaseThatServes(ports: ControlPorts, playbook: Playbook): Promise<Release> {
  const found = await readComponents(ports, playbook, "at");
  const dead = found.filter((component) => component.kind === "unreachable");
  if (dead.length > 0)
    throw refuse(
      dead.map(({ at, reason }) => `${at} cannot be read: ${reason}`).join("; "),
      "Bring what does not answer back, or correct its address or credentials.",
    );
  const live = await Promise.all(
    found.filter((component) => component.kind === "live").map((one) => named(ports, one)),
  );
  return defineRelease(
    playbook.system,
    live.map(({ revision }) => revision.label).join(" + ") || "what served at the start",
    Object.fromEntries(live.map(({ name, revision }) => [name, revision])),
  );
}

/**
 * A release from what people call its revisions: each reference is resolved at its target; components that are not named
 * stay as they are in the last known good release.
 * @throws RELEASE_REFUSED with everything that could not be resolved.
 */
export async function composeRelease(
  ports: ControlPorts,
  playbook: Playbook,
  label: string | undefined,
  references: Readonly<Record<string, string>>,
): Promise<Release> {
  const known = await ports.store.lastKnownGood(playbook.system);
  const stable = known && (await ports.store.release(known.release));
  if (!stable) throw refuse(...NO_RESTORE_POINT);
  const place = freePlace(ports.traffic.current(playbook.system));
  const revisions: Record<string, Revision> = { ...stable.revisions };
  const reasons: string[] = [];
  for (const [name, reference] of Object.entries(references)) {
    const component = playbook.components.find((one) => one.name === name && !isRoute(one));
    if (!component) {
      reasons.push(`the playbook has no component ${name}`);
      continue;
    }
    const at = addressIn(component, place);
    const adapter = ports.adapterFor(at);
    if (!adapter.resolve) {
      reasons.push(`${adapter.name} knows revisions by digest only; give the digest of ${name}`);
      continue;
    }
    const silent = (reason: string): Resolved => ({ kind: "unreachable", reason });
    const found = await withDeadline(ports.clock, RESOLVE_MS, silent, (signal) =>
      adapter.resolve!(at, reference, signal),
    );
    if (found.kind === "revision") revisions[name] = found.revision;
    else reasons.push(`${name} ${reference}: ${found.reason}`);
  }
  if (reasons.length > 0) throw refuse(reasons.join("; "), "Name each revision as its target knows it, or by digest.");
  const named = Object.keys(references).map((name) => revisions[name]!.label);
  return defineRelease(playbook.system, label ?? named.join(" + "), revisions);
}

/**
 * Records a rollout that passed the gate; `runRollout` then runs it. Under `authority: observe` the gate's refusal is
 * written into the diary and holds nobody up, because nothing is changed.
 * @param given the id of a person's order that it is opened for
 */
export async function openRollout(
  ports: ControlPorts,
  playbook: Playbook,
  candidate: Release,
  past: readonly PastSteps[],
  given: string | undefined,
): Promise<Rollout> {
  const observing = playbook.authority === "observe";
  const plans = await gate(ports, playbook, candidate, past).catch(async (error: unknown) => {
    await recordRefusal(ports, candidate, error);
    if (!observing) throw error;
    await insistFree(ports, playbook);
    return undefined;
  });
  const known = await ports.store.lastKnownGood(playbook.system);
  if (!known) throw refuse(...NO_RESTORE_POINT);
  const place = observing
    ? servingPlace(ports.traffic.current(playbook.system))
    : freePlace(ports.traffic.current(playbook.system));
  if (!observing || ports.traffic.current(playbook.system)?.candidate !== candidate.id)
    await withdrawShare(ports, playbook.system, "rollbook");
  const now = ports.clock.now();
  const rollout: Rollout = { ...newRollout(ports, playbook, candidate, known.release), place };
  const data = {
    candidate: candidate.id,
    stable: rollout.stable,
    playbook: playbook.digest,
    authority: playbook.authority,
    planOut: plans?.out.digest,
    planBack: plans?.back.digest,
    concerns: plans ? [...plans.concerns] : undefined,
    falseAlarms: playbook.falseAlarms,
    given,
  };
  const { system } = playbook;
  // Somebody may have contained it while the gate was asking.
  if (!observing) insistOpen(ports.traffic.current(system));
  await ports.store.commit([
    { kind: "release", release: candidate },
    { kind: "rollout", rollout },
    {
      kind: "entry",
      entry: { type: "rollout-started", at: now, system, actor: "rollbook", rollout: rollout.id, data },
    },
  ]);
  return rollout;
}

/** A rollout that nothing has happened to yet. */
export function newRollout(
  ports: Pick<ControlPorts, "clock" | "ids">,
  playbook: Playbook,
  candidate: Release,
  stable: Release["id"],
): Rollout {
  const now = ports.clock.now();
  return {
    id: ports.ids.next("rollout"),
    system: playbook.system,
    playbook: playbook.digest,
    candidate: candidate.id,
    stable,
    phase: "pending",
    step: -1,
    stepSince: now,
    startedAt: now,
    frozen: [],
  };
}

/** A refusal is evidence too. */
async function recordRefusal(ports: ControlPorts, candidate: Release, error: unknown): Promise<void> {
  if (!(error instanceof RollbookError)) return;
  const data = { release: candidate.id, label: candidate.label, code: error.code, reason: error.message };
  const entry = { type: "refused", at: ports.clock.now(), system: candidate.system, actor: "rollbook", data } as const;
  await ports.store.commit([{ kind: "entry", entry }]);
}
