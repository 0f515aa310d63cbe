import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { RollbookError } from "../core/errors.ts";
import type { LintContext } from "../playbook/lint-playbook.ts";
import { type Named, undoIn } from "./connections/connections.ts";
import { readConnections } from "./connections/connections-file.ts";
import { CONNECTIONS } from "./edge-settings.ts";
import { variable } from "./environment.ts";

/** Names that addresses may begin with besides those of connections. */
const BUILT_IN_SCHEMES = ["flags", "gateway", "page", "events", "local"];

/** What the linter knows where these are the connections. */
export function lintContextOf(connections: readonly Named[]): LintContext {
  return {
    schemes: [...BUILT_IN_SCHEMES, ...connections.map(({ name }) => name)],
    undoAt: undoIn(connections),
  };
}

/**
 * What is declared about the addresses of a playbook: by the connections file beside it, or beside its folder `playbooks`.
 * Without one that can be read, connections are taken to be called like their kinds. Nothing is called.
 */
export async function undoBeside(file: string): Promise<Pick<LintContext, "undoAt">> {
  const folder = dirname(file);
  const beside = [folder, ...(basename(folder) === "playbooks" ? [dirname(folder)] : [])];
  const found = beside.map((one) => join(one, CONNECTIONS)).find(existsSync);
  if (found === undefined) return {};
  try {
    const { connections } = readConnections(found, variable);
    await Promise.all(connections.map(({ connection }) => connection.close?.()));
    return { undoAt: undoIn(connections) };
  } catch (error) {
    if (error instanceof RollbookError) return {};
    throw error;
  }
}
