import type { Digest } from "../../core/digest.ts";
import type { Concern } from "../../core/ports.ts";
import type { Place } from "./address.ts";
import { type ArtefactCare, type Artefacts, MLMODEL } from "./artefacts.ts";
import { MlflowProblem } from "./mlflow-call.ts";
import { loggedModelOf, type Registry, type Version } from "./registry.ts";
import type { Identified, Revisions } from "./revisions.ts";
import type { Serving } from "./serving.ts";
import { type Signature, signatureChanges, signatureIn } from "./signature.ts";

export interface ConcernPorts {
  readonly registry: Registry;
  readonly revisions: Revisions;
  readonly artefacts: Artefacts;
  readonly serving: Serving;
  readonly care: ArtefactCare;
}

const blocking = (text: string): Concern => ({ level: "blocking", text });
const warning = (text: string): Concern => ({ level: "warning", text });

/** What speaks against relying on this way back. Reads only. Throws `MlflowProblem` when nothing could be learnt. */
export async function concernsAbout(
  ports: ConcernPorts,
  place: Place,
  digest: Digest,
  signal: AbortSignal,
): Promise<readonly Concern[]> {
  const { registry, revisions, serving } = ports;
  const live = await registry.aliased(place, signal);
  const target = await revisions.find(place, digest, 0, signal);
  if (target === undefined) {
    return [blocking(`no version of ${place.name} has this digest any more: deleted, or its content was changed`)];
  }
  const found: Concern[] = target.flaw === undefined ? [] : [blocking(target.flaw)];
  found.push(...(await retention(registry, target.version, signal)), ...sizes(ports.care, target));
  if (place.kind === "model" && ports.care.look !== "none") {
    found.push(...(await signatures(ports.artefacts, live, target.version, signal)));
  }
  found.push(...(await others(registry, place, live, signal)), ...stages(target.version));
  if (!serving.knows(place)) {
    found.push(warning(`nothing says which version serves ${place.key}: a moved alias does not reload what runs`));
  }
  return found;
}

/** Deleted runs and logged models keep their artefacts until somebody runs `mlflow gc`. */
async function retention(registry: Registry, version: Version, signal: AbortSignal): Promise<readonly Concern[]> {
  const found: Concern[] = [];
  const gone = (what: string) =>
    warning(
      `the ${what} that ${version.name} ${version.version} comes from is deleted: mlflow gc removes its artefacts`,
    );
  const model = loggedModelOf(version);
  if (model !== undefined && (await isMissing(registry.loggedModel(model, signal)))) found.push(gone("logged model"));
  if (version.runId !== "") {
    const stage = await registry.runStage(version.runId, signal).catch(ignoreRefusal);
    if (stage === "deleted") found.push(gone("run"));
  }
  return found;
}

function sizes({ look, upTo }: ArtefactCare, { version, artefacts }: Identified): readonly Concern[] {
  const unread = artefacts.filter(({ sha256 }) => sha256 === undefined);
  if (look === "none" || unread.length === 0) return [];
  const limit = look === "bytes" ? ` (larger than ${upTo} bytes)` : "";
  const text = `${unread.length} artefacts of ${version.name} ${version.version} are compared by size only${limit}`;
  return [warning(text)];
}

async function signatures(artefacts: Artefacts, live: Version, target: Version, signal: AbortSignal) {
  if (live.version === target.version) return [];
  const read = async (version: Version): Promise<Signature | undefined> => {
    const text = await artefacts.mlmodel(version, signal).catch(ignoreRefusal);
    return text === undefined ? undefined : signatureIn(text);
  };
  const [now, then] = [await read(live), await read(target)];
  if (now === undefined && then === undefined) return [];
  if (now === undefined || then === undefined) {
    const without = now === undefined ? live : target;
    return [warning(`${without.name} ${without.version} has no signature in its ${MLMODEL}: nothing can be compared`)];
  }
  const changes = signatureChanges(now, then);
  if (changes.length === 0) return [];
  const more = changes.length > 12 ? `; and ${changes.length - 12} more` : "";
  const listed = changes.slice(0, 12).join("; ");
  return [
    warning(`the signature of version ${target.version} differs from live version ${live.version}: ${listed}${more}`),
  ];
}

async function others(registry: Registry, place: Place, live: Version, signal: AbortSignal) {
  const { aliases } = await registry.model(place.name, signal);
  const beside = [...aliases].filter(([alias, version]) => alias !== place.alias && version === live.version);
  const hooks = (await registry.aliasWebhooks(signal).catch(ignoreRefusal)) ?? [];
  return [
    ...beside.map(([alias]) =>
      warning(`@${alias} points at live version ${live.version} too and stays there: who loads it is not brought back`),
    ),
    ...hooks.map((name) =>
      warning(`the webhook "${name}" hears of every move of an alias: what it starts is not known`),
    ),
    warning(`MLflow has no precondition: whoever may edit ${place.name} can move @${place.alias} at any time`),
  ];
}

function stages({ name, version, stage }: Version): readonly Concern[] {
  if (stage === "" || stage === "None") return [];
  return [warning(`${name} ${version} is in stage ${stage}; who loads by stage (deprecated) does not follow an alias`)];
}

/** A part that the server does not have, or may not show, is left out; silence is not. */
function ignoreRefusal(error: unknown): undefined {
  if (error instanceof MlflowProblem && error.refused) return undefined;
  throw error;
}

async function isMissing(call: Promise<void>): Promise<boolean> {
  return call.then(
    () => false,
    (error: unknown) => error instanceof MlflowProblem && error.missing,
  );
}
