import { digestOfJson } from "../core/digest.ts";
import type { Playbook } from "../core/playbook.ts";
import { defineRelease, type Release } from "../core/release.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import { servingPlace } from "../decide/place.ts";
import type { Past } from "./baseline.ts";
import { isDue } from "./cadence.ts";
import { createDriftTeller, type DriftTeller } from "./drift.ts";
import { maturedWindows } from "./frozen-windows.ts";
import { leftByStuck } from "./left-behind.ts";
import { changedComponents, readComponents } from "./live-state.ts";
import type { ControlPorts, Settings } from "./ports.ts";
import { createRecentCounts } from "./recent-counts.ts";
import { stamped } from "./run.ts";
import { createStableHours } from "./stable-hours.ts";
import { withdrawOrphan } from "./weight.ts";

/** How far back stable's counts that are known for certain are remembered while nothing is going on. */
const MEMORY_MS: Milliseconds = 900_000;

/** After so many ticks without a look somebody else has taken the samples in between. */
const GAP_TICKS = 10;

/** A component that changed without Rollbook, as the release that it makes. */
export interface Unannounced {
  readonly stable: Release;
  readonly candidate: Release;
  /** Stable's counts from before it was noticed. */
  readonly frozen: readonly FrozenWindow[];
}

export interface IdleWatch extends Past {
  readonly drift: DriftTeller;
  /** The last known good release as it was read last; undefined before the first look. */
  lastKnown(): Release | undefined;
  /** Looks on, tick by tick, while `idle` says so; `onFound` is awaited. Ends when the signal says so. */
  run(idle: () => boolean, onFound: (found: Unannounced) => Promise<unknown>, signal: AbortSignal): Promise<void>;
}

/**
 * Between rollouts: takes what the data plane counts, so that nothing piles up and there is a reference when one is needed
 * without warning; tells people when stable drifts; and reads every component to notice who changes them without Rollbook. What was judged once and left
 * in place is not noticed again.
 */
export function createIdleWatch(ports: ControlPorts, settings: Settings, playbook: Playbook): IdleWatch {
  const memory = createRecentCounts(playbook, MEMORY_MS);
  /** From when to when nothing else has taken samples. */
  let since: Instant = 0;
  let until: Instant = 0;
  let lastRead: Instant = Number.NEGATIVE_INFINITY;
  /** When stable was last read to be in place: what was counted later may not be stable's. */
  let confirmedAt: Instant = 0;
  let lastKnown: Release | undefined;
  const judged = new Set<string>();
  /** Counted, and not yet known to be stable's. */
  let unconfirmed: readonly Sample[] = [];
  const hours = createStableHours(ports, playbook);
  const drift = createDriftTeller(ports, playbook);

  const remember = (now: Instant) => {
    if (now - until > GAP_TICKS * settings.tickMs) {
      since = now;
      memory.clear();
      unconfirmed = [];
    }
    until = now;
    const fresh = stamped(ports.signals.drain(), now);
    if (fresh.length === 0) return;
    memory.add(fresh, now);
    unconfirmed = [...unconfirmed, ...fresh].filter(({ known }) => known! > now - MEMORY_MS);
  };

  /** What was served before stable was read to be in place is its own. */
  const confirm = async (stable: Release, at: Instant) => {
    confirmedAt = at;
    const own = unconfirmed.filter(({ bucket }) => bucket + 1000 <= at);
    unconfirmed = unconfirmed.filter(({ bucket }) => bucket + 1000 > at);
    hours.count(own, stable.id);
    // An alarm that could not be written stands, and is told with the next look.
    await drift.look(own, stable).catch(() => undefined);
  };

  const notice = async (): Promise<Unannounced | undefined> => {
    const known = await ports.store.lastKnownGood(playbook.system);
    const stable = known && (await ports.store.release(known.release));
    if (!stable) return undefined;
    lastKnown = stable;
    const asked = ports.clock.now();
    const route = ports.traffic.current(playbook.system);
    const place = servingPlace(route);
    const routed = route && route.stable !== stable.id ? await ports.store.release(route.stable) : undefined;
    const changed = await changedComponents(ports, playbook, stable, place);
    if (changed.length === 0) {
      judged.clear();
      await confirm(stable, asked);
      if (routed && (await serves(ports, playbook, stable))) await callStable(ports, playbook, stable);
      return undefined;
    }
    // Observed and promoted, and people have not deployed it everywhere yet: that is no news.
    if (routed && playbook.authority === "observe" && (await serves(ports, playbook, routed))) return undefined;
    if (await leftByStuck(ports.store, playbook, changed)) return undefined;
    const news = Object.fromEntries(changed.map(({ name, revision }) => [name, revision]));
    const what = digestOfJson(Object.fromEntries(changed.map(({ name, revision }) => [name, revision.digest])));
    if (judged.has(what)) return undefined;
    judged.add(what);
    const label = changed.map(({ revision }) => revision.label).join(" + ");
    const candidate = defineRelease(playbook.system, label, { ...stable.revisions, ...news });
    unconfirmed = [];
    const before = maturedWindows(playbook, memory.samples(), stable.id, confirmedAt);
    return { stable, candidate, frozen: hours.orSeason(before) };
  };

  return {
    drift,
    lastKnown: () => lastKnown,
    count: hours.count,
    recent(stable, atLeast) {
      const fresh = ports.clock.now() - until <= settings.leaseMs + GAP_TICKS * settings.tickMs;
      return fresh && until - since >= atLeast
        ? maturedWindows(playbook, memory.samples(), stable.id, until)
        : undefined;
    },
    async run(idle, onFound, signal) {
      hours.begin();
      while (!signal.aborted) {
        await ports.clock.sleep(settings.tickMs, signal);
        if (signal.aborted) return;
        // Beside the work: a store that is away holds nothing up, and is asked again.
        void hours.keep().catch(() => undefined);
        if (!idle()) {
          lastRead = Number.NEGATIVE_INFINITY;
          continue;
        }
        // It is taken away in any case; what the store did not take is found again by the next process.
        await withdrawOrphan(ports, playbook).catch(() => undefined);
        const now = ports.clock.now();
        remember(now);
        if (!isDue(now, lastRead, settings.pollMs)) continue;
        lastRead = now;
        // What fails now, the store or the opening, is done again with the next look.
        const found = await notice().catch(() => undefined);
        if (found && idle() && !signal.aborted) await onFound(found).catch(() => judged.clear());
      }
    },
  };
}

/** Is every component of a release read to be in place where everybody is served? */
async function serves(ports: ControlPorts, playbook: Playbook, release: Release): Promise<boolean> {
  const found = await readComponents(ports, playbook, servingPlace(ports.traffic.current(playbook.system)));
  return found.every((one) => one.kind === "live" && release.revisions[one.name]?.digest === one.revision.digest);
}

/** People brought the last known good into place by themselves: what is counted from here on is its own. */
async function callStable(ports: ControlPorts, playbook: Playbook, stable: Release): Promise<void> {
  const current = ports.traffic.current(playbook.system);
  if (!current) return;
  const route = { ...current, epoch: current.epoch + 1, stable: stable.id };
  await ports.store.commit([{ kind: "route", route }]);
  ports.traffic.set(route);
}
