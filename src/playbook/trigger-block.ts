import type { HardLimit, Margin, Signal, Trigger } from "../core/playbook.ts";
import { contradiction } from "./claim.ts";
import { limits } from "./defaults.ts";
import { readHardLimit } from "./hard-limit-block.ts";
import { type IssueList, quote } from "./issue.ts";
import { language } from "./language.ts";
import { nearestWord } from "./nearest-word.ts";
import { readMargin, readPercent } from "./quantity.ts";
import { findSignal, type Signals } from "./signal-block.ts";
import { type Block, checkName, checkSize, readMap, readWord, reportKey } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

const moves = ["rises", "falls", "above", "below"] as const;
const laterMoves = {
  slows: "Count the slow ones: `{ share: slow, of: requests, from: events, better: down }`.",
  differ: "Declare one signal for each group.",
  differs: "Declare one signal for each group.",
  drifts: "Claim an effect on an outcome: `rises` or `falls`.",
};
const example = "rising-losses: { losses: rises, by: 60% }";

export interface When {
  readonly triggers: readonly Trigger[];
  readonly hardLimits: readonly HardLimit[];
}

/** Reads `when`: claims that the statistics test, and hard limits. */
export function readWhen(entry: YamlEntry, signals: Signals, issues: IssueList): When {
  const triggers: Trigger[] = [];
  const hardLimits: HardLimit[] = [];
  const map = readMap(entry, `when: { ${example} }`, issues);
  if (!map || !checkSize(map.entries.length, limits.triggers, entry, issues)) return { triggers, hardLimits };
  let claims = 0;
  for (const item of map.entries) {
    const named = checkName(item.key, item.offset, issues);
    const claim = readMap(item, `${item.key}: { losses: rises, by: 60% }`, issues);
    if (!claim) {
      claims++;
      continue;
    }
    const { block, rest } = splitKeys(claim.entries, issues);
    if (block.has("hard")) {
      const hard = readHardLimit(item, block, rest, signals, issues);
      if (hard && named) hardLimits.push(hard);
    } else {
      claims++;
      const trigger = readTrigger({ item, block, rest, whole: claim.whole }, signals, issues);
      if (trigger && named) triggers.push(trigger);
    }
  }
  if (claims === 0 && map.whole) {
    const message = "`when` makes no claim; hard limits alone can call a release harmful, but never healthy.";
    issues.add("NO_TRIGGER", entry.offset, message, `Add for example \`${example}\`.`);
  }
  return { triggers, hardLimits };
}

/** Parts the language's own keys from those that can only be the name of a signal. */
function splitKeys(entries: readonly YamlEntry[], issues: IssueList): { block: Block; rest: readonly YamlEntry[] } {
  const block = new Map<string, YamlEntry>();
  const rest: YamlEntry[] = [];
  const keys: Readonly<Record<string, (typeof language.claim.keys)[keyof typeof language.claim.keys]>> =
    language.claim.keys;
  for (const entry of entries) {
    const key = Object.hasOwn(keys, entry.key) ? keys[entry.key] : undefined;
    if (!key) rest.push(entry);
    else if (key.need === "later") reportKey(entry, key, language.claim, issues);
    else block.set(entry.key, entry);
  }
  return { block, rest };
}

/** The entry that says which signal does what; the others are reported as unknown keys. */
function findSubject(rest: readonly YamlEntry[], signals: Signals, issues: IssueList): YamlEntry | undefined {
  const says = (entry: YamlEntry) => (entry.value.kind === "text" ? entry.value.value : "");
  const subject =
    rest.find((entry) => signals.names?.includes(entry.key)) ??
    rest.find((entry) => nearestWord(says(entry), [...moves, ...Object.keys(laterMoves)]) !== undefined) ??
    rest.find((entry) => nearestWord(entry.key, Object.keys(language.claim.keys)) === undefined);
  for (const entry of rest) if (entry !== subject) reportKey(entry, undefined, language.claim, issues);
  return subject;
}

function readTrigger(
  { item, block, rest, whole }: { item: YamlEntry; block: Block; rest: readonly YamlEntry[]; whole: boolean },
  signals: Signals,
  issues: IssueList,
): Trigger | undefined {
  const subject = findSubject(rest, signals, issues);
  if (!subject) {
    if (rest.length > 0 || !whole) return undefined;
    const message = `${quote(item.key)} does not say which signal does what.`;
    issues.add("MISSING_KEY", item.offset, message, `Write for example \`${example}\`.`);
    return undefined;
  }
  const signal = findSignal(subject.key, subject.offset, signals, issues);
  const move = readWord(subject, moves, issues, laterMoves);
  for (const key of ["over", "min"]) {
    const entry = block.get(key);
    if (!entry) continue;
    const message = `${quote(key)} belongs to a hard limit; a claim weighs all evidence since the first exposure.`;
    issues.add(
      "CONFLICTING_KEYS",
      entry.offset,
      message,
      "Remove it, or write `hard: errors > 5%, over: 30s, min: 200`.",
    );
  }
  if (!move) return undefined;
  const trigger = readClaim(item, subject.key, move, block, issues);
  if (!trigger || !signal) return undefined;
  return isSound(trigger, signal, subject, issues) ? trigger : undefined;
}

function readClaim(
  item: YamlEntry,
  signal: string,
  move: (typeof moves)[number],
  block: Block,
  issues: IssueList,
): Trigger | undefined {
  const compares = move === "rises" || move === "falls";
  const wanted = compares ? "by" : "limit";
  const other = block.get(compares ? "limit" : "by");
  const hint = `Write \`${item.key}: { ${signal}: ${move}, ${compares ? "by: 5%" : "limit: 1.5%"} }\`.`;
  if (other) {
    const message = `${quote(other.key)} does not go with ${quote(move)}; ${quote(wanted)} does.`;
    issues.add("CONFLICTING_KEYS", other.offset, message, hint);
  }
  const entry = block.get(wanted);
  if (!entry) {
    if (!other)
      issues.add("MISSING_KEY", item.offset, `${quote(wanted)} is missing: ${signal} ${move}, how far?`, hint);
    return undefined;
  }
  if (move === "rises" || move === "falls") {
    const by: Margin | undefined = readMargin(entry, move === "falls" ? 0.99 : 100, issues);
    return by && !other ? { kind: "compare", name: item.key, signal, move, by } : undefined;
  }
  const limit = readPercent(entry, { from: 0, to: 0.99, open: true }, issues);
  return limit && !other ? { kind: "limit", name: item.key, signal, side: move, limit } : undefined;
}

function isSound(trigger: Trigger, signal: Signal, subject: YamlEntry, issues: IssueList): boolean {
  if (signal.kind === "count") {
    const message = `${quote(signal.name)} is a count; claims about counts are not supported by this version yet.`;
    issues.add(
      "VALUE_NOT_SUPPORTED",
      subject.offset,
      message,
      `Use \`hard: ${signal.name} >= 1\`, or make it a \`share\`.`,
    );
    return false;
  }
  const wrong = contradiction(trigger, signal);
  if (!wrong) return true;
  const opposite = { rises: "falls", falls: "rises", above: "below", below: "above" } as const;
  const meant = opposite[trigger.kind === "compare" ? trigger.move : trigger.side];
  issues.add(
    "WRONG_DIRECTION",
    subject.value.offset,
    wrong,
    `Write \`${subject.key}: ${meant}\`, or correct \`better\`.`,
  );
  return false;
}
