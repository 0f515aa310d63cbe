import type { Signal, TimeSignal } from "../core/playbook.ts";
import { defaults, limits } from "./defaults.ts";
import { type IssueList, quote } from "./issue.ts";
import { timeUnits } from "./language/what-keys.ts";
import { language, reservedNames } from "./language.ts";
import { didYouMean, nearestWord } from "./nearest-word.ts";
import { readSpan } from "./quantity.ts";
import {
  type Block,
  checkName,
  checkSize,
  readAddress,
  readBlock,
  readMap,
  readName,
  readWord,
} from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

/** What the file declares: every name, and the signals that could be read. */
export interface Signals {
  /** Undefined when `signals` itself could not be read: then no reference is called unknown. */
  readonly names: readonly string[] | undefined;
  readonly byName: ReadonlyMap<string, Signal>;
  readonly times: ReadonlyMap<string, TimeSignal>;
}

export const noSignals: Signals = { names: undefined, byName: new Map(), times: new Map() };

/** What Rollbook itself counts; any other source is the name of a connection. */
export const ownSources = ["events", "gateway"] as const;

const keys = language.signal.keys;

/** Reads `signals`: named streams of counts. */
export function readSignals(entry: YamlEntry, issues: IssueList): Signals {
  const map = readMap(entry, language.playbook.keys.signals.example, issues);
  if (!map || !checkSize(map.entries.length, limits.signals, entry, issues)) return noSignals;
  if (map.entries.length === 0) {
    const hint = `Write for example \`${language.playbook.keys.signals.example}\`.`;
    issues.add("MISSING_VALUE", entry.offset, "`signals` declares nothing, so nothing could be watched.", hint);
    return noSignals;
  }
  const byName = new Map<string, Signal>();
  const times = new Map<string, TimeSignal>();
  for (const signal of map.entries) {
    const named = checkName(signal.key, signal.offset, issues, reservedNames);
    const read = readSignal(signal, issues);
    if (!named || !read) continue;
    if ("unit" in read) times.set(signal.key, read);
    else byName.set(signal.key, read);
  }
  return { names: map.entries.map((signal) => signal.key), byName, times };
}

function readSignal(entry: YamlEntry, issues: IssueList): Signal | TimeSignal | undefined {
  const example = "errors: { share: failed, of: requests, from: gateway, better: down }";
  const block = readBlock(entry, language.signal, example, issues);
  if (!block) return undefined;
  const whole = entry.value.kind === "map" && entry.value.whole;
  const counted = readCounted(entry, block, whole, issues);
  const fromEntry = block.get("from");
  const from = fromEntry && readSource(fromEntry, issues);
  const betterEntry = block.get("better");
  const better = betterEntry && readWord(betterEntry, ["down", "up"] as const, issues);
  const more = readRest(block, issues);
  const upwards = better === "up" && block.has("time");
  if (upwards) {
    const message = `${quote(entry.key)} is a time, and longer is never better here.`;
    issues.add("WRONG_DIRECTION", betterEntry!.value.offset, message, "Write `better: down`.");
  }
  if (!counted || !from || !better || upwards) return undefined;
  if ("unit" in counted) return { name: entry.key, ...counted, from };
  return { name: entry.key, ...counted, from, better, ...more };
}

/** A near miss of our own sources is a slip: as the name of a connection it would be silence. */
function readSource(entry: YamlEntry, issues: IssueList): string | undefined {
  const written = entry.value.kind === "text" ? entry.value.value : "";
  const connection = /^([a-z][a-z0-9-]*):\/\//.exec(written)?.[1];
  if (connection !== undefined) {
    const message = `${quote(written)} is an address; a signal names the connection that it comes from.`;
    issues.add("BAD_NAME", entry.value.offset, message, `Write \`from: ${connection}\`.`);
    return undefined;
  }
  const from = readName(entry, keys.from.example, issues);
  if (from === undefined || (ownSources as readonly string[]).includes(from)) return from;
  const near = nearestWord(from, ownSources, from.length > 4 ? 2 : 1);
  if (near === undefined || Math.abs(near.length - from.length) > 1) return from;
  const message = `${quote(from)} is not a source of ours, and too near to ${quote(near)} to be the name of a connection.`;
  issues.add("UNKNOWN_WORD", entry.value.offset, message, `Did you mean \`${near}\`? Else rename the connection.`);
  return undefined;
}

function readRest(block: Block, issues: IssueList): Pick<Signal, "per" | "labels" | "judge"> {
  const [per, labels, judge] = [block.get("per"), block.get("labels"), block.get("judge")];
  const values = {
    per: per && readName(per, keys.per.example, issues),
    labels: labels && readSpan(labels, issues),
    judge: judge && readAddress(judge, keys.judge.example, issues),
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

type Counted = Pick<Signal, "kind" | "part" | "of"> | Pick<TimeSignal, "unit">;

function readCounted(entry: YamlEntry, block: Block, complete: boolean, issues: IssueList): Counted | undefined {
  const kinds = (["share", "count", "time"] as const).filter((kind) => block.has(kind));
  const [kind, other] = kinds;
  const of = block.get("of");
  const whole = of && readName(of, "of: loans", issues);
  if (kind === undefined) {
    if (!complete) return undefined;
    const message = `${quote(entry.key)} does not say what it counts.`;
    issues.add("MISSING_KEY", entry.offset, message, "Write `share: defaulted, of: loans` or `count: leaked-tokens`.");
    return undefined;
  }
  if (other) {
    const message = `${quote(entry.key)} is a ${quote(kind)} and a ${quote(other)} at once.`;
    const hint = "Keep `share` for a part of `of`, `count` for occurrences, or `time` for how long something takes.";
    issues.add("CONFLICTING_KEYS", block.get(other)!.offset, message, hint);
    return undefined;
  }
  const counted = block.get(kind)!;
  if (kind === "time") {
    const unit = readWord(counted, timeUnits, issues);
    if (!of) return unit && { unit };
    issues.add("CONFLICTING_KEYS", of.offset, "`of` does not go with `time`.", "Remove it.");
    return undefined;
  }
  const part = readName(counted, `${kind}: defaulted`, issues);
  if (kind === "share" && !of) {
    const message = `${quote(entry.key)} is a share, but not of what: bare rates cannot be judged.`;
    issues.add("MISSING_KEY", entry.offset, message, "Add what it is a share of, for example `of: requests`.");
    return undefined;
  }
  if (part === undefined || (of && whole === undefined)) return undefined;
  return { kind, part, of: whole ?? defaults.countOf };
}

/** The counted signal that a name refers to; an issue when `signals` does not declare it. */
export function findSignal(name: string, offset: number, signals: Signals, issues: IssueList): Signal | undefined {
  if (signals.names && !signals.names.includes(name)) {
    const message = `${quote(name)} is not a signal of this playbook.`;
    const hint = `${didYouMean(name, signals.names)} Or declare it under \`signals\`.`;
    issues.add("UNKNOWN_SIGNAL", offset, message, hint);
  }
  return signals.byName.get(name);
}

/** Says that only `slows` goes with a time; true when it was one. */
export function refuseTime(name: string, offset: number, signals: Signals, what: string, issues: IssueList): boolean {
  if (!signals.times.has(name)) return false;
  const message = `${quote(name)} is a time; ${what} of a time are not supported by this version.`;
  const hint = "Count the slow ones: `{ share: slow, of: requests, from: events, better: down }`.";
  issues.add("VALUE_NOT_SUPPORTED", offset, message, hint);
  return true;
}
