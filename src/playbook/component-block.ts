import type { ComponentSpec, Undo } from "../core/playbook.ts";
import { defaults, limits } from "./defaults.ts";
import { type IssueList, quote } from "./issue.ts";
import { language } from "./language.ts";
import { checkName, checkSize, readAddress, readEntries, readMap, readWord } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

/** How people name the way back of a component, and what that makes of a step. */
export const undoWords = {
  "view-switch": "compensatable",
  snapshot: "compensatable",
  redeploy: "compensatable",
  "forward-only": "retriable",
  pivot: "pivot",
  none: "irreversible",
} as const satisfies Record<string, Undo>;

const example = "model: http://lending/components/model";

/** Reads `what`: the components that go back together, exactly one of them the route. */
export function readComponents(entry: YamlEntry, issues: IssueList): readonly ComponentSpec[] {
  const map = readMap(entry, `what: { ${example}, route: gateway://loan-approval }`, issues);
  if (!map || !checkSize(map.entries.length, limits.components, entry, issues)) return [];
  const components: ComponentSpec[] = [];
  const places = new Map<string, string>();
  const routes: YamlEntry[] = [];
  let complete = true;
  for (const component of map.entries) {
    const named = checkName(component.key, component.offset, issues);
    const read = readComponent(component, issues);
    complete &&= read !== undefined;
    if (!read) continue;
    const other = places.get(read.at);
    if (other !== undefined) {
      const message = `${quote(component.key)} and ${quote(other)} live at one address; it would be restored twice.`;
      issues.add("SAME_ADDRESS", component.offset, message, "Remove one of the two, or correct its address.");
    }
    places.set(read.at, component.key);
    if (read.at.startsWith("gateway://")) routes.push(component);
    if (named) components.push(read);
  }
  checkRoutes(routes, complete, entry, issues);
  return components;
}

function checkRoutes(routes: readonly YamlEntry[], complete: boolean, entry: YamlEntry, issues: IssueList): void {
  if (routes.length === 0 && complete) {
    const message = "No component has a `gateway://` address, so nobody could take traffic away from a bad release.";
    issues.add("NO_ROUTE", entry.offset, message, "Add `route: gateway://SYSTEM` to `what`.");
  }
  for (const route of routes.slice(1)) {
    const message = `${quote(route.key)} is a second route; traffic is contained in one place.`;
    issues.add("SEVERAL_ROUTES", route.offset, message, "Keep one component with a `gateway://` address.");
  }
}

function readComponent(entry: YamlEntry, issues: IssueList): ComponentSpec | undefined {
  if (entry.value.kind !== "map") {
    const at = readAddress(entry, example, issues);
    return at === undefined ? undefined : { name: entry.key, at, undo: defaults.undo };
  }
  const block = readEntries(entry.value, language.component, entry.offset, issues);
  const address = block.get("at");
  const at = address && readAddress(address, language.component.keys.at.example, issues);
  const undoEntry = block.get("undo");
  const word = undoEntry && readWord(undoEntry, Object.keys(undoWords) as (keyof typeof undoWords)[], issues);
  if (at === undefined || (undoEntry && !word)) return undefined;
  return { name: entry.key, at, undo: word ? undoWords[word] : defaults.undo };
}
