import { isRoute, type Playbook } from "../core/playbook.ts";
import type { Instant, Milliseconds } from "../core/time.ts";
import type { PastSteps } from "../decide/price.ts";
import type { ControlPorts } from "./ports.ts";

/** How many of the newest entries are looked through at the start, how many at once, and how many durations are kept. */
const LOOK_BACK = 20_000;
const PAGE = 1000;
const KEPT = 200;

/** What steps of this system took, by component, as the ledger tells it: from the first intent to the read-back. */
export interface StepDurations {
  /** Reads what was written since the last look. */
  look(): Promise<void>;
  past(): readonly PastSteps[];
}

interface StepLeaf {
  readonly type: string;
  readonly at: Instant;
  readonly system: string;
  readonly data: { readonly saga: string; readonly step: string; readonly component: string };
}

/** Deployments count as well as restores: both bring a revision into place and read it back. */
export function createStepDurations(
  { store, adapterFor }: Pick<ControlPorts, "store" | "adapterFor">,
  playbook: Playbook,
): StepDurations {
  const took = new Map<string, Milliseconds[]>();
  const begun = new Map<string, Instant>();
  let next: number | undefined;

  const take = ({ type, at, system, data }: StepLeaf) => {
    if (system !== playbook.system) return;
    const key = `${data.saga} ${data.step}`;
    if (type === "step-intent" && !begun.has(key)) begun.set(key, at);
    if (type === "step-intent") return;
    const since = begun.get(key);
    begun.delete(key);
    // Without an intent it was in place already; what was given up says nothing of how long it takes.
    if (since === undefined || type !== "step-done") return;
    took.set(data.component, [...(took.get(data.component) ?? []), at - since].slice(-KEPT));
  };

  return {
    async look() {
      next ??= Math.max(0, (await store.entryCount()) - LOOK_BACK);
      for (;;) {
        const entries = await store.entries(next, PAGE);
        for (const { leaf } of entries) if (leaf.includes('"step-')) take(JSON.parse(leaf) as StepLeaf);
        next += entries.length;
        if (entries.length < PAGE) return;
      }
    },
    past: () =>
      playbook.components
        .filter((component) => !isRoute(component))
        .map(({ name, at }) => ({ component: name, adapter: adapterFor(at).name, tookMs: took.get(name) ?? [] })),
  };
}
