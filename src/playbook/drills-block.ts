import type { Drills } from "../core/playbook.ts";
import { percentOfTraffic } from "./how-block.ts";
import { type IssueList, quote } from "./issue.ts";
import { drillIntervals, scenarios } from "./language/who-keys.ts";
import { language } from "./language.ts";
import { readSpan, wholeOf } from "./quantity.ts";
import { readBlock, readFlag, readItems, readText, readWord } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

const keys = language.drills.keys;

/** Reads `drills`: how often which faults are rehearsed, on what, and when that is passed. */
export function readDrills(entry: YamlEntry, issues: IssueList): Drills | undefined {
  const block = readBlock(entry, language.drills, language.playbook.keys.drills.example, issues);
  if (!block) return undefined;
  const [everyEntry, runEntry, inEntry, passEntry] = ["every", "run", "in", "pass"].map((key) => block.get(key));
  const every = everyEntry && readWord(everyEntry, drillIntervals, issues);
  const run = runEntry && readScenarios(runEntry, issues);
  const place = inEntry && readPlace(inEntry, issues);
  const pass = passEntry && readPass(passEntry, issues);
  if (!every || !run) return undefined;
  return { every, run, ...(place ? { in: place } : {}), ...(pass ? { pass } : {}) };
}

function readScenarios(entry: YamlEntry, issues: IssueList): readonly string[] | undefined {
  const seen = new Set<string>();
  return readItems(entry, { example: keys.run.example, least: 1, most: scenarios.length }, issues, (item) => {
    const word = readWord(item, scenarios, issues);
    if (word === undefined || !seen.has(word)) {
      seen.add(word ?? "");
      return word;
    }
    issues.add(
      "BAD_VALUE",
      item.offset,
      `The scenario ${quote(word)} stands twice in this list.`,
      "Remove one of the two.",
    );
    return undefined;
  });
}

function readPlace(entry: YamlEntry, issues: IssueList): Drills["in"] {
  const block = readBlock(entry, language.drillPlace, keys.in.example, issues);
  const [shadow, synthetic] = [block?.get("shadow"), block?.get("synthetic")];
  if (!block) return undefined;
  if (shadow && synthetic) {
    const message = "A drill runs on a copy of traffic or on made-up requests, not on both.";
    issues.add("CONFLICTING_KEYS", synthetic.offset, message, "Keep one of the two.");
    return undefined;
  }
  const chosen = shadow ?? synthetic;
  if (!chosen) {
    const message = "`in` does not say on what the drill runs.";
    issues.add("MISSING_KEY", entry.offset, message, `Write \`${keys.in.example}\` or \`in: { synthetic: 200 }\`.`);
    return undefined;
  }
  const text = readText(chosen, shadow ? "shadow: 5%" : "synthetic: 200", issues);
  if (text === undefined) return undefined;
  if (shadow) {
    const percent = percentOfTraffic(text, shadow, 1e-4, issues);
    return percent === undefined ? undefined : { shadow: percent };
  }
  const requests = wholeOf(text, chosen, { from: 1, to: 1e9 }, issues);
  return requests === undefined ? undefined : { synthetic: requests };
}

function readPass(entry: YamlEntry, issues: IssueList): Drills["pass"] {
  const block = readBlock(entry, language.drillPass, keys.pass.example, issues);
  if (!block) return undefined;
  const [contained, restored, fixed] = ["contained", "restored", "fixed"].map((key) => block.get(key));
  const values = {
    contained: contained && readSpan(contained, issues),
    restored: restored && readSpan(restored, issues),
    fixed: fixed && readFlag(fixed, "fixed: true", issues),
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
