import { environmentBlock, playbookBlock } from "./language/head-keys.ts";
import { criterionBlock, fixedBlock, howBlock, releaseBlock } from "./language/how-keys.ts";
import type { BlockSpec } from "./language/key-spec.ts";
import { componentBlock, signalBlock, signalsBlock, whatBlock } from "./language/what-keys.ts";
import { claimBlock, whenBlock } from "./language/when-keys.ts";
import { drillPassBlock, drillPlaceBlock, drillsBlock, forwardBlock, whoBlock } from "./language/who-keys.ts";

export type { BlockSpec, KeySpec, ValueSpec } from "./language/key-spec.ts";

/**
 * The whole language as one table: for each key its need, example, meaning, value and whether anything acts on it yet.
 * The parser reads by it; the JSON Schema and the tables of docs/playbook.md are made from it.
 */
export const language = {
  playbook: playbookBlock,
  environment: environmentBlock,
  what: whatBlock,
  component: componentBlock,
  signals: signalsBlock,
  signal: signalBlock,
  when: whenBlock,
  claim: claimBlock,
  how: howBlock,
  release: releaseBlock,
  fixed: fixedBlock,
  criterion: criterionBlock,
  who: whoBlock,
  forward: forwardBlock,
  drills: drillsBlock,
  drillPlace: drillPlaceBlock,
  drillPass: drillPassBlock,
} as const satisfies Record<string, BlockSpec>;

/** Words that a signal cannot be called, because a trigger or a criterion would read them as keys. */
export const reservedNames: readonly string[] = [
  ...Object.keys(language.claim.keys),
  ...Object.keys(language.fixed.keys),
];
