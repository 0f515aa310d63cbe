import { RollbookError } from "../core/errors.ts";
import type { LintAnswer } from "../operations/lint.ts";
import { readConnections } from "./connections/connections-file.ts";
import { variable } from "./environment.ts";

/** Is this text a connections file, which lies among the playbooks of a folder? */
export function isConnections(text: string): boolean {
  return /^rollbook:\s*["']?connections\/v1/m.test(text);
}

/** What `rollbook lint` says of a connections file; nothing is called. */
export async function lintConnections(file: string): Promise<LintAnswer> {
  try {
    const { connections } = readConnections(file, variable);
    await Promise.all(connections.map(({ connection }) => connection.close?.()));
    const names = connections.map(({ name }) => name).join(", ") || "none";
    return { file, ok: true, issues: [], findings: [], text: `${file}: fine; connections: ${names}` };
  } catch (error) {
    if (!(error instanceof RollbookError)) throw error;
    return {
      file,
      ok: false,
      issues: [{ code: error.code, message: error.message }],
      findings: [],
      text: error.explain(),
    };
  }
}
