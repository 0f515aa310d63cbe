import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { RollbookError } from "../core/errors.ts";
import type { Playbook } from "../core/playbook.ts";
import { blindTargets } from "../decide/blind-targets.ts";
import type { Check, Diagnosis } from "../operations/diagnosis.ts";
import { describeRivalry, findRivals } from "../playbook/lint-rivals.ts";
import { createConnections } from "./connections/connections.ts";
import { type ConnectionsFile, readConnections } from "./connections/connections-file.ts";
import { edgeMissing } from "./edge-settings.ts";
import { variable } from "./environment.ts";
import { lintContextOf } from "./lint-context.ts";
import { createPlaybookFolder } from "./playbook-folder.ts";

const NO_SYSTEM = "-";

/** Checks a folder before anything serves it: its connections, its playbooks, and whether targets answer as declared. */
export async function checkFolder(given: string): Promise<Diagnosis> {
  const folder = resolve(given);
  const file = join(folder, "connections.yaml");
  const checks: Check[] = [];
  const say = (system: string, what: string, level: Check["level"], found: string) =>
    void checks.push({ system, what, level, found });
  const settings = existsSync(file) ? attempt(() => readConnections(file, variable)) : undefined;
  if (settings instanceof RollbookError) say(NO_SYSTEM, "connections", "error", settings.message);
  else if (settings)
    say(NO_SYSTEM, "connections", "fine", settings.connections.map(({ name }) => name).join(", ") || "none");
  else say(NO_SYSTEM, "connections", "warning", `there is no ${file}`);
  const named = settings instanceof RollbookError || !settings ? [] : settings.connections;
  // Where the connections cannot be read, nobody knows what serves an address.
  const broken = settings instanceof RollbookError;
  const { good, problems } = createPlaybookFolder(folder, file, broken ? {} : lintContextOf(named)).look();
  for (const problem of problems) say(NO_SYSTEM, "playbook", "error", problem);
  if (good.size === 0) say(NO_SYSTEM, "playbook", "error", `no playbook in ${folder} may take effect`);
  for (const rivalry of findRivals([...good.values()].map(({ playbook }) => playbook)))
    say(rivalry.second.system, "playbook", "error", describeRivalry(rivalry));
  if (broken) return { ok: false, checks };
  for (const text of settings ? sharedPorts(settings) : []) say(NO_SYSTEM, "connections", "error", text);
  const connections = createConnections(named);
  try {
    for (const [system, { file: from, playbook }] of good) {
      say(system, "playbook", "fine", `${from}, authority: ${playbook.authority}`);
      const elsewhere = await connections.elsewhere(playbook.environment);
      for (const reason of elsewhere) say(system, "environment", "error", reason);
      for (const { component, text } of blindTargets(playbook, connections.adapterFor))
        say(system, component, playbook.authority === "act" ? "error" : "warning", text);
      const missing = edgeMissing(playbook, settings?.systems[system]);
      if (missing) say(system, "route", "error", missing);
      for (const { name, at } of placesOf(playbook)) {
        const live = await Promise.resolve()
          .then(() => connections.adapterFor(at).read(at, AbortSignal.timeout(10_000)))
          .catch((error: Error) => ({ kind: "unreachable" as const, reason: error.message }));
        if (live.kind === "live") say(system, name, "fine", `${at} answers`);
        else say(system, name, "error", `${at} cannot be read: ${live.reason}`);
      }
    }
  } finally {
    await connections.close();
  }
  return { ok: checks.every(({ level }) => level !== "error"), checks };
}

function attempt<Value>(read: () => Value): Value | RollbookError {
  try {
    return read();
  } catch (error) {
    if (error instanceof RollbookError) return error;
    throw error;
  }
}

/** Every address that a component is read at, but for the edge. */
function placesOf({ components }: Playbook): readonly { readonly name: string; readonly at: string }[] {
  return components
    .flatMap(({ name, at, beside }) => [at, ...(beside ? [beside] : [])].map((one) => ({ name, at: one })))
    .filter(({ at }) => !/^(gateway|flags):/.test(at));
}

/** Ports that two would listen on. */
function sharedPorts({ port, systems }: ConnectionsFile): readonly string[] {
  const named = new Map([[port, "the API"]]);
  return Object.entries(systems).flatMap(([system, { gateway }]) => {
    if (!gateway?.port) return [];
    const who = `the gateway of ${system}`;
    const other = named.get(gateway.port);
    named.set(gateway.port, who);
    return other ? [`port ${gateway.port} is wanted by ${other} and by ${who}`] : [];
  });
}
