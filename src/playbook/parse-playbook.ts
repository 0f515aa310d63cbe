import { digestOf } from "../core/digest.ts";
import type { Playbook } from "../core/playbook.ts";
import { readComponents } from "./component-block.ts";
import { defaults } from "./defaults.ts";
import { readDrills } from "./drills-block.ts";
import { readFixed } from "./fixed-block.ts";
import { readHead } from "./head-block.ts";
import { readHow } from "./how-block.ts";
import { type Issue, IssueList } from "./issue.ts";
import { language } from "./language.ts";
import { type LintContext, type LintFinding, lintPlaybook } from "./lint-playbook.ts";
import { noSignals, readSignals } from "./signal-block.ts";
import { readWhen } from "./when-block.ts";
import { readWho } from "./who-block.ts";
import { type Block, readEntries } from "./yaml-reader.ts";
import { readYaml, type YamlNode } from "./yaml-tree.ts";

export type ParsedPlaybook =
  | { readonly kind: "parsed"; readonly playbook: Playbook; readonly findings: readonly LintFinding[] }
  | { readonly kind: "invalid"; readonly issues: readonly Issue[] };

/**
 * Reads a playbook. Everything that is wrong with it is found in one pass; YAML that is broken as such ends the pass,
 * because the rest would be guesswork. Never throws. The digest covers the UTF-8 of the whole text, and a byte order
 * mark at its start is ignored otherwise. `file` is only what the issues call the file; `context` is for the linter.
 */
export function parsePlaybook(text: string, file: string, context: LintContext = {}): ParsedPlaybook {
  const body = withoutMark(text);
  const issues = new IssueList(file, body);
  const root = readYaml(body, issues);
  const playbook = root && readPlaybook(root, text, issues);
  if (!root || !playbook || !issues.isEmpty) return { kind: "invalid", issues: issues.all() };
  const findings = lintPlaybook(playbook, context).map((finding) => {
    const offset = finding.about === undefined ? undefined : offsetOf(root, finding.about);
    return offset === undefined ? finding : { ...finding, ...issues.position(offset) };
  });
  return { kind: "parsed", playbook: freeze(playbook), findings };
}

/** The text without a byte order mark, which lines and columns do not count. */
export function withoutMark(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

function readPlaybook(root: YamlNode, text: string, issues: IssueList): Playbook | undefined {
  if (root.kind !== "map") {
    const message = "A playbook is a block of `key: value` pairs.";
    issues.add("WRONG_KIND", root.offset, message, "Begin with `rollbook: v1`; docs/playbook.md has a whole one.");
    return undefined;
  }
  const block = readEntries(root, language.playbook, 0, issues);
  const head = readHead(block, issues);
  const rest = readBlocks(block, issues);
  // An authority that cannot be read may be meant as `act`: all is said in one pass.
  if (head.authority !== "observe") issues.refuseIdle();
  const { system, owner, risk, authority, falseAlarms, environment, trafficPerSecond } = head;
  const { signals, triggers, hardLimits, policies, how, fixed, drills, ...others } = rest;
  if (!system || !owner || !risk || !authority || !falseAlarms || !how || !fixed) return undefined;
  return {
    digest: digestOf(text),
    system,
    owner,
    risk,
    authority,
    ...(environment === undefined ? {} : { environment }),
    ...(trafficPerSecond === undefined ? {} : { trafficPerSecond }),
    ...others,
    signals: [...signals.byName.values()],
    triggers,
    hardLimits,
    ...(policies.length > 0 ? { policies } : {}),
    falseAlarms,
    how,
    fixed,
    ...(drills ? { drills } : {}),
    ...idleOf(root, issues),
  };
}

function readBlocks(block: Block, issues: IssueList) {
  const what = block.get("what");
  const components = what ? readComponents(what, issues) : [];
  const signalsEntry = block.get("signals");
  const signals = signalsEntry ? readSignals(signalsEntry, issues) : noSignals;
  const when = block.get("when");
  const how = block.get("how");
  const fixed = block.get("fixed");
  const who = block.get("who");
  const drills = block.get("drills");
  return {
    components,
    signals,
    ...(when ? readWhen(when, signals, issues) : { triggers: [], hardLimits: [], policies: [] }),
    how: how && readHow(how, issues),
    fixed: fixed && readFixed(fixed, signals, issues),
    who: who ? readWho(who, issues) : defaults.who,
    drills: drills && readDrills(drills, issues),
  };
}

/** What has no effect, with its path in the file. */
function idleOf(root: YamlNode, issues: IssueList): Pick<Playbook, "idle"> {
  if (issues.idle.length === 0) return {};
  return {
    idle: issues.idle.map(({ offset, message, instead }) => ({ about: pathOf(root, offset) ?? "", message, instead })),
  };
}

function pathOf(node: YamlNode, offset: number): string | undefined {
  if (node.kind !== "map") return undefined;
  for (const entry of node.entries) {
    if (entry.offset === offset) return entry.key;
    const inner = pathOf(entry.value, offset);
    if (inner !== undefined) return `${entry.key}.${inner}`;
  }
  return undefined;
}

/** Where a path such as `when.rising-losses` begins in the file, or its longest part that is there. */
function offsetOf(root: YamlNode, path: string): number | undefined {
  let node = root;
  let offset: number | undefined;
  for (const key of path.split(".")) {
    const entry = node.kind === "map" ? node.entries.find((candidate) => candidate.key === key) : undefined;
    if (!entry) break;
    ({ offset, value: node } = entry);
  }
  return offset;
}

function freeze<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const field of Object.values(value)) freeze(field);
  return Object.freeze(value);
}
