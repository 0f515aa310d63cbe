import { type IssueList, quote } from "./issue.ts";
import type { BlockSpec, KeySpec } from "./language.ts";
import { didYouMean, nearestWord } from "./nearest-word.ts";
import { lengths, patterns } from "./patterns.ts";
import { reportBoolean } from "./yaml-traps.ts";
import type { YamlEntry, YamlList, YamlMap, YamlNode } from "./yaml-tree.ts";

const namePattern = new RegExp(patterns.name);
const addressPattern = new RegExp(patterns.address);
const credentials = new RegExp(patterns.credentials);

/** The entries of one block by key. Keys that are missing or unknown are in the issues already. */
export type Block = ReadonlyMap<string, YamlEntry>;

/** The map under a key, or undefined with an issue. An empty value counts as missing. */
export function readMap(entry: YamlEntry, example: string, issues: IssueList): YamlMap | undefined {
  return entry.value.kind === "map" ? entry.value : wrongKind(entry, "a block of `key: value` pairs", example, issues);
}

/** The list under a key, or undefined with an issue. */
export function readList(entry: YamlEntry, example: string, issues: IssueList): YamlList | undefined {
  return entry.value.kind === "list" ? entry.value : wrongKind(entry, "a list in brackets", example, issues);
}

/** The text under a key, or undefined with an issue. */
export function readText(entry: YamlEntry, example: string, issues: IssueList): string | undefined {
  if (entry.value.kind !== "text") return wrongKind(entry, "one value", example, issues);
  const { value, offset, boolean } = entry.value;
  if (boolean) {
    reportBoolean(value, offset, "value", issues);
    return undefined;
  }
  if (value.length <= lengths.value) return value;
  const message = `The value of ${quote(entry.key)} has ${value.length} characters; nobody reads so much aloud.`;
  issues.add("BAD_VALUE", offset, message, `Write for example \`${example}\`.`);
  return undefined;
}

/** `true` or `false` under a key that is one of the two. */
export function readFlag(entry: YamlEntry, example: string, issues: IssueList): boolean | undefined {
  if (entry.value.kind === "text" && /^(?:true|false)$/.test(entry.value.value)) return entry.value.value === "true";
  const text = readText(entry, example, issues);
  if (text === undefined) return undefined;
  const message = `${quote(text)} is neither \`true\` nor \`false\`.`;
  issues.add("UNKNOWN_WORD", entry.value.offset, message, `Write \`${example}\`.`);
  return undefined;
}

function wrongKind(entry: YamlEntry, wanted: string, example: string, issues: IssueList): undefined {
  const found = entry.value;
  if (found.kind === "refused") return undefined;
  if (found.kind === "empty") {
    issues.add("MISSING_VALUE", entry.offset, `${quote(entry.key)} has no value.`, `Write for example \`${example}\`.`);
  } else {
    const message = `${quote(entry.key)} must be ${wanted}, not ${kindName[found.kind]}.`;
    issues.add("WRONG_KIND", found.offset, message, `Write for example \`${example}\`.`);
  }
  return undefined;
}

const kindName = { text: "one value", list: "a list", map: "a block" } as const;

/** Reads a block of a fixed set of keys; the place of a missing key is the key of the block. */
export function readBlock(entry: YamlEntry, spec: BlockSpec, example: string, issues: IssueList): Block | undefined {
  const map = readMap(entry, example, issues);
  return map && readEntries(map, spec, entry.offset, issues);
}

export function readEntries(
  map: Pick<YamlMap, "entries" | "whole">,
  spec: BlockSpec,
  at: number,
  issues: IssueList,
): Block {
  const block = new Map<string, YamlEntry>();
  const meant = new Set<string | undefined>();
  for (const entry of map.entries) {
    const key = Object.hasOwn(spec.keys, entry.key) ? spec.keys[entry.key] : undefined;
    if (!key) {
      meant.add(reportKey(entry, spec, issues));
      continue;
    }
    block.set(entry.key, entry);
    noteIdle(entry, key, spec, issues);
  }
  for (const [name, key] of Object.entries(spec.keys)) {
    if (key.need !== "must" || block.has(name) || meant.has(name) || !map.whole) continue;
    const message = `${quote(name)} is missing in ${spec.where}.`;
    issues.add("MISSING_KEY", at, message, `Write for example \`${key.example}\`.`);
  }
  return block;
}

/** Notes a key that nothing acts on yet. */
export function noteIdle(entry: YamlEntry, key: KeySpec, spec: BlockSpec, issues: IssueList): void {
  if (key.instead === undefined) return;
  const message = `${quote(entry.key)} in ${spec.where} has no effect yet.`;
  issues.addIdle("KEY_NOT_SUPPORTED", entry.offset, message, key.instead);
}

/** Says that a key is not known; answers the key that was probably meant. */
export function reportKey(entry: YamlEntry, spec: BlockSpec, issues: IssueList): string | undefined {
  const keys = Object.keys(spec.keys);
  const message = `${quote(entry.key)} is not a key of ${spec.where}.`;
  issues.add("UNKNOWN_KEY", entry.offset, message, didYouMean(entry.key, keys));
  return nearestWord(entry.key, keys);
}

/** One of a table's words. `later` words are of the language but not of this version. */
export function readWord<Word extends string>(
  entry: YamlEntry,
  words: readonly Word[],
  issues: IssueList,
  later: Readonly<Record<string, string>> = {},
  hint?: string,
): Word | undefined {
  const text = readText(entry, `${entry.key}: ${words[0]}`, issues);
  if (text === undefined) return undefined;
  const word = words.find((candidate) => candidate === text);
  if (word !== undefined) return word;
  if (Object.hasOwn(later, text)) {
    const message = `${quote(`${entry.key}: ${text}`)} is not supported by this version.`;
    issues.add("VALUE_NOT_SUPPORTED", entry.value.offset, message, later[text] ?? "Leave it out.");
  } else {
    const message = `${quote(text)} is not a word for ${quote(entry.key)}.`;
    issues.add("UNKNOWN_WORD", entry.value.offset, message, hint ?? didYouMean(text, words));
  }
  return undefined;
}

/** A name: lower-case letters, digits and single dashes, beginning with a letter, at most 64. */
export function checkName(name: string, offset: number, issues: IssueList, reserved: readonly string[] = []): boolean {
  if (reserved.includes(name)) {
    const message = `${quote(name)} cannot be a name here: the language uses the word itself.`;
    issues.add("BAD_NAME", offset, message, `Choose another name, for example \`${name}-rate\`.`);
    return false;
  }
  if (name.length <= lengths.name && namePattern.test(name)) return true;
  const near = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 64);
  const message = `${quote(name)} is not a name: lower-case letters, digits and single dashes, a letter first, at most 64.`;
  issues.add("BAD_NAME", offset, message, near ? `Write \`${near}\`.` : "Write for example `loan-approval`.");
  return false;
}

export function readName(entry: YamlEntry, example: string, issues: IssueList): string | undefined {
  const text = readText(entry, example, issues);
  return text !== undefined && checkName(text, entry.value.offset, issues) ? text : undefined;
}

/** An address `scheme://place`, without a password in it: a playbook is read by many. */
export function readAddress(entry: YamlEntry, example: string, issues: IssueList): string | undefined {
  const text = readText(entry, example, issues);
  if (text === undefined) return undefined;
  if (credentials.test(text)) {
    const message = `${quote(entry.key)} holds a user or a password; playbooks and ledgers are read by many.`;
    issues.add(
      "BAD_ADDRESS",
      entry.value.offset,
      message,
      "Take it out; credentials belong to the adapter's settings.",
    );
    return undefined;
  }
  if (text.length <= lengths.address && addressPattern.test(text)) return text;
  const message = `${quote(text)} is not an address \`scheme://place\`.`;
  issues.add("BAD_ADDRESS", entry.value.offset, message, `Write for example \`${example}\`.`);
  return undefined;
}

/** True while a list or block is short enough; an issue otherwise. */
export function checkSize(found: number, most: number, entry: YamlEntry, issues: IssueList): boolean {
  if (found <= most) return true;
  const message = `${quote(entry.key)} has ${found} items; a playbook may have ${most}.`;
  issues.add("TOO_MANY", entry.offset, message, "Is this one AI system? Split the file.");
  return false;
}

/** A list of addresses; undefined when one of them cannot be read. */
export function readAddresses(
  entry: YamlEntry,
  { example, least, most }: { readonly example: string; readonly least: number; readonly most: number },
  issues: IssueList,
): readonly string[] | undefined {
  return readItems(entry, { example, least, most }, issues, (item) => readAddress(item, example, issues));
}

/** A list of values of one kind; undefined when one of them cannot be read. */
export function readItems<Value>(
  entry: YamlEntry,
  { example, least, most }: { readonly example: string; readonly least: number; readonly most: number },
  issues: IssueList,
  read: (item: YamlEntry) => Value | undefined,
): readonly Value[] | undefined {
  const list = readList(entry, example, issues);
  if (!list || !checkSize(list.items.length, most, entry, issues)) return undefined;
  if (list.items.length < least) {
    issues.add("MISSING_VALUE", list.offset, `${quote(entry.key)} is empty.`, `Write for example \`${example}\`.`);
    return undefined;
  }
  const values = list.items.map((item) => read(itemOf(entry, item))).filter((value) => value !== undefined);
  return values.length === list.items.length ? values : undefined;
}

/** An item of a list as if it were written under the list's key. */
export function itemOf(entry: YamlEntry, item: YamlNode): YamlEntry {
  return { key: entry.key, offset: item.offset, value: item };
}
