import { digestOf } from "../../core/digest.ts";
import type { Applied, RestoreRequest } from "../../core/ports.ts";
import type { Place } from "./address.ts";
import { MlflowProblem } from "./mlflow-call.ts";
import type { RegisteredModel, Registry } from "./registry.ts";
import type { Identified, Revisions } from "./revisions.ts";

export interface MoveAliasPorts {
  readonly registry: Registry;
  readonly revisions: Revisions;
  /** Keep fence and key in tags of the registered model. */
  readonly fence: boolean;
}

/**
 * Bytes that were read so recently are not read again: a move that ran out of time finishes when it is repeated, where
 * reading all of it would run out of time again.
 */
const RECENT_MS = 15_000;

/**
 * Moves an alias as safely as a registry without preconditions allows.
 *
 * 1. Read fence, key and alias in one call; compare what is live with what was captured; find the target, intact.
 * 2. Claim: write the fence; read all of it again, so that another controller that claimed since is seen.
 * 3. Write the alias. From the read of step 2 to here is the window in which a rival's move is overwritten unseen.
 * 4. Read back: whoever moved the alias after our write is seen. Then remember the key.
 *
 * A restore that was aborted between two of these steps is sent again: the alias is read before it is touched.
 */
export async function moveAlias(
  { registry, revisions, fence: fencing }: MoveAliasPorts,
  place: Place,
  request: RestoreRequest,
  signal: AbortSignal,
): Promise<Applied> {
  let written = false;
  try {
    const model = await registry.model(place.name, signal);
    const plan = await planned({ registry, revisions, fence: fencing }, place, request, model, signal);
    if ("kind" in plan) return plan;
    const { from, target } = plan;
    if (fencing && marksOf(model, place).fence < request.fence) {
      await registry.setTag(place.name, fenceTag(place), String(request.fence), signal);
    }
    const again = await registry.model(place.name, signal);
    const rival = staleIn(again, place, request, fencing) ?? movedIn(again, place, from);
    if (rival !== undefined) return rival;
    await registry.setAlias(place, target.version.version, signal);
    written = true;
    const after = await registry.model(place.name, signal);
    const later = staleIn(after, place, request, fencing) ?? movedIn(after, place, target.version.version);
    if (later !== undefined) return later;
    // Only now: a key that is there says that its effect was.
    if (fencing) await remember(registry, place, after, request.key, signal);
    return { kind: "applied" };
  } catch (error) {
    if (!(error instanceof MlflowProblem)) return { kind: "unknown", reason: String(error) };
    return { kind: error.refused && !written ? "refused" : "unknown", reason: error.message };
  }
}

async function planned(
  { registry, revisions, fence }: MoveAliasPorts,
  place: Place,
  request: RestoreRequest,
  model: RegisteredModel,
  signal: AbortSignal,
): Promise<Applied | { readonly from: string; readonly target: Identified }> {
  const from = model.aliases.get(place.alias);
  if (from === undefined) return { kind: "refused", reason: `${place.name} has no alias "${place.alias}"` };
  const stale = staleIn(model, place, request, fence);
  if (stale !== undefined) return stale;
  const version = await registry.version(place.name, from, signal);
  const live = await revisions.identify(place, version, RECENT_MS, signal);
  if (fence && marksOf(model, place).keys.includes(markOf(request.key))) {
    if (live.digest === request.desired) return { kind: "already" };
    return { kind: "conflict", reason: `this move was made before; since then the alias was moved to version ${from}` };
  }
  if (live.digest !== request.before.digest) {
    return { kind: "conflict", reason: `the alias points at version ${from}, which is not what was read before` };
  }
  const target = await revisions.find(place, request.desired, RECENT_MS, signal);
  if (target === undefined) {
    return { kind: "refused", reason: `no version of ${place.name} has this digest: deleted, or its content changed` };
  }
  return target.flaw === undefined ? { from, target } : { kind: "refused", reason: target.flaw };
}

const fenceTag = ({ alias }: Place) => `rollbook.fence.${alias}`;
const keyTag = ({ alias }: Place) => `rollbook.keys.${alias}`;

/** What a key is remembered as. */
const markOf = (key: string) => digestOf(key).slice(7, 23);
/** So many fit into the 5,000 characters of a tag several times over. */
const MOST_KEYS = 50;

function marksOf({ tags }: RegisteredModel, place: Place) {
  const fence = Number(tags.get(fenceTag(place)) ?? 0);
  const keys = (tags.get(keyTag(place)) ?? "").split(" ").filter((mark) => mark !== "");
  return { fence: Number.isSafeInteger(fence) ? fence : 0, keys };
}

/** The move is done by now: a mark that cannot be left behind does not make it undone. */
async function remember(registry: Registry, place: Place, model: RegisteredModel, key: string, signal: AbortSignal) {
  const marks = [...marksOf(model, place).keys, markOf(key)].slice(-MOST_KEYS);
  await registry.setTag(place.name, keyTag(place), marks.join(" "), signal).catch(() => undefined);
}

function staleIn(model: RegisteredModel, place: Place, request: RestoreRequest, fencing: boolean): Applied | undefined {
  const { fence } = marksOf(model, place);
  if (!fencing || fence <= request.fence) return undefined;
  const reason = `fence ${fence} has written, and this is ${request.fence} (tag ${fenceTag(place)} of ${place.name})`;
  return { kind: "stale", reason };
}

function movedIn(model: RegisteredModel, { alias }: Place, expected: string): Applied | undefined {
  const version = model.aliases.get(alias);
  if (version === expected) return undefined;
  const now = version === undefined ? "it is gone" : `it points at version ${version}`;
  return { kind: "conflict", reason: `somebody else changed the alias at the same moment: ${now}` };
}
