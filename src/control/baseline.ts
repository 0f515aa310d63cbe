import type { FrozenWindow } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import { cordOf } from "./order.ts";
import { drain, emit, FencedError, keep, type Run } from "./run.ts";

/** Watches stable alone and freezes its counts: the reference of `fixed` and the forecast of the tests. */
export async function freezeBaseline(run: Run): Promise<readonly FrozenWindow[]> {
  const { clock } = run.ports;
  const from = clock.now();
  emit(run, "baseline", `watching stable alone for ${run.settings.baselineMs / 1000} s, to have a reference`);
  while (clock.now() - from < run.settings.baselineMs) {
    if (cordOf(run)) break;
    await clock.sleep(run.settings.tickMs);
    if (run.stopped) throw new FencedError(run.lease.resource);
    await keep(run, drain(run));
  }
  return frozenOf(run, await run.ports.store.samples(run.rollout.id));
}

function frozenOf(run: Run, samples: readonly Sample[]): readonly FrozenWindow[] {
  return run.playbook.signals.map(({ name }) => {
    const own = samples.filter((sample) => sample.signal === name && sample.release === run.stable.id);
    const sum = (field: "n" | "k") => own.reduce((total, sample) => total + sample[field], 0);
    return { signal: name, n: sum("n"), k: sum("k") };
  });
}
