import { isReportedLater, isUnbounded, type Signal } from "../core/playbook.ts";
import { defaults, limits } from "./defaults.ts";
import { type IssueList, quote } from "./issue.ts";
import { timeUnits } from "./language/what-keys.ts";
import { language, reservedNames } from "./language.ts";
import { didYouMean, nearestWord } from "./nearest-word.ts";
import { readSpan } from "./quantity.ts";
import { readScale } from "./signal-scale.ts";
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
}

export const noSignals: Signals = { names: undefined, byName: new Map() };

/** What Rollbook itself counts; any other source is the name of a connection. */
export const ownSources = ["events", "gateway"] as const;

const keys = language.signal.keys;
const kinds = ["share", "count", "mean", "time"] as const;

/** Reads `signals`: named streams of counts and values. */
export function readSignals(entry: YamlEntry, issues: IssueList): Signals {
  const map = readMap(entry, language.playbook.keys.signals.example, issues);
  if (!map || !checkSize(map.entries.length, limits.signals, entry, issues)) return noSignals;
  if (map.entries.length === 0) {
    const hint = `Write for example \`${language.playbook.keys.signals.example}\`.`;
    issues.add("MISSING_VALUE", entry.offset, "`signals` declares nothing, so nothing could be watched.", hint);
    return noSignals;
  }
  const byName = new Map<string, Signal>();
  for (const signal of map.entries) {
    const named = checkName(signal.key, signal.offset, issues, reservedNames);
    const read = readSignal(signal, issues);
    if (named && read) byName.set(signal.key, read);
  }
  return { names: map.entries.map((signal) => signal.key), byName };
}

function readSignal(entry: YamlEntry, issues: IssueList): Signal | undefined {
  const example = "errors: { share: failed, of: requests, from: gateway, better: down }";
  const block = readBlock(entry, language.signal, example, issues);
  if (!block) return undefined;
  const whole = entry.value.kind === "map" && entry.value.whole;
  const measured = readMeasured(entry, block, whole, issues);
  const fromEntry = block.get("from");
  const from = fromEntry && readSource(fromEntry, issues);
  const betterEntry = block.get("better");
  const better = betterEntry && readWord(betterEntry, ["down", "up"] as const, issues);
  const more = readRest(block, issues);
  if (better === "up" && block.has("time")) {
    const message = `${quote(entry.key)} is a time, and longer is never better here.`;
    issues.add("WRONG_DIRECTION", betterEntry!.value.offset, message, "Write `better: down`.");
    return undefined;
  }
  if (!measured || !from || !better) return undefined;
  const { part = from === "gateway" ? "latency" : entry.key, ...rest } = measured;
  const signal: Signal = { name: entry.key, part, ...rest, from, better, ...more };
  if (!isSeen(signal, fromEntry, issues) || !isWaitedFor(signal, fromEntry, issues)) return undefined;
  return withUnits(signal, block.get("per"), issues);
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

/** A signal without its source; a time is called after that. */
type Measured = Pick<Signal, "kind" | "of" | "range" | "min" | "unit"> & { readonly part?: string };

function readMeasured(entry: YamlEntry, block: Block, complete: boolean, issues: IssueList): Measured | undefined {
  const [kind, other] = kinds.filter((candidate) => block.has(candidate));
  const of = block.get("of");
  const whole = of ? readName(of, "of: loans", issues) : defaults.of;
  if (kind === undefined) {
    if (!complete) return undefined;
    const message = `${quote(entry.key)} does not say what it counts.`;
    issues.add("MISSING_KEY", entry.offset, message, "Write `share: defaulted, of: loans` or `count: leaked-tokens`.");
    return undefined;
  }
  if (other) {
    const message = `${quote(entry.key)} is a ${quote(kind)} and a ${quote(other)} at once.`;
    const hint =
      "Keep `share` for a part of `of`, `count` for occurrences, `mean` for a score, or `time` for how long something takes.";
    issues.add("CONFLICTING_KEYS", block.get(other)!.offset, message, hint);
    return undefined;
  }
  const scale = readScale(entry, block, kind, issues);
  const subject = block.get(kind)!;
  if (kind === "time") {
    const unit = readWord(subject, timeUnits, issues);
    return unit && whole !== undefined ? { kind, of: whole, unit } : undefined;
  }
  const part = readName(subject, `${kind}: ${kind === "mean" ? "sentiment" : "defaulted"}`, issues);
  if (kind === "share" && !of) {
    const message = `${quote(entry.key)} is a share, but not of what: bare rates cannot be judged.`;
    issues.add("MISSING_KEY", entry.offset, message, "Add what it is a share of, for example `of: requests`.");
    return undefined;
  }
  if (part === undefined || whole === undefined) return undefined;
  if (kind !== "mean") return { kind, part, of: whole };
  return scale && { kind, part, of: whole, ...scale };
}

/** Whether its source can see such a signal at all. */
function isSeen({ name, kind, from }: Signal, entry: YamlEntry | undefined, issues: IssueList): boolean {
  if (from === "events" || kind === "share" || kind === "count" || (kind === "time" && from === "gateway")) return true;
  const why =
    from === "gateway"
      ? "the gateway sees that there was an answer, and no score of it"
      : "a connection gives counts, and no values";
  const message = `${quote(name)} is a ${kind}, and ${why}.`;
  const hint = `Report it with the outcomes: \`from: events\`${kind === "time" ? ", or `from: gateway` for the time to the answer" : ""}.`;
  issues.add("VALUE_NOT_SUPPORTED", entry!.value.offset, message, hint);
  return false;
}

/** A request is counted at its end and its outcome after that: taken as they come, the second would be more than all. */
function isWaitedFor(signal: Signal, entry: YamlEntry | undefined, issues: IssueList): boolean {
  if (signal.kind !== "share" || signal.labels !== undefined || !isReportedLater(signal)) return true;
  const message = `${quote(signal.name)} counts requests at the gateway, which does not see whether one was ${signal.part}: that is reported later.`;
  const hint =
    "Say when it is known for certain, for example `labels: 10m`, or report both counts together, with `from: events`.";
  issues.add("VALUE_NOT_SUPPORTED", entry!.value.offset, message, hint);
  return false;
}

/** `per` needs outcomes that name their person or application, and a yes or no about each. */
function withUnits(signal: Signal, entry: YamlEntry | undefined, issues: IssueList): Signal | undefined {
  if (!entry || signal.per === undefined) return signal;
  if (signal.kind !== "share") {
    const message = `${quote("per")} goes with a share only: one ${signal.per} is bad when one of its requests was.`;
    issues.add("CONFLICTING_KEYS", entry.offset, message, "Remove it, or make the signal a `share`.");
    return undefined;
  }
  if (signal.from === "events") return signal;
  const message = `${quote("per")} has no effect on what comes from ${quote(signal.from)}: only reported outcomes name their ${signal.per}.`;
  issues.addIdle("KEY_NOT_SUPPORTED", entry.offset, message, "Report the outcomes, with `from: events`, or remove it.");
  const { per: _, ...rest } = signal;
  return rest;
}

/** The signal that a name refers to; an issue when `signals` does not declare it. */
export function findSignal(name: string, offset: number, signals: Signals, issues: IssueList): Signal | undefined {
  if (signals.names && !signals.names.includes(name)) {
    const message = `${quote(name)} is not a signal of this playbook.`;
    const hint = `${didYouMean(name, signals.names)} Or declare it under \`signals\`.`;
    issues.add("UNKNOWN_SIGNAL", offset, message, hint);
  }
  return signals.byName.get(name);
}

/** What to write where a time cannot stand. */
export const slowShare = "Count the slow ones: `{ share: slow, of: requests, from: events, better: down }`.";

/** Says that only `slows` goes with a time; true when it was one. */
export function refuseTime({ name, kind }: Signal, offset: number, what: string, issues: IssueList): boolean {
  if (kind !== "time") return false;
  const message = `${quote(name)} is a time; ${what} of a time are not supported by this version.`;
  issues.add("VALUE_NOT_SUPPORTED", offset, message, slowShare);
  return true;
}

/** Says that only `rises` and `falls` go with a mean without ends; true when it was one. */
export function refuseUnbounded(signal: Signal, offset: number, what: string, issues: IssueList): boolean {
  if (!isUnbounded(signal)) return false;
  const message = `${quote(signal.name)} is a mean without ends; ${what} of it are not supported by this version.`;
  const hint = `Give it its ends, for example \`${keys.between.example}\`, or claim \`rises\` or \`falls\`.`;
  issues.add("VALUE_NOT_SUPPORTED", offset, message, hint);
  return true;
}

/** Says that nobody can judge occurrences of something good; true when the signal is such a count. */
export function refuseGoodCount({ name, kind, better }: Signal, offset: number, issues: IssueList): boolean {
  if (kind !== "count" || better === "down") return false;
  const message = `${quote(name)} counts something good, and how often that may happen knows no bound.`;
  issues.add("VALUE_NOT_SUPPORTED", offset, message, "Make it a `share` of those that have one, or a `mean`.");
  return true;
}
