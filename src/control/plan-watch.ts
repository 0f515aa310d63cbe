import type { Playbook } from "../core/playbook.ts";
import type { Lease } from "../core/rollout.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { WayBack } from "../core/way-back.ts";
import type { PastSteps } from "../decide/price.ts";
import { judgeReadiness, readinessKey } from "../decide/readiness.ts";
import { isDue } from "./cadence.ts";
import type { ControlPorts, Settings } from "./ports.ts";
import { rivalsOf } from "./rivals.ts";
import { createStager, NOTHING_STAGED, type StagedWayBack } from "./stage-way-back.ts";
import { createStepDurations } from "./step-durations.ts";
import { askAround, capacityOf, subjectOf, type WayBackSubject } from "./way-back-facts.ts";
import { tellWayBack, wayBackEntry } from "./way-back-words.ts";

/** Keeps the way back of one system planned, checked and priced, so that deciding is not planning. */
export interface PlanWatch {
  /** The newest answer, in memory; undefined before the first look, or while there is no restore point. */
  current(): WayBack | undefined;
  /** What steps took in the past, as it was known at the newest look. */
  past(): readonly PastSteps[];
  /** Why nothing may go forward now; undefined while the way back is ready, or was not looked at yet. */
  blocked(): string | undefined;
  /** A rollout goes back from now on: nothing is staged beside its restore, and by no look that began before. */
  decided(rollout: string): void;
  /** Looks now. Never throws: what cannot be found out is a fault. */
  look(): Promise<void>;
  /** Looks when something that it depends on changed, and at an interval, until the signal ends it. */
  run(signal: AbortSignal): Promise<void>;
}

/** So many looks in a row must say the same before people are told: one lost packet is no news. */
const LOOKS = 2;
/** What stays red is said again after an hour, then after twice as long each time, but every day. */
const AGAIN_MS = 3_600_000;
const MOST_MS = 24 * AGAIN_MS;

export function createPlanWatch(ports: ControlPorts, settings: Settings, playbook: Playbook): PlanWatch {
  const durations = createStepDurations(ports, playbook);
  const stager = createStager(ports, playbook);
  // Who observes touches nothing.
  const stage = async (subject: WayBackSubject): Promise<StagedWayBack> =>
    playbook.authority === "act" ? stager.stage(subject) : NOTHING_STAGED;
  let current: WayBack | undefined;
  let past: readonly PastSteps[] = [];
  let key = "";
  let seen = 0;
  let told:
    | { readonly key: string; readonly ready: boolean; readonly at: Instant; readonly again: Milliseconds }
    | undefined;
  let redSince: Instant | undefined;
  let lease: Lease | undefined;
  let looking: Promise<void> | undefined;
  let stamp = "";
  let lookedAt: Instant = Number.NEGATIVE_INFINITY;

  /** A durable write, which shows that a rollback could be recorded; it also says which replica tells people. */
  const mayTell = async (): Promise<boolean> => {
    const ttl = 3 * settings.readinessMs;
    const now = ports.clock.now();
    const { store } = ports;
    lease = lease && (await store.renewLease(lease, ttl, now));
    lease ??= await store.acquireLease(`way-back:${playbook.system}`, settings.holder, ttl, now);
    return lease !== undefined;
  };

  const gather = async (subject: WayBackSubject): Promise<WayBack> => {
    const [answers, laid] = await Promise.all([askAround(ports, playbook, subject), stage(subject)]);
    const { rollout, from, to, place } = subject;
    return judgeReadiness({
      playbook,
      at: ports.clock.now(),
      ...(rollout ? { rollout: rollout.id } : {}),
      from,
      to,
      place,
      faults: [...answers.faults, ...laid.faults],
      warnings: [...answers.warnings, ...laid.warnings],
      staged: laid.staged,
      capacity: capacityOf(ports, playbook, subject, answers.warm),
      past,
      rivals: await rivalsOf(ports, playbook, place),
      alone: rollout?.unannounced ?? false,
    });
  };

  const lookNow = async (): Promise<void> => {
    let tells = true;
    try {
      tells = await mayTell();
      await durations.look();
      past = durations.past();
      const subject = await subjectOf(ports, playbook);
      if (!subject) return;
      current = await gather(subject);
    } catch (error) {
      // The plan of before stays, so that going back needs no store.
      const fault = { about: "store", text: `nothing can be recorded: ${(error as Error).message}` };
      if (current) current = { ...current, ready: false, checkedAt: ports.clock.now(), faults: [fault] };
    }
    if (!current) return;
    redSince = current.ready ? undefined : (redSince ?? ports.clock.now());
    if (redSince !== undefined) current = { ...current, redSince };
    const now = readinessKey(current);
    seen = now === key ? seen + 1 : 1;
    key = now;
    if (tells) await tell(current);
  };

  const tell = async (found: WayBack): Promise<void> => {
    if (told?.key === key) return remind(found, told);
    if (!found.ready && seen < LOOKS) return;
    const before = told;
    told = { key, ready: found.ready, at: found.checkedAt, again: AGAIN_MS };
    // Green is news only after red.
    if (!found.ready || before?.ready === false) tellWayBack(ports, playbook, found);
    await ports.store.commit([{ kind: "entry", entry: wayBackEntry(playbook, found) }]).catch(() => {
      // Told and not recorded: the next look that finds the same writes it.
      if (found.ready) told = before;
    });
  };

  /** Nothing goes forward while it is red, and nobody may remember: it is said again, and is no news for the ledger. */
  const remind = (found: WayBack, last: NonNullable<typeof told>): void => {
    if (found.ready || found.checkedAt - last.at < last.again) return;
    told = { ...last, at: found.checkedAt, again: Math.min(2 * last.again, MOST_MS) };
    tellWayBack(ports, playbook, found);
  };

  const look = (): Promise<void> => {
    looking ??= lookNow().finally(() => {
      looking = undefined;
    });
    return looking;
  };

  return {
    current: () => current,
    past: () => past,
    blocked: () =>
      current && !current.ready
        ? `the way back is not ready: ${current.faults.map(({ text }) => text).join("; ")}`
        : undefined,
    decided: stager.decided,
    look,
    async run(signal) {
      while (!signal.aborted) {
        const now = ports.clock.now();
        const fresh = stampOf(ports, playbook);
        if (isDue(now, lookedAt, settings.readinessMs) || fresh !== stamp) {
          stamp = fresh;
          lookedAt = now;
          await look();
        }
        await ports.clock.sleep(settings.pollMs, signal);
      }
    },
  };
}

/** What is known without asking: another route means that another release serves, or another share of it. */
function stampOf({ traffic }: ControlPorts, { system }: Playbook): string {
  const { epoch, candidatePpm } = traffic.current(system) ?? {};
  return `${epoch} ${candidatePpm}`;
}
