import type { Playbook } from "../core/playbook.ts";
import type { ReleaseId } from "../core/release.ts";
import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Instant } from "../core/time.ts";

/** Stable's counts of each signal, of the seconds that were over by `until`. */
export function frozenWindows(
  { signals }: Pick<Playbook, "signals">,
  samples: readonly Sample[],
  stable: ReleaseId,
  until: Instant = Number.POSITIVE_INFINITY,
): readonly FrozenWindow[] {
  const own = samples.filter(({ release, bucket }) => release === stable && bucket + 1000 <= until);
  return signals.map(({ name }) => windowOf(name, own));
}

function windowOf(signal: string, samples: readonly Sample[]): FrozenWindow {
  const whole = { n: 0, k: 0 };
  const groups: Record<string, { n: number; k: number }> = {};
  const cells = new Map<number, number>();
  for (const sample of samples) {
    if (sample.signal !== signal) continue;
    const { group, n, k } = sample;
    if (group !== undefined) {
      const sum = groups[group] ?? { n: 0, k: 0 };
      groups[group] = { n: sum.n + n, k: sum.k + k };
      continue;
    }
    whole.n += n;
    whole.k += k;
    for (const [cell, count] of sample.cells ?? []) cells.set(cell, (cells.get(cell) ?? 0) + count);
  }
  return {
    signal,
    ...whole,
    ...(cells.size > 0 ? { cells: [...cells].sort(([a], [b]) => a - b) } : {}),
    ...(Object.keys(groups).length > 0 ? { groups } : {}),
  };
}
