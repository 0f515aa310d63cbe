import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { RollbookError } from "../core/errors.ts";
import type { Check, Diagnosis } from "../operations/diagnosis.ts";
import { createConnections } from "./connections/connections.ts";
import { readConnections } from "./connections/connections-file.ts";
import { variable } from "./environment.ts";
import { createPlaybookFolder } from "./playbook-folder.ts";
import { BUILT_IN_SCHEMES } from "./serve-folder.ts";

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
  const schemes = [...BUILT_IN_SCHEMES, ...named.map(({ name }) => name)];
  const { good, problems } = createPlaybookFolder(folder, file, schemes).look();
  for (const problem of problems) say(NO_SYSTEM, "playbook", "error", problem);
  if (good.size === 0) say(NO_SYSTEM, "playbook", "error", `no playbook in ${folder} may take effect`);
  const connections = createConnections(named);
  try {
    for (const [system, { file: from, playbook }] of good) {
      say(system, "playbook", "fine", `${from}, authority: ${playbook.authority}`);
      const elsewhere = await connections.elsewhere(playbook.environment);
      for (const reason of elsewhere) say(system, "environment", "error", reason);
      for (const { name, at } of playbook.components.filter(({ at }) => !/^(gateway|flags):/.test(at))) {
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
