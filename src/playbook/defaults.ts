import type { Playbook } from "../core/playbook.ts";

/** What holds where a playbook is silent; docs/playbook.md says the same. Nothing else has a default. */
export const defaults = {
  /** What a count, a mean or a time is of, when `of` is not written. */
  of: "requests",
  falseAlarms: 0.001,
  holdback: 5,
  contain: "stable",
  within: 60_000,
  who: { now: [] } satisfies Playbook["who"],
} as const;

/** How many of each a playbook may have; far above what people read aloud. */
export const limits = {
  components: 32,
  signals: 64,
  triggers: 64,
  criteria: 64,
  steps: 20,
  audience: 32,
  escalations: 16,
  places: 16,
} as const;
