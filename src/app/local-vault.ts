import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { openVault, type Vault } from "../store/vault/vault.ts";
import { readConnections } from "./connections/connections-file.ts";
import { vaultFolder } from "./connections/vault.ts";
import { variable } from "./environment.ts";
import { systemClock } from "./system-clock.ts";

/** The vault of a folder that `serve` runs; safe beside a running server. @throws CONNECTIONS_INVALID */
export async function openLocalVault(folder: string): Promise<Vault> {
  const file = join(resolve(folder), "connections.yaml");
  if (!existsSync(file))
    return openVault({ folder: vaultFolder(join(resolve(folder), ".rollbook")), clock: systemClock });
  const { data, connections } = readConnections(file, variable);
  await Promise.all(connections.map(({ connection }) => connection.close?.()));
  return openVault({ folder: vaultFolder(data), clock: systemClock });
}
