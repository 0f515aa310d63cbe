import type { Signal, Trigger } from "../core/playbook.ts";
import { contradiction } from "./claim.ts";
import { readLimitOf, readMarginOf } from "./claim-amount.ts";
import { type IssueList, quote } from "./issue.ts";
import { claimForms, type MoveWord, moves } from "./language/when-keys.ts";
import { language } from "./language.ts";
import { nearestWord } from "./nearest-word.ts";
import { patterns } from "./patterns.ts";
import { readMargin } from "./quantity.ts";
import { findSignal, refuseGoodCount, refuseTime, refuseUnbounded, type Signals, slowShare } from "./signal-block.ts";
import { readTerms } from "./trigger-terms.ts";
import { canBeWalked } from "./trigger-threshold.ts";
import { type Block, readName, readText, readWord, reportKey } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

/** Words of other tools, with what says it here. */
const laterMoves = {
  drifts: "Claim an effect on an outcome: `rises` or `falls`.",
  changes: "Claim a direction: `rises` or `falls`.",
};
const example = "rising-losses: { losses: rises, by: 60% }";

/** One trigger of `when` as it is written. */
export interface Written {
  readonly item: YamlEntry;
  readonly block: Block;
  readonly rest: readonly YamlEntry[];
  /** False when a key of it was refused. */
  readonly whole: boolean;
}

/** Reads a claim such as `{ losses: rises, by: 60% }`; undefined also for one that nobody could judge, which is noted. */
export function readTrigger(written: Written, signals: Signals, issues: IssueList): Trigger | undefined {
  const { item, block, rest, whole } = written;
  const subject = findSubject(rest, signals, issues);
  if (!subject) {
    if (rest.length > 0 || !whole) return undefined;
    const message = `${quote(item.key)} does not say which signal does what.`;
    issues.add("MISSING_KEY", item.offset, message, `Write for example \`${example}\`.`);
    return undefined;
  }
  const signal = findSignal(subject.key, subject.offset, signals, issues);
  const move = readWord(subject, moves, issues, laterMoves);
  checkWindow(block, issues);
  if (!move) return undefined;
  checkForm(move, subject, block, issues);
  const fits = signal !== undefined && checkKind(signal, move, subject, issues);
  const trigger = readClaim(item, subject.key, signal, move, block, issues);
  if (!fits || !trigger || !isHarm(trigger, signal, subject, issues)) return undefined;
  if (!canBeWalked(trigger, signal, block, issues)) return undefined;
  return knowsGroups(signal, block, issues) ? trigger : undefined;
}

/** The entry that says which signal does what; the others are reported as unknown keys. */
function findSubject(rest: readonly YamlEntry[], signals: Signals, issues: IssueList): YamlEntry | undefined {
  const says = (entry: YamlEntry) => (entry.value.kind === "text" ? entry.value.value : "");
  const subject =
    rest.find((entry) => signals.names?.includes(entry.key)) ??
    rest.find((entry) => nearestWord(says(entry), [...moves, ...Object.keys(laterMoves)]) !== undefined) ??
    rest.find((entry) => nearestWord(entry.key, Object.keys(language.claim.keys)) === undefined);
  for (const entry of rest) if (entry !== subject) reportKey(entry, language.claim, issues);
  return subject;
}

function checkWindow(block: Block, issues: IssueList): void {
  for (const key of ["over", "min"]) {
    const entry = block.get(key);
    if (!entry) continue;
    const message = `${quote(key)} belongs to a hard limit; a claim weighs all evidence since the first exposure.`;
    const hint = "Remove it, or write `within: 10m` for a recent change, or `hard: errors > 5%, over: 30s, min: 200`.";
    issues.add("CONFLICTING_KEYS", entry.offset, message, hint);
  }
}

const wantedBy = (move: MoveWord) => (move === "above" || move === "below" ? "limit" : "by");

function exampleOf(move: MoveWord, item: YamlEntry, signal: string): string {
  const rest = {
    above: "limit: 1.5%",
    below: "limit: 90%",
    differ: "across: group, by: 8pp",
    slows: "by: 20%",
  };
  const how = move === "rises" || move === "falls" ? "by: 5%" : rest[move];
  return `Write \`${item.key}: { ${signal}: ${move}, ${how} }\`.`;
}

/** Keys that belong to another form of claim. */
function checkForm(move: MoveWord, subject: YamlEntry, block: Block, issues: IssueList): void {
  const fitting: readonly string[] = [...claimForms[move], "over", "min"];
  for (const entry of block.values()) {
    if (fitting.includes(entry.key)) continue;
    const wanted = entry.key === "by" || entry.key === "limit" ? `; ${quote(wantedBy(move))} does` : "";
    const message = `${quote(entry.key)} does not go with ${quote(move)}${wanted}.`;
    issues.add("CONFLICTING_KEYS", entry.offset, message, exampleOf(move, subject, subject.key));
  }
}

/** Whether such a signal can be said to do that. */
function checkKind(signal: Signal, move: MoveWord, subject: YamlEntry, issues: IssueList): boolean {
  const { name, kind } = signal;
  if (move === "slows") {
    if (kind === "time") return true;
    const message = `${quote(name)} is a ${kind}; only a \`time\` slows.`;
    issues.add("VALUE_NOT_SUPPORTED", subject.value.offset, message, slowShare);
    return false;
  }
  if (refuseTime(signal, subject.offset, "other claims than `slows`", issues)) return false;
  const compares = move === "rises" || move === "falls";
  if (!compares && refuseUnbounded(signal, subject.offset, "other claims than `rises` and `falls`", issues))
    return false;
  if (move === "differ" && kind !== "share") {
    const message = `${quote(name)} is a ${kind}; groups are compared by their shares only.`;
    issues.add("VALUE_NOT_SUPPORTED", subject.offset, message, "Make it a `share`, of scores below a line say.");
    return false;
  }
  return !refuseGoodCount(signal, subject.offset, issues);
}

function readClaim(
  item: YamlEntry,
  name: string,
  signal: Signal | undefined,
  move: MoveWord,
  block: Block,
  issues: IssueList,
): Trigger | undefined {
  const terms = readTerms(item, block, issues);
  const hint = exampleOf(move, item, name);
  const amount = block.get(wantedBy(move));
  const other = block.has(wantedBy(move) === "by" ? "limit" : "by");
  const needed = { across: move === "differ", [wantedBy(move)]: !other };
  for (const [key, isNeeded] of Object.entries(needed)) {
    if (!isNeeded || block.has(key)) continue;
    issues.add("MISSING_KEY", item.offset, `${quote(key)} is missing: ${name} ${move}, ${asks[key]}?`, hint);
  }
  const head = { name: item.key, signal: name, ...terms };
  if (move === "slows") return readSlows(head, block, issues);
  if (move === "above" || move === "below") {
    const limit = amount && readLimitOf(signal, amount, issues);
    return limit !== undefined && !other ? { kind: "limit", ...head, side: move, limit } : undefined;
  }
  const by = amount && readMarginOf(signal, amount, issues);
  if (move !== "differ") return by && !other ? { kind: "compare", ...head, move, by } : undefined;
  const acrossEntry = block.get("across");
  const across = acrossEntry && readName(acrossEntry, "across: applicant-group", issues);
  return by && !other && across ? { kind: "differ", ...head, across, by } : undefined;
}

const asks: Readonly<Record<string, string>> = {
  by: "how far",
  limit: "how far",
  across: "between which groups",
};

function readSlows(head: Pick<Trigger, "name" | "signal">, block: Block, issues: IssueList): Trigger | undefined {
  const [atEntry, byEntry] = [block.get("at"), block.get("by")];
  const at = atEntry && readText(atEntry, "at: p95", issues);
  // Hundredths are rounded in binary: 99.9 / 100 would be 0.9990000000000001.
  const percentile = at === undefined ? undefined : Number(new RegExp(patterns.quantile).exec(at)?.[1]);
  const quantile = percentile === undefined ? undefined : Number((percentile / 100).toPrecision(6));
  const sound = quantile !== undefined && quantile > 0;
  if (atEntry && at !== undefined && !sound) {
    const message = `${quote(at)} is not a quantile.`;
    issues.add("BAD_VALUE", atEntry.value.offset, message, "Write for example `at: p95` or `at: p99.9`.");
  }
  const by = byEntry && readMargin(byEntry, 100, issues);
  if (by?.kind === "points") {
    const message = "A time has no percentage points.";
    issues.add("WRONG_UNIT", byEntry!.value.offset, message, "Write how much longer, for example `by: 20%`.");
    return undefined;
  }
  if (!by || (atEntry && !sound)) return undefined;
  return { kind: "slows", ...head, ...(quantile === undefined ? {} : { quantile }), by: by.value };
}

function isHarm(trigger: Trigger, signal: Signal, subject: YamlEntry, issues: IssueList): boolean {
  const wrong = contradiction(trigger, signal);
  if (!wrong) return true;
  const opposite = { rises: "falls", falls: "rises", above: "below", below: "above" } as const;
  const said = subject.value.kind === "text" ? subject.value.value : "";
  const hint = `Write \`${subject.key}: ${opposite[said as keyof typeof opposite]}\`, or correct \`better\`.`;
  issues.add("WRONG_DIRECTION", subject.value.offset, wrong, hint);
  return false;
}

/** Only reported outcomes say which group they are of; from elsewhere the claim is written down and not judged. */
function knowsGroups({ name, from }: Signal, block: Block, issues: IssueList): boolean {
  const entry = block.get("across") ?? block.get("in-any");
  if (!entry || from === "events") return true;
  const message = `${quote(entry.key)} has no effect on ${quote(name)}, which comes from ${quote(from)}: only reported outcomes say their group.`;
  const hint = "Report the outcomes with their group, with `from: events`.";
  issues.addIdle("KEY_NOT_SUPPORTED", entry.offset, message, hint);
  return false;
}
