import type { Money, TriggerTerms } from "../core/playbook.ts";
import { type Milliseconds, parseDuration } from "../core/time.ts";
import { type IssueList, quote } from "./issue.ts";
import { language } from "./language.ts";
import { patterns } from "./patterns.ts";
import { readSpan } from "./quantity.ts";
import { type Block, readName, readText, readWord } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

const keys = language.claim.keys;

/** Reads what a trigger may say besides its claim: `within`, `costs`, `in-any`, `threshold`, `then` with `unanswered`. */
export function readTerms(item: YamlEntry, block: Block, issues: IssueList): TriggerTerms {
  const [within, costs, inAny] = [block.get("within"), block.get("costs"), block.get("in-any")];
  const threshold = block.get("threshold");
  const terms = {
    within: within && readWithin(within, issues),
    costs: costs && readMoney(costs, issues),
    inAny: inAny && readName(inAny, keys["in-any"].example, issues),
    threshold: threshold && readWord(threshold, ["calibrated"] as const, issues),
    ask: readAsk(item, block, issues),
  };
  return Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined));
}

/** Evidence is counted by the second. */
function readWithin(entry: YamlEntry, issues: IssueList): Milliseconds | undefined {
  const span = readSpan(entry, issues);
  if (span === undefined || span >= 1000) return span;
  const message = "What is so recent cannot be told: evidence is counted by the second.";
  issues.add(
    "OUT_OF_RANGE",
    entry.value.offset,
    message,
    `Write at least a second, for example \`${keys.within.example}\`.`,
  );
  return undefined;
}

function readAsk(item: YamlEntry, block: Block, issues: IssueList): TriggerTerms["ask"] {
  const asked = block.get("then");
  const unanswered = block.get("unanswered");
  const word = asked && readWord(asked, ["ask"] as const, issues);
  const containAfter = unanswered && readUnanswered(unanswered, issues);
  if (asked && !unanswered) {
    const message = `${quote(item.key)} asks people, but does not say what happens when nobody answers.`;
    issues.add("MISSING_KEY", asked.offset, message, `Add for example \`${keys.unanswered.example}\`.`);
  }
  if (unanswered && !asked) {
    const message = `${quote(item.key)} says what happens when nobody answers, but asks nobody.`;
    issues.add("MISSING_KEY", unanswered.offset, message, "Add `then: ask`, or remove `unanswered`.");
  }
  return word && containAfter !== undefined ? { containAfter } : undefined;
}

function readUnanswered(entry: YamlEntry, issues: IssueList): number | undefined {
  const text = readText(entry, keys.unanswered.example, issues);
  if (text === undefined) return undefined;
  const span = parseDuration(new RegExp(patterns.unanswered).exec(text)?.[1] ?? "");
  if (span !== undefined && span >= 1 && span <= 366 * 86_400_000) return span;
  const message = `${quote(text)} does not say \`contain after\` how long; harm that nobody answers for is contained.`;
  issues.add("BAD_VALUE", entry.value.offset, message, `Write for example \`${keys.unanswered.example}\`.`);
  return undefined;
}

function readMoney(entry: YamlEntry, issues: IssueList): Money | undefined {
  const text = readText(entry, keys.costs.example, issues);
  if (text === undefined) return undefined;
  const match = new RegExp(patterns.money).exec(text);
  if (match) return { amount: Number(match[1]), currency: match[2] ?? "" };
  const bare = /^[\d.]+$/.test(text);
  const message = bare ? `${quote(text)} has no currency.` : `${quote(text)} is not an amount with its currency.`;
  const hint = `Write for example \`costs: ${bare ? text : "900"} EUR\`.`;
  issues.add(bare ? "WRONG_UNIT" : "BAD_VALUE", entry.value.offset, message, hint);
  return undefined;
}
