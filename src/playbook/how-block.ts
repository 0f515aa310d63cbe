import type { How } from "../core/playbook.ts";
import { defaults, limits } from "./defaults.ts";
import { type IssueList, quote } from "./issue.ts";
import { language } from "./language.ts";
import { patterns } from "./patterns.ts";
import { readSpan, spanOf } from "./quantity.ts";
import { type Block, checkSize, itemOf, readAddress, readBlock, readList, readText, readWord } from "./yaml-reader.ts";
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
  const rest = readFallbacks(block, issues);
  return canary && contain && within !== undefined ? { ...canary, contain, within, ...rest } : undefined;
}

function readFallbacks(block: Block, issues: IssueList): Pick<How, "else" | "safe"> {
  const [elseEntry, safeEntry] = [block.get("else"), block.get("safe")];
  const other = elseEntry && readAddress(elseEntry, language.how.keys.else.example, issues);
  const people = safeEntry?.value.kind === "text" && safeEntry.value.value === "people";
  const safe = people ? "people" : safeEntry && readSafe(safeEntry, issues);
  return { ...(other === undefined ? {} : { else: other }), ...(safe === undefined ? {} : { safe }) };
}

function readSafe(entry: YamlEntry, issues: IssueList): string | undefined {
  if (entry.value.kind === "text" && !entry.value.value.includes(":")) return readWord(entry, ["people"], issues);
  return readAddress(entry, "safe: people", issues);
}

function readContain(entry: YamlEntry, issues: IssueList): "stable" | undefined {
  const text = entry.value.kind === "text" ? entry.value.value : "";
  if (text === "people" || text === "fallback" || text === "safe" || text.includes("://")) {
    const message = `${quote(`contain: ${text}`)} is not supported: harm is contained to stable first.`;
    const hint = "Write `contain: stable`; what comes after it belongs under `else` and `safe`.";
    issues.add("VALUE_NOT_SUPPORTED", entry.value.offset, message, hint);
    return undefined;
  }
  return readWord(entry, ["stable"] as const, issues);
}

type ReleasePart = Pick<How, "steps" | "each" | "warmUp" | "holdback" | "holdbackFor" | "allow">;

function readRelease(entry: YamlEntry, issues: IssueList): ReleasePart | undefined {
  const block = readBlock(entry, language.release, language.how.keys.release.example, issues);
  if (!block) return undefined;
  const canary = block.get("canary");
  const steps = canary && readSteps(canary, issues);
  const eachEntry = block.get("each");
  const each = eachEntry && readSpan(eachEntry, issues);
  const holdbackEntry = block.get("holdback");
  const held = holdbackEntry ? readHoldback(holdbackEntry, issues) : { holdback: defaults.holdback };
  const holdback = held?.holdback;
  const allowEntry = block.get("allow");
  const allow = allowEntry && readAddress(allowEntry, language.release.keys.allow.example, issues);
  const last = steps?.at(-1);
  if (canary && last !== undefined && holdback !== undefined && last + holdback > 100) {
    const silent = holdbackEntry ? "" : " (which it is where nothing is written)";
    const message = `The last step of ${last}% leaves no room for a holdback of ${holdback}%${silent}.`;
    const hint = `End with ${100 - holdback}, or write \`holdback: ${100 - last}%\`.`;
    issues.add("CANARY_ORDER", (holdbackEntry ?? canary).offset, message, hint);
    return undefined;
  }
  const warmUp = readWarmUp(block, steps, each, issues);
  if (!steps || each === undefined || !held) return undefined;
  return { steps, each, ...warmUp, ...held, ...(allow === undefined ? {} : { allow }) };
}

/** A release that is all warm-up would be judged by nothing but its hard limits. */
function readWarmUp(
  block: Block,
  steps: readonly number[] | undefined,
  each: number | undefined,
  issues: IssueList,
): Pick<How, "warmUp"> {
  const entry = block.get("warm-up");
  const warmUp = entry && readSpan(entry, issues);
  if (!entry || warmUp === undefined) return {};
  if (!steps || each === undefined || warmUp < steps.length * each) return { warmUp };
  const message = "The warm-up is as long as the whole canary, so nothing of it would be evidence.";
  issues.add("OUT_OF_RANGE", entry.value.offset, message, "Make it shorter than the first step, for example `30s`.");
  return {};
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
export function percentOfTraffic(text: string, entry: YamlEntry, least: number, issues: IssueList): number | undefined {
  const at = entry.value.offset;
  const match = new RegExp(patterns.step).exec(text);
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

/** `5%`, or `5% for 14d`. */
function readHoldback(entry: YamlEntry, issues: IssueList): Pick<How, "holdback" | "holdbackFor"> | undefined {
  const text = readText(entry, language.release.keys.holdback.example, issues);
  if (text === undefined) return undefined;
  const [, part = text, span] = /^(\S*\s*%)\s+for\s+(\S.*)$/.exec(text) ?? [];
  if (/^\d+(?:\.\d+)?$/.test(part)) {
    issues.add("WRONG_UNIT", entry.value.offset, `${quote(text)} has no unit.`, `Write \`holdback: ${text}%\`.`);
    return undefined;
  }
  const holdback = percentOfTraffic(part, entry, 0, issues);
  if (span === undefined) return holdback === undefined ? undefined : { holdback };
  const holdbackFor = spanOf(span, entry, issues);
  if (holdback === undefined || holdbackFor === undefined) return undefined;
  if (holdback > 0) return { holdback, holdbackFor };
  const message = `${quote(text)} holds nothing back, so there is nothing to watch.`;
  issues.add(
    "OUT_OF_RANGE",
    entry.value.offset,
    message,
    "Write for example `holdback: 5% for 14d`, or `holdback: 0%`.",
  );
  return undefined;
}
