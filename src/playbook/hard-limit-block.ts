import type { HardLimit, Signal } from "../core/playbook.ts";
import { contradiction } from "./claim.ts";
import { type IssueList, quote } from "./issue.ts";
import { claimForms } from "./language/when-keys.ts";
import { language } from "./language.ts";
import { patterns } from "./patterns.ts";
import { percentOf, readSpan, wholeOf } from "./quantity.ts";
import { findSignal, refuseTime, type Signals } from "./signal-block.ts";
import { type Block, readText, reportKey } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

const example = "hard: errors > 5%";
const runExample = "hard: errors 100 in a row";

/** Reads `{ hard: errors > 5%, over: 30s, min: 200 }`, `{ hard: leaks >= 1 }` or `{ hard: errors 100 in a row }`. */
export function readHardLimit(
  item: YamlEntry,
  block: Block,
  rest: readonly YamlEntry[],
  signals: Signals,
  issues: IssueList,
): HardLimit | undefined {
  for (const entry of rest) reportKey(entry, language.claim, issues);
  for (const entry of block.values()) {
    if ((claimForms.hard as readonly string[]).includes(entry.key)) continue;
    const ofLimit = entry.key === "by" || entry.key === "limit";
    const why = ofLimit ? "the limit stands in the condition itself" : "it acts at once and is never overridden";
    const message = `${quote(entry.key)} does not go with \`hard\`: ${why}.`;
    issues.add("CONFLICTING_KEYS", entry.offset, message, `Write \`${example}\`, or a claim without \`hard\`.`);
  }
  const over = block.get("over");
  const span = over && readSpan(over, issues);
  const least = block.get("min");
  const leastText = least && readText(least, "min: 200", issues);
  const min = least && leastText !== undefined ? wholeOf(leastText, least, { from: 1, to: 1e9 }, issues) : undefined;
  const { signal, threshold, run } = readCondition(block.get("hard")!, signals, issues);
  if (!signal) return undefined;
  const hard = threshold && { name: item.key, signal: signal.name, ...threshold };
  if (run || signal.kind === "count") {
    const why = run ? "so many in a row need no window" : "a count is counted over the whole rollout";
    for (const entry of [over, least]) {
      if (!entry) continue;
      issues.add("CONFLICTING_KEYS", entry.offset, `${quote(entry.key)} does not go with it: ${why}.`, "Remove it.");
    }
    return hard && { min: 0, ...hard };
  }
  for (const [key, entry] of Object.entries({ over, min: least })) {
    if (entry) continue;
    const message = `${quote(key)} is missing: without a window and a least number one bad request of one is 100%.`;
    issues.add("MISSING_KEY", item.offset, message, `Write \`${item.key}: { ${example}, over: 30s, min: 200 }\`.`);
  }
  return hard && span !== undefined && min !== undefined ? { ...hard, over: span, min } : undefined;
}

interface Condition {
  readonly signal?: Signal | undefined;
  readonly threshold?: (Pick<HardLimit, "comparison" | "limit"> & Partial<HardLimit>) | undefined;
  /** It says how many in a row. */
  readonly run?: true;
}

function readCondition(entry: YamlEntry, signals: Signals, issues: IssueList): Condition {
  const text = readText(entry, example, issues);
  if (text === undefined) return {};
  if (/\bin\s+a\s+row\b|\bconsecutive\b/.test(text)) return readRun(entry, text, signals, issues);
  const at = entry.value.offset;
  const match = new RegExp(patterns.condition).exec(text);
  if (!match) {
    const message = `${quote(text)} is not a condition \`SIGNAL > LIMIT\`.`;
    const hint = `Write for example \`${example}\`, \`hard: leaks >= 1\` or \`${runExample}\`.`;
    issues.add("BAD_VALUE", at, message, hint);
    return {};
  }
  const [, name = "", sign = "", amount = ""] = match;
  const signal = findSignal(name, at, signals, issues);
  if (signal && !hasLimit(signal, at, issues)) return {};
  if (/^[<>]=?$/.test(sign)) {
    return {
      signal,
      threshold: signal && readThreshold(entry, signal, sign as HardLimit["comparison"], amount, issues),
    };
  }
  const meant = sign === "=<" || sign === "≤" ? "<=" : ">=";
  const message = `${quote(sign)} is not a comparison of the language.`;
  issues.add("BAD_VALUE", at, message, `Write \`hard: ${name} ${meant} ${amount}\`; there are >, >=, < and <=.`);
  return { signal };
}

/** `errors 100 in a row`: so many observations one after the other, all bad. */
function readRun(entry: YamlEntry, text: string, signals: Signals, issues: IssueList): Condition {
  const at = entry.value.offset;
  const match = new RegExp(patterns.run).exec(text);
  if (!match) {
    const message = `${quote(text)} does not say how many of which signal in a row.`;
    issues.add("BAD_VALUE", at, message, `Write for example \`${runExample}\`.`);
    return {};
  }
  const [, name = "", amount = ""] = match;
  const inARow = wholeOf(amount, entry, { from: 2, to: 1e6 }, issues);
  const signal = findSignal(name, at, signals, issues);
  if (!signal || inARow === undefined) return {};
  if (signal.kind === "share") {
    return { signal, run: true, threshold: { comparison: ">=", limit: 1, min: inARow, inARow } };
  }
  const message = `${quote(name)} is a ${signal.kind}; only of a share each observation is good or bad.`;
  issues.add("VALUE_NOT_SUPPORTED", at, message, "Make it a `share`, of scores below a line say.");
  return {};
}

/** Whether a plain threshold can stand on such a signal. */
function hasLimit(signal: Signal, at: number, issues: IssueList): boolean {
  if (refuseTime(signal, at, "hard limits", issues)) return false;
  if (signal.kind !== "mean") return true;
  const message = `${quote(signal.name)} is a mean; hard limits of means are not supported by this version.`;
  const side = signal.better === "up" ? "below" : "above";
  const hint = `Claim it: \`${signal.name}: ${side}\` with a \`limit\`. Or make it a \`share\`, of scores ${side} a line say.`;
  issues.add("VALUE_NOT_SUPPORTED", at, message, hint);
  return false;
}

function readThreshold(
  entry: YamlEntry,
  signal: Signal,
  comparison: HardLimit["comparison"],
  amount: string,
  issues: IssueList,
): Pick<HardLimit, "comparison" | "limit"> | undefined {
  const at = entry.value.offset;
  const limit = readLimit(entry, signal, amount, issues);
  if (limit === undefined) return undefined;
  const wrong = contradiction({ name: "", signal: signal.name, comparison, limit, min: 0 }, signal);
  if (wrong) {
    const hint = `Turn the comparison (\`${comparison.startsWith(">") ? "<" : ">"}\`), or correct \`better\`.`;
    issues.add("WRONG_DIRECTION", at, wrong, hint);
    return undefined;
  }
  if (signal.kind === "count" && comparison.startsWith("<")) {
    const message = "A count over the whole rollout begins at 0, so it is below any limit at once.";
    issues.add("WRONG_DIRECTION", at, message, "Hard limits of counts take `>` and `>=`.");
    return undefined;
  }
  return { comparison, limit };
}

function readLimit(entry: YamlEntry, signal: Signal, amount: string, issues: IssueList): number | undefined {
  if (signal.kind === "share") return percentOf(amount, entry, { from: 0, to: 1 }, issues);
  if (amount.endsWith("%")) {
    const message = `${quote(signal.name)} is a count; a limit in % needs a share.`;
    issues.add("WRONG_UNIT", entry.value.offset, message, `Write for example \`hard: ${signal.name} >= 1\`.`);
    return undefined;
  }
  return wholeOf(amount, entry, { from: 0, to: 1e9 }, issues);
}
