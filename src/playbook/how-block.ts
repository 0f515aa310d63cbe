import type { How } from "../core/playbook.ts";
import { defaults, limits } from "./defaults.ts";
import { type IssueList, quote } from "./issue.ts";
import { language } from "./language.ts";
import { readSpan } from "./quantity.ts";
import { checkSize, itemOf, readBlock, readList, readText, readWord } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

const canaryExample = language.release.keys.canary.example;

/** Reads `how`: the canary, and where traffic goes when harm is decided. */
export function readHow(entry: YamlEntry, issues: IssueList): How | undefined {
  const block = readBlock(entry, language.how, language.playbook.keys.how.example, issues);
  if (!block) return undefined;
  const release = block.get("release");
  const canary = release && readRelease(release, issues);
  const containEntry = block.get("contain");
  const contain = containEntry ? readContain(containEntry, issues) : defaults.contain;
  const withinEntry = block.get("within");
  const within = withinEntry ? readSpan(withinEntry, issues) : defaults.within;
  return canary && contain && within !== undefined ? { ...canary, contain, within } : undefined;
}

function readContain(entry: YamlEntry, issues: IssueList): "stable" | undefined {
  const hint = "Write `contain: stable`.";
  const laterWords = Object.fromEntries(
    ["people", "fallback", "safe", "flag", "http", "https", "mlflow"].map((word) => [word, hint]),
  );
  return readWord(entry, ["stable"] as const, issues, laterWords);
}

function readRelease(entry: YamlEntry, issues: IssueList): Pick<How, "steps" | "each" | "holdback"> | undefined {
  const block = readBlock(entry, language.release, language.how.keys.release.example, issues);
  if (!block) return undefined;
  const canary = block.get("canary");
  const steps = canary && readSteps(canary, issues);
  const eachEntry = block.get("each");
  const each = eachEntry && readSpan(eachEntry, issues);
  const holdbackEntry = block.get("holdback");
  const holdback = holdbackEntry ? readHoldback(holdbackEntry, issues) : defaults.holdback;
  const last = steps?.at(-1);
  if (canary && last !== undefined && holdback !== undefined && last + holdback > 100) {
    const silent = holdbackEntry ? "" : " (which it is where nothing is written)";
    const message = `The last step of ${last}% leaves no room for a holdback of ${holdback}%${silent}.`;
    const hint = `End with ${100 - holdback}, or write \`holdback: ${100 - last}%\`.`;
    issues.add("CANARY_ORDER", (holdbackEntry ?? canary).offset, message, hint);
    return undefined;
  }
  return steps && each !== undefined && holdback !== undefined ? { steps, each, holdback } : undefined;
}

function readSteps(entry: YamlEntry, issues: IssueList): readonly number[] | undefined {
  const list = readList(entry, canaryExample, issues);
  if (!list || !checkSize(list.items.length, limits.steps, entry, issues)) return undefined;
  if (list.items.length === 0) {
    issues.add("MISSING_VALUE", list.offset, "`canary` has no steps.", `Write for example \`${canaryExample}\`.`);
    return undefined;
  }
  const steps: number[] = [];
  let sound = true;
  for (const node of list.items) {
    const item = itemOf(entry, node);
    const text = readText(item, canaryExample, issues);
    const step = text === undefined ? undefined : percentOfTraffic(text, item, 1e-4, issues);
    if (step === undefined) {
      sound = false;
      continue;
    }
    const before = steps.at(-1);
    if (before !== undefined && step <= before) {
      const message = `The step ${step} does not rise above the ${before} before it.`;
      issues.add("CANARY_ORDER", item.offset, message, `Write rising percentages: \`${canaryExample}\`.`);
      sound = false;
    }
    steps.push(step);
  }
  return sound ? steps : undefined;
}

/** `5` or `5%` as 5; at most four decimals, because traffic is split in parts per million. */
function percentOfTraffic(text: string, entry: YamlEntry, least: number, issues: IssueList): number | undefined {
  const at = entry.value.offset;
  const match = /^(\d{1,6}(?:\.\d+)?)\s*%?$/.exec(text);
  if (!match) {
    const message = `${quote(text)} is not a percentage of traffic.`;
    issues.add("BAD_VALUE", at, message, "Write a number from 0 to 100, for example `5` or `0.5`.");
    return undefined;
  }
  const value = Number(match[1]);
  if (value >= least && value <= 100 && !/\.\d{5}/.test(text)) return value;
  const message = `${quote(text)} is outside ${least} to 100 percent, or finer than traffic can be split.`;
  issues.add("OUT_OF_RANGE", at, message, "Write a number up to 100 with at most four decimals.");
  return undefined;
}

function readHoldback(entry: YamlEntry, issues: IssueList): number | undefined {
  const text = readText(entry, "holdback: 5%", issues);
  if (text === undefined) return undefined;
  const timed = /^(\S+)\s+for\s+\S+$/.exec(text);
  if (timed) {
    const message = `A holdback that ends by itself (${quote(text)}) is not supported by this version yet.`;
    issues.add("VALUE_NOT_SUPPORTED", entry.value.offset, message, `Write \`holdback: ${timed[1]}\`.`);
    return undefined;
  }
  if (/^\d+(?:\.\d+)?$/.test(text)) {
    issues.add("WRONG_UNIT", entry.value.offset, `${quote(text)} has no unit.`, `Write \`holdback: ${text}%\`.`);
    return undefined;
  }
  return percentOfTraffic(text, entry, 0, issues);
}
