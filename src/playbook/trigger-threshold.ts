import type { Signal, Trigger } from "../core/playbook.ts";
import { type IssueList, quote } from "./issue.ts";
import type { Block } from "./yaml-reader.ts";

/**
 * Whether a claim can have a calibrated threshold, where it asks for one: its evidence must be a walk of two counts. That is
 * so of a share against a limit, and of one that rises by a percentage; what the split of traffic has to be, the linter knows.
 */
export function canBeWalked(trigger: Trigger, { name, kind }: Signal, block: Block, issues: IssueList): boolean {
  const entry = block.get("threshold");
  if (!entry || trigger.threshold === undefined) return true;
  const hint = "Leave `threshold` out: the usual one is guaranteed, without an assumption.";
  const refuse = (code: "VALUE_NOT_SUPPORTED" | "CONFLICTING_KEYS", why: string): false => {
    issues.add(code, entry.offset, `${why}, so its threshold cannot be calibrated exactly.`, hint);
    return false;
  };
  if (kind !== "share")
    return refuse("VALUE_NOT_SUPPORTED", `${quote(name)} is a ${kind}, and only a share is a walk of two counts`);
  if (trigger.kind === "compare" && trigger.by.kind === "points")
    return refuse("VALUE_NOT_SUPPORTED", "A margin in points needs more than two counts");
  for (const [key, why] of Object.entries(others))
    if (block.has(key)) return refuse("CONFLICTING_KEYS", `${quote(key)} ${why}`);
  return true;
}

const others = {
  within: "looks at a part of the evidence only",
  "in-any": "makes many claims of one",
};
