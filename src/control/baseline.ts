import type { Release, ReleaseId } from "../core/release.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Milliseconds } from "../core/time.ts";
import { FencedError } from "./fenced-error.ts";
import { agesOf, maturedWindows } from "./frozen-windows.ts";
import { cordOf } from "./order.ts";
import { drain, emit, keep, type Run } from "./run.ts";

/** What is known of stable from between rollouts, and is added to it by them. */
export interface Past {
  /** Stable's counts of the last while, if it was watched for at least this long without a gap. */
  recent(stable: Release, atLeast: Milliseconds): readonly FrozenWindow[] | undefined;
  /** Remembers stable's counts among these, for the same hour of later weeks. */
  count(samples: readonly Sample[], stable: ReleaseId): void;
}

export const NO_PAST: Past = { recent: () => undefined, count: () => undefined };

/** Where counts are asked for and do not come, stable is watched alone so many times as long. */
const MOST_BASELINES = 8;

/**
 * Freezes stable's counts: the reference of `fixed` and the forecast of the tests. Where stable was watched long enough
 * before, nothing has to be waited for; else it is watched alone now, until there are as many counts as the settings ask.
 */
export async function freezeBaseline(run: Run): Promise<readonly FrozenWindow[]> {
  const { clock } = run.ports;
  const known = run.past.recent(run.stable, run.settings.baselineMs) ?? (await fromPromotion(run));
  const { baselineMs, baselineCounts = 0, tickMs } = run.settings;
  const compared = comparedWithIt(run);
  const isEnough = known?.every(({ signal, n }) => n >= baselineCounts || !compared.includes(signal));
  if (known?.some(({ n }) => n > 0) && isEnough) return known;
  const from = clock.now();
  const missing = countsMissing(run, baselineCounts);
  emit(run, "baseline", `watching stable alone for ${baselineMs / 1000} s, to have a reference`);
  let said = false;
  for (let spent = 0; spent < baselineMs || (spent < MOST_BASELINES * baselineMs && missing().length > 0); ) {
    if (spent >= baselineMs && !said) {
      emit(run, "baseline", `watching on, until there are ${baselineCounts} outcomes of ${missing().join(", ")}`);
      said = true;
    }
    if (cordOf(run)) break;
    await clock.sleep(tickMs);
    if (run.stopped) throw new FencedError(run.lease.resource);
    const samples = drain(run);
    missing(samples);
    await keep(run, samples);
    spent = Math.max(spent + tickMs, clock.now() - from);
  }
  const samples = await run.ports.store.samples(run.rollout.id);
  return maturedWindows(run.playbook, samples, run.stable.id, clock.now());
}

/** Which signals that `fixed` compares with the reference have fewer observations of stable than asked, with these more. */
function countsMissing(run: Run, atLeast: number): (more?: readonly Sample[]) => readonly string[] {
  const seen = new Map<string, number>();
  return (more = []) => {
    for (const { signal, release, group, n } of more)
      if (release === run.stable.id && group === undefined) seen.set(signal, (seen.get(signal) ?? 0) + n);
    return comparedWithIt(run).filter((signal) => (seen.get(signal) ?? 0) < atLeast);
  };
}

function comparedWithIt({ playbook }: Run): readonly string[] {
  return playbook.fixed.criteria.filter(({ kind }) => kind === "within").map(({ signal }) => signal);
}

/** How old counts may be that were taken while stable was being promoted, once they are known for certain. */
const MEMORY_MS: Milliseconds = 900_000;

/** The counts that stable itself was promoted on, if that was lately and lasted long enough. */
async function fromPromotion(run: Run): Promise<readonly FrozenWindow[] | undefined> {
  const { store, clock } = run.ports;
  // Of what was promoted last: nothing older is within the time that counts.
  const promoted = (await store.promoted(run.rollout.system, 2)).find(
    ({ candidate, rollback }) => candidate === run.stable.id && !rollback,
  );
  if (!promoted) return undefined;
  const since = clock.now() - MEMORY_MS;
  const ageOf = agesOf(run.playbook.signals);
  const samples = (await store.samples(promoted.id)).filter(({ signal, bucket }) => bucket >= since - ageOf(signal));
  const seconds = new Set(samples.filter(({ release }) => release === run.stable.id).map(({ bucket }) => bucket));
  return seconds.size * 1000 >= run.settings.baselineMs
    ? maturedWindows(run.playbook, samples, run.stable.id, promoted.endedAt ?? clock.now())
    : undefined;
}
