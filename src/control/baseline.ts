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

/**
 * Freezes stable's counts: the reference of `fixed` and the forecast of the tests. Where stable was watched long enough
 * before, nothing has to be waited for; else it is watched alone now.
 */
export async function freezeBaseline(run: Run): Promise<readonly FrozenWindow[]> {
  const { clock } = run.ports;
  const known = run.past.recent(run.stable, run.settings.baselineMs) ?? (await fromPromotion(run));
  if (known?.some(({ n }) => n > 0)) return known;
  const from = clock.now();
  emit(run, "baseline", `watching stable alone for ${run.settings.baselineMs / 1000} s, to have a reference`);
  while (clock.now() - from < run.settings.baselineMs) {
    if (cordOf(run)) break;
    await clock.sleep(run.settings.tickMs);
    if (run.stopped) throw new FencedError(run.lease.resource);
    await keep(run, drain(run));
  }
  const samples = await run.ports.store.samples(run.rollout.id);
  return maturedWindows(run.playbook, samples, run.stable.id, clock.now());
}

/** How old counts may be that were taken while stable was being promoted, once they are known for certain. */
const MEMORY_MS: Milliseconds = 900_000;

/** The counts that stable itself was promoted on, if that was lately and lasted long enough. */
async function fromPromotion(run: Run): Promise<readonly FrozenWindow[] | undefined> {
  const { store, clock } = run.ports;
  const promoted = (await store.rollouts(run.rollout.system)).find(
    ({ candidate, promotedAt, rollback }) => candidate === run.stable.id && promotedAt !== undefined && !rollback,
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
