import type { Who } from "../core/playbook.ts";
import { parseDuration } from "../core/time.ts";
import { defaults, limits } from "./defaults.ts";
import { type IssueList, quote } from "./issue.ts";
import { language } from "./language.ts";
import { spanOf, wholeOf } from "./quantity.ts";
import {
  type Block,
  checkSize,
  readAddresses,
  readBlock,
  readEntries,
  readItems,
  readMap,
  readName,
  readText,
} from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

const keys = language.who.keys;
const audience = { example: keys.now.example, most: limits.audience };

/** Reads `who`: who is told at once, who later, which clocks start, and who must approve. */
export function readWho(entry: YamlEntry, issues: IssueList): Who {
  const map = readMap(entry, language.playbook.keys.who.example, issues);
  if (!map) return defaults.who;
  const spans = map.entries.filter((item) => /^\d/.test(item.key));
  const rest = { whole: map.whole, entries: map.entries.filter((item) => !spans.includes(item)) };
  const block = readEntries(rest, language.who, entry.offset, issues);
  const now = block.get("now");
  const later = checkSize(spans.length, limits.escalations, entry, issues) ? readLater(spans, issues) : [];
  return {
    now: (now && readAddresses(now, { ...audience, least: 0 }, issues)) ?? defaults.who.now,
    ...(later.length > 0 ? { later } : {}),
    ...readForwardAndClocks(block, issues),
  };
}

/** `15m: [ email://model-risk ]`: who else is told when a rollback is not over after so long; soonest first. */
function readLater(entries: readonly YamlEntry[], issues: IssueList): NonNullable<Who["later"]> {
  const byTime = new Map<number, readonly string[]>();
  for (const entry of entries) {
    const list = readAddresses(entry, { ...audience, example: "15m: [ email://model-risk ]", least: 1 }, issues);
    // The key itself is the span, so what is wrong with it is shown there.
    const key = { ...entry, value: { kind: "text", offset: entry.offset, value: entry.key } } as const;
    const after = parseDuration(entry.key) === undefined ? badTime(entry, issues) : spanOf(entry.key, key, issues);
    if (after === undefined || !list) continue;
    if (byTime.has(after)) {
      const message = `${quote(entry.key)} is a time that stands here already.`;
      issues.add("CONFLICTING_KEYS", entry.offset, message, "Put both lists into one.");
    }
    byTime.set(after, list);
  }
  return [...byTime].sort(([a], [b]) => a - b).map(([after, people]) => ({ after, audience: people }));
}

function badTime(entry: YamlEntry, issues: IssueList): undefined {
  const message = `${quote(entry.key)} is not a span of time after which people are told.`;
  issues.add("BAD_VALUE", entry.offset, message, "Write for example `15m: [ email://model-risk ]`.");
  return undefined;
}

function readForwardAndClocks(block: Block, issues: IssueList): Pick<Who, "clocks" | "forward"> {
  const [clocksEntry, forwardEntry] = [block.get("clocks"), block.get("forward")];
  const clocks =
    clocksEntry &&
    readItems(clocksEntry, { example: keys.clocks.example, least: 1, most: limits.audience }, issues, (item) =>
      readName(item, keys.clocks.example, issues),
    );
  const forward = forwardEntry && readForward(forwardEntry, issues);
  return { ...(clocks ? { clocks } : {}), ...(forward ? { forward } : {}) };
}

function readForward(entry: YamlEntry, issues: IssueList): Who["forward"] {
  const block = readBlock(entry, language.forward, keys.forward.example, issues);
  const [approveEntry, fromEntry] = [block?.get("approve"), block?.get("from")];
  const text = approveEntry && readText(approveEntry, "approve: 2", issues);
  const approve =
    approveEntry && text !== undefined ? wholeOf(text, approveEntry, { from: 0, to: 2 }, issues) : undefined;
  const { example } = language.forward.keys.from;
  const from =
    fromEntry &&
    readItems(fromEntry, { example, least: 0, most: limits.audience }, issues, (item) =>
      readName(item, example, issues),
    );
  if (approve === undefined || !from || !fromEntry) return undefined;
  if (approve === 0 || from.length > 0) return { approve, from };
  const message = `${approve} must approve, but nobody may.`;
  issues.add("MISSING_VALUE", fromEntry.offset, message, `Write for example \`${example}\`.`);
  return undefined;
}
