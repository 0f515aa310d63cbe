import type { Signal } from "../core/playbook.ts";
import { defaults, limits } from "./defaults.ts";
import { type IssueList, quote } from "./issue.ts";
import { language, reservedNames } from "./language.ts";
import { didYouMean } from "./nearest-word.ts";
import { type Block, checkName, checkSize, readBlock, readMap, readName, readWord } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

/** What the file declares: every name, and the signals that could be read. */
export interface Signals {
  /** Undefined when `signals` itself could not be read: then no reference is called unknown. */
  readonly names: readonly string[] | undefined;
  readonly byName: ReadonlyMap<string, Signal>;
}

export const noSignals: Signals = { names: undefined, byName: new Map() };

const sources = { gateway: "", events: "" } as const;
const laterSources = Object.fromEntries(
  ["prometheus", "otel", "datadog", "cloudwatch", "sql", "snowflake", "bigquery", "judge", "langfuse"].map((name) => [
    name,
    "Report the outcomes as events, with `from: events`.",
  ]),
);

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
  for (const signal of map.entries) {
    const named = checkName(signal.key, signal.offset, issues, reservedNames);
    const read = readSignal(signal, issues);
    if (named && read) byName.set(signal.key, read);
  }
  return { names: map.entries.map((signal) => signal.key), byName };
}

function readSignal(entry: YamlEntry, issues: IssueList): Signal | undefined {
  const block = readBlock(
    entry,
    language.signal,
    "errors: { share: failed, of: requests, from: gateway, better: down }",
    issues,
  );
  if (!block) return undefined;
  const counted = readCounted(entry, block, issues);
  const fromEntry = block.get("from");
  const from = fromEntry && readWord(fromEntry, Object.keys(sources) as (keyof typeof sources)[], issues, laterSources);
  const betterEntry = block.get("better");
  const better = betterEntry && readWord(betterEntry, ["down", "up"] as const, issues);
  return counted && from && better ? { name: entry.key, ...counted, from, better } : undefined;
}

function readCounted(
  entry: YamlEntry,
  block: Block,
  issues: IssueList,
): Pick<Signal, "kind" | "part" | "of"> | undefined {
  const share = block.get("share");
  const count = block.get("count");
  const of = block.get("of");
  const whole = of && readName(of, "of: loans", issues);
  if (share && count) {
    const message = `${quote(entry.key)} is a \`share\` and a \`count\` at once.`;
    issues.add(
      "CONFLICTING_KEYS",
      count.offset,
      message,
      "Keep `share` for a part of `of`, or `count` for occurrences.",
    );
    return undefined;
  }
  const kind = count ? "count" : "share";
  const counted = share ?? count;
  if (!counted) {
    // `time` was named as not supported already; asking for another key would be a second complaint about one thing.
    if (entry.value.kind === "map" && entry.value.entries.some((other) => other.key === "time")) return undefined;
    const message = `${quote(entry.key)} does not say what it counts.`;
    issues.add("MISSING_KEY", entry.offset, message, "Write `share: defaulted, of: loans` or `count: leaked-tokens`.");
    return undefined;
  }
  const part = readName(counted, `${kind}: defaulted`, issues);
  if (share && !of) {
    const message = `${quote(entry.key)} is a share, but not of what: bare rates cannot be judged.`;
    issues.add("MISSING_KEY", entry.offset, message, "Add what it is a share of, for example `of: requests`.");
    return undefined;
  }
  if (part === undefined || (of && whole === undefined)) return undefined;
  return { kind, part, of: whole ?? defaults.countOf };
}

/** The signal that a name refers to; an issue when `signals` does not declare it. */
export function findSignal(name: string, offset: number, signals: Signals, issues: IssueList): Signal | undefined {
  if (signals.names && !signals.names.includes(name)) {
    const message = `${quote(name)} is not a signal of this playbook.`;
    issues.add(
      "UNKNOWN_SIGNAL",
      offset,
      message,
      `${didYouMean(name, signals.names)} Or declare it under \`signals\`.`,
    );
  }
  return signals.byName.get(name);
}
