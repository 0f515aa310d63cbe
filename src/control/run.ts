import { OVER } from "../core/deadline.ts";
import type { EntryDraft, EntryType, Route } from "../core/entry.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Change } from "../core/ports.ts";
import type { Release } from "../core/release.ts";
import type { Lease, Order, Owed, Place, Rollout, Saga } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant } from "../core/time.ts";
import type { Verdict } from "../core/verdict.ts";
import { claimOf, type Held } from "../restore/resource-leases.ts";
import type { SagaPorts } from "../restore/step-run.ts";
import type { EvaluatorSetup } from "../watch/evaluator.ts";
import type { Past } from "./baseline.ts";
import type { CountJournal } from "./count-journal.ts";
import { FencedError, heldElsewhere } from "./fenced-error.ts";
import { underOrder } from "./order.ts";
import type { PlanWatch } from "./plan-watch.ts";
import type { ControlPorts, RolloutEventKind, Settings } from "./ports.ts";
import type { Rivals } from "./rivals.ts";
import type { Seat } from "./seat.ts";

/** One rollout being run by this process. What is not readonly moves on. */
export interface Run {
  readonly ports: ControlPorts;
  readonly settings: Settings;
  readonly playbook: Playbook;
  /** Where the way back leads; it moves on when that is proved harmful too. */
  stable: Release;
  readonly candidate: Release;
  /** Where the candidate's components are. */
  readonly place: Place;
  readonly past: Past;
  /** Who would undo a restore: asked when the run began. */
  readonly rivals: Promise<Rivals>;
  /** The way back, ready before it is needed. */
  readonly plans: PlanWatch;
  readonly counts: CountJournal;
  /** When counts were last written. */
  keptAt: Instant;
  rollout: Rollout;
  lease: Lease;
  /** Of the newest route that we know of, set or recorded: an older controller's late route can never be newer. */
  epoch: number;
  /** What a person wants: to go back, to hold, to end the waiting. */
  order: Order | undefined;
  /** The newest judgement. */
  verdict?: Verdict;
  /** What was fixed before the first outcome was judged. */
  parameters?: EvaluatorSetup;
  /** Sagas that this run has recorded, or is about to, and not run yet: nothing was sent under their intents. */
  readonly begun: Map<string, Begun>;
  /** Sagas whose newest start is counted, and was cut off by the store. */
  readonly cutOff: Set<string>;
  stopped: boolean;
  /** The process ends: nothing is tried again here. */
  closed: boolean;
  /** Why the end of our newest write is not known: what is durable may be newer than what we hold. */
  behind?: unknown;
  /** What was done and the store has not taken yet. */
  unrecorded?: Unrecorded;
  /** Counts that were judged and that the store is not known to have taken. While there are some, nothing goes forward. */
  unsaved: readonly Change[];
  /** The newest write of the rollout. */
  saving: Promise<void>;
  /** What was owed to people, and was told: no write keeps it any more. */
  told?: Owed;
}

/** Something that was done in memory, since when the store takes no write, and why. */
export interface Unrecorded {
  readonly what: string;
  readonly since: Instant;
  readonly reason: string;
}

/** What is known of a saga from its start, so that nothing of it is read between the decision and its first effect. */
export interface Begun {
  readonly saga: Saga;
  /** All that it is recorded with. */
  readonly changes: readonly Change[];
  /** What earlier sagas tell of the targets; undefined when that could not be read. */
  readonly past: Promise<Pick<SagaPorts, "underWay" | "served"> | undefined>;
  /** The leases of its targets, where they were taken with its record. */
  held?: Held;
}

export function entryOf(run: Run, type: EntryType, data: EntryDraft["data"], actor = "rollbook"): Change {
  const { rollout, ports } = run;
  return {
    kind: "entry",
    entry: { type, at: ports.clock.now(), system: rollout.system, actor, rollout: rollout.id, data },
  };
}

/**
 * Writes the rollout's new state, one write after the other, together with whatever belongs to it, or throws when we are fenced.
 * A standing order is part of every state until the rollout goes back or ends, so that no restart forgets it.
 */
export function save(run: Run, next: Rollout | (() => Rollout), changes: readonly Change[] = []): Promise<void> {
  const write = async () => {
    // Whatever rests on what we hold in memory waits until that is known to be what is durable.
    const rests = typeof next === "function";
    if (rests && run.behind !== undefined) throw run.behind;
    try {
      await saveNow(run, rests ? next() : next, changes);
      delete run.behind;
    } catch (error) {
      if (!rests) run.behind = error;
      throw error;
    }
  };
  const saved = run.saving.then(write, write);
  run.saving = saved;
  return saved;
}

async function saveNow(run: Run, next: Rollout, changes: readonly Change[]): Promise<void> {
  const guard = { resource: run.lease.resource, fence: run.lease.fence };
  const rollout = withoutTold(underOrder(next, run.order), run.told);
  const begun = begunBy(run, changes);
  const now = run.ports.clock.now();
  const claim = begun && claimOf(begun.saga, run.settings.leaseMs, now);
  const written = await run.ports.store.commit([{ kind: "rollout", rollout }, ...changes], guard, claim);
  if (written.kind === "fenced") throw new FencedError(run.lease.resource);
  if (begun && written.claimed) begun.held = { leases: written.claimed, since: now };
  forget(run, changes);
  run.rollout = rollout;
}

function withoutTold(next: Rollout, told: Owed | undefined): Rollout {
  if (!told || next.rollback?.owed !== told) return next;
  const { owed: _, ...rollback } = next.rollback;
  return { ...next, rollback };
}

function begunBy({ begun }: Run, changes: readonly Change[]): Begun | undefined {
  const start = changes.find((change) => change.kind === "saga" && begun.has(change.saga.id));
  return start?.kind === "saga" ? begun.get(start.saga.id) : undefined;
}

/** Takes what the data plane has counted since the last call. Durable only once `keep` or a commit has written it. */
export function drain(run: Run): readonly Sample[] {
  const samples = stamped(run.ports.signals.drain(), run.ports.clock.now());
  run.past.count(samples, run.stable.id);
  return samples;
}

/** Says when samples became known, where their source has not: by our clock, and no later than now. */
export function stamped(samples: readonly Sample[], now: Instant): readonly Sample[] {
  return samples.map((sample) =>
    (sample.known ?? Number.POSITIVE_INFINITY) > now ? { ...sample, known: now } : sample,
  );
}

/** These samples, and those before them that are not known to be written: what is sent again the store ignores by its key. */
export function samplesChange(run: Run, samples: readonly Sample[]): readonly Change[] {
  run.counts.add(samples);
  run.unsaved = [...run.unsaved, ...run.counts.rows()];
  return run.unsaved;
}

/**
 * Takes samples that no decision waits for, and writes them: not more often than each `tickMs`. A store that takes none now
 * gets them with the next ones.
 */
export async function keep(run: Run, samples: readonly Sample[]): Promise<void> {
  const { counts, ports, settings } = run;
  counts.add(samples);
  const now = ports.clock.now();
  if (now >= run.keptAt && now - run.keptAt < settings.tickMs) return;
  const before = run.unsaved.length;
  // Packs hold what is written already; so a pack and its rows are never in one commit.
  const pack = before === 0 && counts.isFull() ? await nextPack(run) : [];
  const changes = [...pack, ...samplesChange(run, [])];
  if (changes.length === 0) return;
  run.keptAt = now;
  try {
    await commitCounts(run, changes);
  } catch (error) {
    if (error instanceof FencedError || pack.length > 0) throw error;
    const why = error instanceof Error ? error.message : String(error);
    if (before === 0) emit(run, "late", `the store takes no write: ${why}; nothing goes forward meanwhile`);
  }
}

/** Writes all counts, and packs them. */
export async function packCounts(run: Run): Promise<void> {
  await commitCounts(run, samplesChange(run, []));
  await commitCounts(run, await nextPack(run));
}

/** A pack that was sent before may have been taken, and only the answer lost. */
async function nextPack({ counts, ports, rollout }: Run): Promise<readonly Change[]> {
  const sent = counts.unwritten();
  if (sent !== undefined && (await ports.store.packs(rollout.id, sent, 1)).length > 0) counts.packWritten();
  return counts.pack();
}

async function commitCounts(run: Run, changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) return;
  const { resource, fence } = run.lease;
  const written = await run.ports.store.commit(changes, { resource, fence });
  if (written.kind === "fenced") throw new FencedError(resource);
  if (changes.some(({ kind }) => kind === "pack")) run.counts.packWritten();
  forget(run, changes);
}

function forget(run: Run, written: readonly Change[]): void {
  if (run.unsaved.length > 0) run.unsaved = run.unsaved.filter((change) => !written.includes(change));
}

export function emit(
  run: Pick<Run, "ports" | "rollout">,
  kind: RolloutEventKind,
  text: string,
  extra: { readonly verdict?: Verdict } = {},
): void {
  run.ports.emit({ kind, at: run.ports.clock.now(), rollout: run.rollout, text, ...extra });
}

/** The route that gives the candidate this share; every change is a new epoch. What is contained stays so. */
export function routeTo(run: Run, percent: number): Route {
  const { system } = run.playbook;
  const current = run.ports.traffic.current(system);
  run.epoch = Math.max(run.epoch, current?.epoch ?? 0) + 1;
  return {
    system,
    epoch: run.epoch,
    stable: run.stable.id,
    candidate: run.candidate.id,
    candidatePpm: Math.round(percent * 10_000),
    ...(current?.swapped ? { swapped: true } : {}),
    ...(current?.contained ? { contained: current.contained } : {}),
  };
}

/** Takes the right to act on a system and keeps it until `stop`; a lost lease marks the run as stopped. */
export async function holdLease(
  ports: ControlPorts,
  settings: Settings,
  system: string,
): Promise<{ readonly lease: Lease; readonly keep: (run: Run) => () => void }> {
  const resource = `system:${system}`;
  if (ports.seat) return takeSeat(ports.seat, resource);
  const deadline = ports.clock.now() + 2 * settings.leaseMs;
  for (;;) {
    const lease = await ports.store.acquireLease(resource, settings.holder, settings.leaseMs, ports.clock.now());
    if (lease) return { lease, keep: (run) => renewUntilStopped(run) };
    if (ports.clock.now() > deadline) throw heldElsewhere(system);
    await ports.clock.sleep(settings.leaseMs / 4);
  }
}

function takeSeat(seat: Seat, resource: string) {
  const lease = seat.lease();
  if (!lease) throw new FencedError(resource);
  const keep = (run: Run) => {
    const letGo = seat.follow({
      renewed(newer) {
        run.lease = newer;
      },
      lost() {
        run.stopped = true;
      },
    });
    // It may have been lost while the run was loaded: nobody says so again.
    if (seat.lease()?.fence !== lease.fence) run.stopped = true;
    return letGo;
  };
  return { lease, keep };
}

function renewUntilStopped(run: Run): () => void {
  const done = new AbortController();
  const { ports, settings } = run;
  const loop = async () => {
    while (!done.signal.aborted) {
      await ports.clock.sleep(settings.leaseMs / 3, done.signal);
      if (done.signal.aborted) return;
      // A store that is away says nothing of who holds the lease: it is asked again, and every write names our fence.
      const renewed = await ports.store
        .renewLease(run.lease, settings.leaseMs, ports.clock.now())
        .catch(() => run.lease);
      if (renewed) run.lease = renewed;
      else {
        run.stopped = true;
        return;
      }
    }
  };
  void loop();
  return () => done.abort(OVER);
}
