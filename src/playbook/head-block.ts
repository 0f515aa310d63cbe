import type { Playbook, Who } from "../core/playbook.ts";
import { parseDuration } from "../core/time.ts";
import { defaults, limits } from "./defaults.ts";
import { type IssueList, quote } from "./issue.ts";
import { language } from "./language.ts";
import { readOdds, readTraffic } from "./quantity.ts";
import {
  type Block,
  checkSize,
  itemOf,
  readAddress,
  readBlock,
  readEntries,
  readList,
  readMap,
  readName,
  readText,
  readWord,
} from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

/** What stands above the blocks: names, risk, authority, traffic, false alarms. Parts that are wrong are left out. */
export type Head = Partial<
  Pick<Playbook, "system" | "owner" | "risk" | "authority" | "trafficPerSecond" | "falseAlarms">
>;

export function readHead(block: Block, issues: IssueList): Head {
  const keys = language.playbook.keys;
  const read = <Value>(key: keyof typeof keys, reader: (entry: YamlEntry, example: string) => Value | undefined) => {
    const entry = block.get(key);
    return entry && reader(entry, keys[key].example);
  };
  read("rollbook", (entry) => checkVersion(entry, issues));
  read("environment", (entry) => checkEnvironment(entry, issues));
  const named = (entry: YamlEntry, example: string) => readName(entry, example, issues);
  const head = {
    system: read("system", named),
    owner: read("owner", named),
    risk: read("risk", (entry) => readWord(entry, ["low", "medium", "high"] as const, issues)),
    authority: read("authority", (entry) => readWord(entry, ["act", "observe"] as const, issues)),
    trafficPerSecond: read("traffic", (entry) => readTraffic(entry, issues)),
    falseAlarms: block.has("false-alarms")
      ? read("false-alarms", (entry) => readOdds(entry, issues))
      : defaults.falseAlarms,
  };
  return Object.fromEntries(Object.entries(head).filter(([, value]) => value !== undefined));
}

function checkVersion(entry: YamlEntry, issues: IssueList): void {
  const text = readText(entry, "rollbook: v1", issues);
  if (text === undefined || text === "v1") return;
  const message = `${quote(text)} is not a version of the language that this Rollbook reads.`;
  issues.add("WRONG_VERSION", entry.value.offset, message, "Write `rollbook: v1`, or use a newer Rollbook.");
}

/** Only `local` can be checked by this version; another word would promise a guard that is not there. */
function checkEnvironment(entry: YamlEntry, issues: IssueList): void {
  const block = readBlock(entry, language.environment, language.playbook.keys.environment.example, issues);
  const name = block?.get("name");
  if (name) readName(name, "name: demo", issues);
  const is = block?.get("is");
  const laterPlaces = Object.fromEntries(
    ["k8s", "ecs", "cloudrun", "nomad", "vm", "aws", "gcp", "azure"].map((scheme) => [
      scheme,
      "Write `is: local`, or leave `environment` out.",
    ]),
  );
  if (is) readWord(is, ["local"] as const, issues, laterPlaces);
}

/** Reads `who`. Escalation after a time is refused: nobody would be called. */
export function readWho(entry: YamlEntry, issues: IssueList): Who {
  const map = readMap(entry, language.playbook.keys.who.example, issues);
  if (!map) return defaults.who;
  const spans = map.entries.filter((item) => parseDuration(item.key) !== undefined);
  for (const item of spans) {
    const message = `Telling more people after ${quote(item.key)} is not supported by this version yet, so nobody would be told.`;
    issues.add("KEY_NOT_SUPPORTED", item.offset, message, "Name them under `now`.");
  }
  const rest = { whole: map.whole, entries: map.entries.filter((item) => !spans.includes(item)) };
  const now = readEntries(rest, language.who, entry.offset, issues).get("now");
  const list = now && readList(now, language.who.keys.now.example, issues);
  if (!now || !list || !checkSize(list.items.length, limits.audience, now, issues)) return defaults.who;
  const addresses = list.items.map((item) => readAddress(itemOf(now, item), "now: [ page://dashboard ]", issues));
  return { now: addresses.filter((address) => address !== undefined) };
}
