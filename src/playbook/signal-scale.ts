import type { Signal } from "../core/playbook.ts";
import { readNumber } from "./claim-amount.ts";
import { type IssueList, quote } from "./issue.ts";
import { language } from "./language.ts";
import { wholeOf } from "./quantity.ts";
import { type Block, itemOf, readList, readText } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

const keys = language.signal.keys;

/** What is known of a mean's values: their ends, or else how many it takes. */
export function readScale(
  entry: YamlEntry,
  block: Block,
  kind: Signal["kind"],
  issues: IssueList,
): Pick<Signal, "range" | "min"> | undefined {
  const [between, min] = [block.get("between"), block.get("min")];
  if (kind !== "mean") {
    for (const written of [between, min]) {
      if (!written) continue;
      const message = `${quote(written.key)} does not go with ${quote(kind)}: it is of a \`mean\` alone.`;
      issues.add("CONFLICTING_KEYS", written.offset, message, "Remove it.");
    }
    return undefined;
  }
  if (between && min) {
    const message = `${quote(entry.key)} has ends, so it is judged exactly, from the first observation on.`;
    issues.add("CONFLICTING_KEYS", min.offset, message, "Remove `min`, or `between` where nobody knows the ends.");
    return undefined;
  }
  if (!between && !min) {
    const message = `${quote(entry.key)} is a mean, but not between what: without its ends a score cannot be judged exactly.`;
    const hint = `Add its least and greatest value, for example \`${keys.between.example}\`; where nobody knows them, \`${keys.min.example}\`: it is then judged approximately, from so many observations on.`;
    issues.add("MISSING_KEY", entry.offset, message, hint);
    return undefined;
  }
  if (min) {
    const text = readText(min, keys.min.example, issues);
    const least = text === undefined ? undefined : wholeOf(text, min, ENOUGH, issues);
    return least === undefined ? undefined : { min: least };
  }
  const range = readRange(between!, issues);
  return range && { range };
}

/** Of fewer than a thousand no spread is known well enough. */
const ENOUGH = { from: 1000, to: 1e9 } as const;

/** `between` of a mean. */
function readRange(between: YamlEntry, issues: IssueList): Signal["range"] {
  const { example } = keys.between;
  const list = readList(between, example, issues);
  if (!list) return undefined;
  const hint = `Write for example \`${example}\`.`;
  if (list.items.length !== 2) {
    const message = `${quote("between")} has ${list.items.length} values; it is the least and the greatest score.`;
    issues.add("BAD_VALUE", list.offset, message, hint);
    return undefined;
  }
  const [least, greatest] = list.items.map((node) => readNumber(itemOf(between, node), example, issues));
  if (least === undefined || greatest === undefined) return undefined;
  if (least < greatest) return [least, greatest];
  const message = `A score between ${least} and ${greatest} has no room: the least comes first.`;
  issues.add("OUT_OF_RANGE", list.offset, message, hint);
  return undefined;
}
