import { existsSync, readFileSync } from "node:fs";
import type { Run } from "../command.ts";
import { show } from "../systems.ts";

export const version: Run = async (input) => {
  const data = { rollbook: rollbookVersion(), node: process.version };
  if (input.options.json) show(input, data);
  else input.out(`rollbook ${data.rollbook} (Node ${data.node})`);
  return 0;
};

/** From the package's manifest, wherever this file lies in it. */
function rollbookVersion(): string {
  for (const up of ["../", "../../", "../../../", "../../../../"]) {
    const manifest = new URL(`${up}package.json`, import.meta.url);
    if (!existsSync(manifest)) continue;
    const { version: found } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly version?: string };
    if (found) return found;
  }
  return "unknown";
}
