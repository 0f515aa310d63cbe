import type { Environment, Playbook } from "../core/playbook.ts";
import { defaults, limits } from "./defaults.ts";
import { type IssueList, quote } from "./issue.ts";
import { authorities, risks, versions } from "./language/head-keys.ts";
import { language } from "./language.ts";
import { readOdds, readTraffic } from "./quantity.ts";
import { type Block, readAddress, readAddresses, readBlock, readName, readText, readWord } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

/** What stands above the blocks: names, risk, authority, traffic, false alarms. Parts that are wrong are left out. */
export type Head = Partial<
  Pick<Playbook, "system" | "owner" | "risk" | "authority" | "environment" | "trafficPerSecond" | "falseAlarms">
>;

export function readHead(block: Block, issues: IssueList): Head {
  const keys = language.playbook.keys;
  const read = <Value>(key: keyof typeof keys, reader: (entry: YamlEntry, example: string) => Value | undefined) => {
    const entry = block.get(key);
    return entry && reader(entry, keys[key].example);
  };
  read("rollbook", (entry) => checkVersion(entry, issues));
  const named = (entry: YamlEntry, example: string) => readName(entry, example, issues);
  const head = {
    system: read("system", named),
    owner: read("owner", named),
    risk: read("risk", (entry) => readWord(entry, risks, issues)),
    authority: read("authority", (entry) => readWord(entry, authorities, issues)),
    environment: read("environment", (entry) => readEnvironment(entry, issues)),
    trafficPerSecond: read("traffic", (entry) => readTraffic(entry, issues)),
    falseAlarms: block.has("false-alarms")
      ? read("false-alarms", (entry) => readOdds(entry, issues))
      : defaults.falseAlarms,
  };
  return Object.fromEntries(Object.entries(head).filter(([, value]) => value !== undefined));
}

function checkVersion(entry: YamlEntry, issues: IssueList): void {
  const text = readText(entry, "rollbook: v1", issues);
  if (text === undefined || (versions as readonly string[]).includes(text)) return;
  const message = `${quote(text)} is not a version of the language that this Rollbook reads.`;
  issues.add("WRONG_VERSION", entry.value.offset, message, "Write `rollbook: v1`, or use a newer Rollbook.");
}

/** Reads `environment`: `local`, one address or several, each of which must identify itself. */
function readEnvironment(entry: YamlEntry, issues: IssueList): Environment | undefined {
  const block = readBlock(entry, language.environment, language.playbook.keys.environment.example, issues);
  const nameEntry = block?.get("name");
  const isEntry = block?.get("is");
  const name = nameEntry && readName(nameEntry, language.environment.keys.name.example, issues);
  const is = isEntry && readPlaces(isEntry, issues);
  return name !== undefined && is ? { name, is } : undefined;
}

function readPlaces(entry: YamlEntry, issues: IssueList): readonly string[] | undefined {
  const { example } = language.environment.keys.is;
  if (entry.value.kind === "list") {
    return readAddresses(entry, { example: "is: [ k8s://prod-eu/lending ]", least: 1, most: limits.places }, issues);
  }
  const text = entry.value.kind === "text" ? entry.value.value : undefined;
  if (text === "local") return ["local"];
  // A word without a colon was meant as a word, and the only one is `local`.
  const place =
    text !== undefined && !text.includes(":")
      ? readWord(
          entry,
          ["local"],
          issues,
          {},
          "Write `is: local` for this machine, or an address such as `k8s://prod-eu/lending`.",
        )
      : readAddress(entry, example, issues);
  return place === undefined ? undefined : [place];
}
