import type { HardLimit, PolicyTrigger, Trigger } from "../core/playbook.ts";
import { limits } from "./defaults.ts";
import { readHardLimit } from "./hard-limit-block.ts";
import { type IssueList, quote } from "./issue.ts";
import { claimForms } from "./language/when-keys.ts";
import { type KeySpec, language } from "./language.ts";
import type { Signals } from "./signal-block.ts";
import { readTrigger } from "./trigger-block.ts";
import { type Block, checkName, checkSize, noteIdle, readAddress, readMap } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

const example = "rising-losses: { losses: rises, by: 60% }";

export interface When {
  readonly triggers: readonly Trigger[];
  readonly hardLimits: readonly HardLimit[];
  readonly policies: readonly PolicyTrigger[];
}

/** Reads `when`: claims that the statistics test, hard limits, and policies. */
export function readWhen(entry: YamlEntry, signals: Signals, issues: IssueList): When {
  const triggers: Trigger[] = [];
  const hardLimits: HardLimit[] = [];
  const policies: PolicyTrigger[] = [];
  const map = readMap(entry, `when: { ${example} }`, issues);
  const when = { triggers, hardLimits, policies };
  if (!map || !checkSize(map.entries.length, limits.triggers, entry, issues)) return when;
  let claims = 0;
  for (const item of map.entries) {
    const named = checkName(item.key, item.offset, issues);
    const claim = readMap(item, `${item.key}: { losses: rises, by: 60% }`, issues);
    if (!claim) {
      claims++;
      continue;
    }
    const { block, rest } = splitKeys(claim.entries, issues);
    if (block.has("policy")) {
      const policy = readPolicy(item, block, rest, issues);
      if (policy && named) policies.push(policy);
    } else if (block.has("hard")) {
      const hard = readHardLimit(item, block, rest, signals, issues);
      if (hard && named) hardLimits.push(hard);
    } else {
      claims++;
      const trigger = readTrigger({ item, block, rest, whole: claim.whole }, signals, issues);
      if (trigger && named) triggers.push(trigger);
    }
  }
  if (claims === 0 && map.whole) {
    const message =
      "`when` makes no claim; hard limits and policies alone can call a release harmful, but never healthy.";
    issues.add("NO_TRIGGER", entry.offset, message, `Add for example \`${example}\`.`);
  }
  return when;
}

/** Parts the language's own keys from those that can only be the name of a signal. */
function splitKeys(entries: readonly YamlEntry[], issues: IssueList): { block: Block; rest: readonly YamlEntry[] } {
  const block = new Map<string, YamlEntry>();
  const rest: YamlEntry[] = [];
  const keys: Readonly<Record<string, KeySpec>> = language.claim.keys;
  for (const entry of entries) {
    const key = Object.hasOwn(keys, entry.key) ? keys[entry.key] : undefined;
    if (!key) {
      rest.push(entry);
      continue;
    }
    block.set(entry.key, entry);
    noteIdle(entry, key, language.claim, issues);
  }
  return { block, rest };
}

/** Reads `{ policy: opa://lending/back }`. */
function readPolicy(
  item: YamlEntry,
  block: Block,
  rest: readonly YamlEntry[],
  issues: IssueList,
): PolicyTrigger | undefined {
  const entry = block.get("policy")!;
  for (const other of [...block.values(), ...rest]) {
    if ((claimForms.policy as readonly string[]).includes(other.key)) continue;
    const message = `${quote(other.key)} does not go with \`policy\`: the policy itself knows what is harm.`;
    issues.add("CONFLICTING_KEYS", other.offset, message, "Remove it, or make it a trigger of its own.");
  }
  const at = readAddress(entry, language.claim.keys.policy.example, issues);
  return at === undefined ? undefined : { name: item.key, at };
}
