import type { Identified as Identity, Resolved } from "../../core/ports.ts";
import type { Place } from "./address.ts";
import { MlflowProblem } from "./mlflow-call.ts";
import { type Registry, textIn } from "./registry.ts";
import { kindFlaw, type Revisions } from "./revisions.ts";

interface ResolvePorts {
  readonly registry: Registry;
  readonly revisions: Revisions;
  readonly scheme: string;
}

/** A version (`12`, `v12`) or what another alias points at now (`@champion`, `champion`). */
export async function resolved(
  { registry, revisions, scheme }: ResolvePorts,
  place: Place,
  reference: string,
  signal: AbortSignal,
): Promise<Resolved> {
  await registry.aliased(place, signal);
  const number = /^v?(\d+)$/i.exec(reference)?.[1];
  const lookUp =
    number === undefined
      ? registry.aliased({ ...place, alias: reference.replace(/^@/, "") }, signal)
      : registry.version(place.name, number, signal);
  const version = await lookUp.catch((error: unknown) => {
    if (error instanceof MlflowProblem && error.refused) return error.message;
    throw error;
  });
  if (typeof version === "string") return { kind: "unknown", reason: version };
  const flaw = kindFlaw(place, version, scheme);
  if (flaw !== undefined) return { kind: "unknown", reason: flaw };
  const found = await revisions.identify(place, version, 0, signal);
  if (found.flaw !== undefined) return { kind: "unknown", reason: found.flaw };
  return { kind: "revision", revision: { digest: found.digest, label: `${version.name} ${version.version}` } };
}

/** Experiment 0 is made with the database: a server that was set up by itself has another moment and another place. */
export async function identityOf(registry: Registry, signal: AbortSignal): Promise<Identity> {
  const experiment = await registry.experiment("0", signal);
  const created = Number(textIn(experiment, "creation_time"));
  if (!Number.isSafeInteger(created)) throw new MlflowProblem("experiment 0 does not say when it was made");
  const place = textIn(experiment, "artifact_location");
  return { kind: "identified", identity: `mlflow of ${new Date(created).toISOString()} with artefacts at ${place}` };
}
