import { type ComponentSpec, isRoute } from "../core/playbook.ts";
import { limits } from "./defaults.ts";
import { type IssueList, quote } from "./issue.ts";
import { undoWords } from "./language/what-keys.ts";
import { language } from "./language.ts";
import { patterns } from "./patterns.ts";
import { checkName, checkSize, readAddress, readEntries, readMap, readWord } from "./yaml-reader.ts";
import type { YamlEntry } from "./yaml-tree.ts";

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
    for (const at of read.beside === undefined ? [read.at] : [read.at, read.beside]) {
      const other = places.get(at);
      if (other !== undefined) {
        const both = other === component.key;
        const message = both
          ? `The two places of ${quote(component.key)} are one; a release would overwrite what serves.`
          : `${quote(component.key)} and ${quote(other)} live at one address; it would be restored twice.`;
        issues.add("SAME_ADDRESS", component.offset, message, "Remove one of the two, or correct its address.");
      }
      places.set(at, component.key);
    }
    if (isRoute(read)) routes.push(component);
    if (named) components.push(read);
  }
  checkRoutes(routes, complete, entry, issues);
  return components;
}

function checkRoutes(routes: readonly YamlEntry[], complete: boolean, entry: YamlEntry, issues: IssueList): void {
  if (routes.length === 0 && complete) {
    const message = "No component is the route, so nobody could take traffic away from a bad release.";
    issues.add("NO_ROUTE", entry.offset, message, "Add `route: gateway://SYSTEM` to `what`.");
  }
  for (const route of routes.slice(1)) {
    const message = `${quote(route.key)} is a second route; traffic is contained in one place.`;
    const hint = "Keep one component that is called `route` or has a `gateway://` address.";
    issues.add("SEVERAL_ROUTES", route.offset, message, hint);
  }
}

/** A route elsewhere is understood, but containment in milliseconds is proved at our own edge only. */
function noteForeignRoute(entry: YamlEntry, at: string, issues: IssueList): void {
  if (entry.key !== "route" || new RegExp(patterns.edge).test(at)) return;
  const message = `The route ${quote(at)} is not Rollbook's own edge, and nothing contains traffic elsewhere yet.`;
  const instead =
    "Write `route: gateway://SYSTEM` or `route: flags://KEY`; a component of another name may have this address.";
  issues.addIdle("VALUE_NOT_SUPPORTED", entry.offset, message, instead);
}

/** What moves stored data is not put back by pointing at the old one, so its way back is never taken for granted. */
function insistOnUndo(entry: YamlEntry, at: string, issues: IssueList): void {
  if (entry.key !== "schema" && !/^(flyway|liquibase|schema|sql-schema):/.test(at)) return;
  const message = `${quote(entry.key)} is a database's schema and does not say its way back: whether it can be undone is not known.`;
  issues.add("MISSING_KEY", entry.offset, message, `Write \`undo\`, one of ${Object.keys(undoWords).join(", ")}.`);
}

function readComponent(entry: YamlEntry, issues: IssueList): ComponentSpec | undefined {
  if (entry.value.kind !== "map") {
    const at = readAddress(entry, example, issues);
    if (at === undefined) return undefined;
    noteForeignRoute(entry, at, issues);
    insistOnUndo(entry, at, issues);
    return { name: entry.key, at };
  }
  const block = readEntries(entry.value, language.component, entry.offset, issues);
  const address = block.get("at");
  const at = address && readAddress(address, language.component.keys.at.example, issues);
  const second = block.get("beside");
  const beside = second && readAddress(second, language.component.keys.beside.example, issues);
  const undoEntry = block.get("undo");
  const word = undoEntry && readWord(undoEntry, Object.keys(undoWords) as (keyof typeof undoWords)[], issues);
  if (at === undefined || (second && beside === undefined) || (undoEntry && !word)) return undefined;
  noteForeignRoute(entry, at, issues);
  if (!undoEntry) insistOnUndo(entry, at, issues);
  return {
    name: entry.key,
    at,
    ...(beside === undefined ? {} : { beside }),
    ...(word ? { undo: undoWords[word] } : {}),
  };
}
