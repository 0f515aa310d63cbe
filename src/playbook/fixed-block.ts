import type { Criterion, Fixed, Signal } from "../core/playbook.ts";
import { contradiction } from "./claim.ts";
import { readLimitOf, readMarginOf } from "./claim-amount.ts";
import { limits } from "./defaults.ts";
import { type IssueList, quote } from "./issue.ts";
import { language } from "./language.ts";
import { nearestWord } from "./nearest-word.ts";
import { readSpan } from "./quantity.ts";
import { findSignal, refuseGoodCount, refuseTime, refuseUnbounded, type Signals } from "./signal-block.ts";
import { checkSize, readBlock, readMap } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

const example = "fixed: { losses: { within: 3% }, for: 10m }";
const kinds = ["within", "below", "above"] as const;

/** Reads `fixed`: what must be proved before a rollback counts, and for how long. */
export function readFixed(entry: YamlEntry, signals: Signals, issues: IssueList): Fixed | undefined {
  const map = readMap(entry, example, issues);
  if (!map || !checkSize(map.entries.length, limits.criteria, entry, issues)) return undefined;
  const criteria: Criterion[] = [];
  let span: number | undefined;
  let written = false;
  let tried = 0;
  const known = signals.names ?? [];
  for (const item of map.entries) {
    if (item.key === "for") {
      written = true;
      span = readSpan(item, issues);
      continue;
    }
    if (item.value.kind === "text" && nearestWord(item.key, ["for", ...known]) === "for" && !known.includes(item.key)) {
      const message = `${quote(item.key)} is neither a signal nor a key of \`fixed\`.`;
      issues.add("UNKNOWN_KEY", item.offset, message, "Did you mean `for`?");
      written = true;
      continue;
    }
    tried++;
    const criterion = readCriterion(item, signals, issues);
    if (criterion) criteria.push(criterion);
  }
  if (!written && map.whole) {
    const message = "`for` is missing in `fixed`: for how long must it hold?";
    issues.add("MISSING_KEY", entry.offset, message, "Write for example `for: 10m`.");
  }
  if (tried === 0 && map.whole) {
    const message = "`fixed` has no criterion, so nobody could say that a rollback worked.";
    issues.add("NO_CRITERION", entry.offset, message, `Write for example \`${example}\`.`);
  }
  return span === undefined ? undefined : { criteria, for: span };
}

function readCriterion(item: YamlEntry, signals: Signals, issues: IssueList): Criterion | undefined {
  const signal = findSignal(item.key, item.offset, signals, issues);
  const block = readBlock(item, language.criterion, `${item.key}: { within: 3% }`, issues);
  if (!block) return undefined;
  const [first, second] = kinds.filter((kind) => block.has(kind));
  if (second) {
    const message = `${quote(item.key)} has two criteria, ${quote(first ?? "")} and ${quote(second)}.`;
    issues.add("CONFLICTING_KEYS", block.get(second)!.offset, message, "Keep one of the two.");
    return undefined;
  }
  if (!first) {
    const hint = `Write \`${item.key}: { within: 3% }\`, or \`below\` or \`above\` with a limit.`;
    issues.add("MISSING_KEY", item.offset, `${quote(item.key)} does not say what must hold.`, hint);
    return undefined;
  }
  const entry = block.get(first)!;
  if (signal && refuseTime(signal, item.offset, "criteria", issues)) return undefined;
  if (signal && refuseUnbounded(signal, item.offset, "criteria", issues)) return undefined;
  if (signal && refuseGoodCount(signal, item.offset, issues)) return undefined;
  const criterion = criterionOf(item.key, signal, first, entry, issues);
  if (!criterion || !signal) return undefined;
  const wrong = contradiction(criterion, signal);
  if (!wrong) return criterion;
  const turned = first === "below" ? "above" : "below";
  issues.add("WRONG_DIRECTION", entry.offset, wrong, `Write \`${turned}\`, or correct \`better\`.`);
  return undefined;
}

function criterionOf(
  name: string,
  signal: Signal | undefined,
  kind: (typeof kinds)[number],
  entry: YamlEntry,
  issues: IssueList,
): Criterion | undefined {
  if (kind !== "within") {
    const limit = readLimitOf(signal, entry, issues);
    return limit === undefined ? undefined : { kind, signal: name, limit };
  }
  const margin = readMarginOf(signal, entry, issues);
  if (signal?.kind !== "count" || margin?.kind !== "points") return margin && { kind, signal: name, margin };
  const message = `${quote(name)} is a count, which is compared with stable's own window as a part of it.`;
  issues.add("WRONG_UNIT", entry.value.offset, message, "Write for example `within: 50%`, or `below` with a number.");
  return undefined;
}
