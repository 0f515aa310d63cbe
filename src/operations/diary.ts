import { entriesAbout } from "../control/ledger-entries.ts";
import { signalOf } from "../control/rules.ts";
import type { Digest } from "../core/digest.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Rollout } from "../core/rollout.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { OperationContext } from "./context.ts";

/** One observed release: what Rollbook would have done, and what happened. */
export interface DiaryEntry {
  readonly rollout: string;
  readonly candidate: string;
  readonly unannounced: boolean;
  readonly startedAt: Instant;
  readonly endedAt?: Instant;
  /** How it ended, in people's words. */
  readonly end: string;
  readonly wouldHave?: {
    readonly at: Instant;
    /** From its first exposure. */
    readonly after: Milliseconds;
    readonly because: readonly string[];
    /** What was served after that moment, by signal: with going back it would have been stable's share. */
    readonly saved: readonly Saved[];
    /** People kept the release all the same: it counts against Rollbook, as a false alarm that they did not believe. */
    readonly keptByPeople: boolean;
  };
}

export interface Saved {
  readonly signal: string;
  readonly bad: string;
  /** Outcomes of the candidate after the moment at which it would have gone back, and the bad ones of them. */
  readonly n: number;
  readonly k: number;
  /** Bad ones beyond what stable's own share would have given. */
  readonly excess: number;
}

export interface Diary {
  readonly system: string;
  readonly authority: Playbook["authority"];
  /** Of how many releases that do no harm one would be rolled back, at most. */
  readonly falseAlarms: number;
  readonly releases: number;
  readonly wouldHaveRolledBack: number;
  readonly keptByPeople: number;
  /** False alarms to expect among so many releases, at most. */
  readonly expectedFalseAlarms: number;
  readonly entries: readonly DiaryEntry[];
  /** Drift that people were told of, of whatever served alone: newest first. */
  readonly drifts: readonly DriftTold[];
}

export interface DriftTold {
  readonly at: Instant;
  readonly release: string;
  readonly because: readonly { readonly name: string; readonly claim: string; readonly since: Instant }[];
}

/** So many are shown, the newest. */
const DRIFTS = 200;

/** The diary of a system, from what the store holds: newest first. */
export async function diaryOf({ store }: OperationContext, playbook: Playbook): Promise<Diary> {
  const rollouts = await store.rollouts(playbook.system);
  const entries = await Promise.all(rollouts.map((rollout) => entryOf(store, playbook, rollout)));
  return {
    system: playbook.system,
    authority: playbook.authority,
    falseAlarms: playbook.falseAlarms,
    releases: entries.length,
    wouldHaveRolledBack: entries.filter(({ wouldHave }) => wouldHave).length,
    keptByPeople: entries.filter(({ wouldHave }) => wouldHave?.keptByPeople).length,
    expectedFalseAlarms: entries.length * playbook.falseAlarms,
    entries,
    drifts: await driftsOf(store, playbook.system),
  };
}

async function driftsOf(store: OperationContext["store"], system: string): Promise<readonly DriftTold[]> {
  const told = await entriesAbout(store, system, DRIFTS, "drifted");
  const drifts = told.map(async ({ at, data }) => {
    const { release, because } = data as Omit<DriftTold, "at">;
    const label = (await store.release(release as Digest))?.label ?? release;
    return { at, release: label, because: because.map(({ name, claim, since }) => ({ name, claim, since })) };
  });
  return Promise.all(drifts);
}

async function entryOf(store: OperationContext["store"], playbook: Playbook, rollout: Rollout): Promise<DiaryEntry> {
  const { wouldHave, startedAt, endedAt, exposedAt = startedAt } = rollout;
  const candidate = await store.release(rollout.candidate);
  return {
    rollout: rollout.id,
    candidate: candidate?.label ?? rollout.candidate,
    unannounced: rollout.unannounced ?? false,
    startedAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    end: endedAt === undefined ? "still observed" : (rollout.note ?? rollout.rollback?.outcome ?? rollout.phase),
    ...(wouldHave
      ? {
          wouldHave: {
            at: wouldHave.at,
            after: wouldHave.at - exposedAt,
            because: wouldHave.because,
            saved: await savedBy(store, playbook, rollout, wouldHave.at),
            keptByPeople: endedAt !== undefined && rollout.phase === "healthy",
          },
        }
      : {}),
  };
}

async function savedBy(
  store: OperationContext["store"],
  playbook: Playbook,
  { id, candidate, stable, frozen }: Rollout,
  since: Instant,
): Promise<readonly Saved[]> {
  const samples = (await store.samples(id)).filter(({ group }) => group === undefined);
  // Values are not good or bad one by one.
  const counted = playbook.signals.filter(({ kind }) => kind === "share" || kind === "count");
  return counted.flatMap(({ name }): Saved[] => {
    const signal = signalOf(playbook, name);
    const badOf = (n: number, k: number) => (signal.better === "down" ? k : n - k);
    const sum = (release: string, from: Instant) => {
      const own = samples.filter(
        (sample) => sample.signal === name && sample.release === release && sample.bucket >= from,
      );
      const total = own.reduce((all, { n, k }) => ({ n: all.n + n, k: all.k + k }), { n: 0, k: 0 });
      return { n: total.n, bad: badOf(total.n, total.k) };
    };
    const after = sum(candidate, since);
    const beside = sum(stable, 0);
    const window = frozen.find(({ signal: one }) => one === name);
    const reference = beside.n > 0 || !window ? beside : { n: window.n, bad: badOf(window.n, window.k) };
    // Without anything of stable nobody can say what would have been better.
    if (reference.n === 0) return [];
    const share = reference.bad / reference.n;
    const bad = signal.better === "down" ? signal.part : `${signal.of} that are not ${signal.part}`;
    return [{ signal: name, bad, n: after.n, k: after.bad, excess: Math.round(after.bad - share * after.n) }];
  });
}
