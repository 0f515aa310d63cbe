import { RollbookError } from "../core/errors.ts";
import type { Release } from "../core/release.ts";
import type { ControlPorts } from "./ports.ts";

/** Keeps a release from being deployed again. */
export async function quarantine(
  { store, clock }: ControlPorts,
  { id, system }: Release,
  by: string,
  reason: string,
  given?: string,
): Promise<void> {
  const since = clock.now();
  const data = { release: id, reason, given };
  await store.commit([
    { kind: "quarantine", quarantine: { release: id, system, since, reason: `${by}: ${reason}` } },
    { kind: "entry", entry: { type: "quarantined", at: since, system, actor: by, data } },
  ]);
}

/** Lets a release out of quarantine. @throws NOT_FOUND */
export async function liftQuarantine(
  { store, clock }: ControlPorts,
  id: Release["id"],
  by: string,
  given?: string,
): Promise<void> {
  const found = await store.quarantine(id);
  if (!found) throw new RollbookError("NOT_FOUND", { what: `quarantined release ${id}` });
  const data = { release: id, liftedBy: by, given };
  await store.commit([
    { kind: "quarantine", quarantine: { ...found, liftedBy: by } },
    { kind: "entry", entry: { type: "quarantined", at: clock.now(), system: found.system, actor: by, data } },
  ]);
}
