import { canonicalJson, type Json } from "../../core/digest.ts";
import type { Applied, Rival, RivalObserved, RivalRequest } from "../../core/ports.ts";
import { argoCdOwner, fluxOwner, look } from "./gitops-owners.ts";
import { KubeFailure } from "./kube-client.ts";
import { checkPinned, type KubeSession } from "./kube-cluster.ts";
import { fields, type KubeObject } from "./kube-object.ts";
import { addressOfOwner, OWNER_WORDS, type Owner, type OwnerKind, ownerIn, pathOfOwner } from "./owner-address.ts";
import { OURS } from "./pod-template.ts";
import { type Round, refusalIn, refused } from "./write-answer.ts";

const FENCE = `${OURS}freeze-fence`;
const KEY = `${OURS}freeze-key`;
/** A controller's status moves the resourceVersion too; then the object is looked at again, so many times. */
const MOST_ROUNDS = 6;

/** The state in which each kind leaves its objects alone. Argo CD: no `automated`; Flux: `suspend`. */
const FROZEN: Readonly<Record<OwnerKind, string>> = {
  applications: "null",
  kustomizations: "true",
  helmreleases: "true",
};

/** Who owns this object and would put it back, as far as they can be read: what cannot is told by `concerns`. */
export async function rivalsOf(
  session: KubeSession,
  object: KubeObject,
  from: { readonly scheme: string; readonly cluster: string; readonly through: string },
): Promise<readonly Rival[]> {
  const owners: readonly (Owner | undefined)[] = [
    owned("applications", argoCdOwner(session, object)),
    owned("kustomizations", fluxOwner(object, "kustomize.toolkit.fluxcd.io")),
    owned("helmreleases", fluxOwner(object, "helm.toolkit.fluxcd.io")),
  ];
  const found = await Promise.all(
    owners
      .filter((owner) => owner !== undefined)
      .map(async (owner) => (typeof (await look(session, pathOfOwner(owner))) === "string" ? [] : [owner])),
  );
  return found.flat().map((owner) => ({
    at: addressOfOwner(from.scheme, from.cluster, owner),
    through: from.through,
    label: `${OWNER_WORDS[owner.kind]} ${owner.namespace}/${owner.name}`,
    guarantee: "cas",
    frozen: FROZEN[owner.kind],
  }));
}

function owned(kind: OwnerKind, found: Omit<Owner, "kind"> | undefined): Owner | undefined {
  return found && { kind, namespace: found.namespace, name: found.name };
}

/** What a rival is told to do now. Throws `KubeFailure`. */
export async function readRival(session: KubeSession, at: string): Promise<RivalObserved> {
  const owner = ownerIn(at);
  const object = owner && (await session.reader.get(pathOfOwner(owner)));
  if (!owner || !object) return { kind: "unreachable", reason: `there is nothing at ${at}` };
  const state = stateOf(owner.kind, object);
  return { kind: "live", state, version: versionOf(object, state) };
}

/** Writes nothing but that one setting, guarded by the resourceVersion, with key and fence. Throws `KubeFailure` before. */
export async function writeRival(session: KubeSession, request: RivalRequest): Promise<Applied> {
  const owner = ownerIn(request.at);
  if (!owner) return refused(`${request.at} names no rival`);
  await checkPinned(session);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const object = await session.reader.get(pathOfOwner(owner));
    if (!object) return refused(`there is nothing at ${request.at}`);
    const answer = objectionTo(owner.kind, object, request) ?? (await send(session, owner, object, request));
    if (answer.kind !== "moved") return answer;
  }
  return { kind: "conflict", reason: `somebody wrote to it in each of ${MOST_ROUNDS} tries` };
}

function objectionTo(kind: OwnerKind, object: KubeObject, request: RivalRequest): Applied | undefined {
  const newest = Number(object.annotations[FENCE] ?? 0);
  if (request.fence < newest) return { kind: "stale", reason: `fence ${newest} has written` };
  const state = stateOf(kind, object);
  if (object.annotations[KEY] === request.key && state === request.state) return { kind: "already" };
  if (versionOf(object, state) === request.before.version && object.annotations[KEY] !== request.key) return undefined;
  return { kind: "conflict", reason: "somebody has told it something else since it was read" };
}

async function send(session: KubeSession, owner: Owner, object: KubeObject, request: RivalRequest): Promise<Round> {
  const value = JSON.parse(request.state) as Json;
  const spec = owner.kind === "applications" ? { syncPolicy: { automated: value } } : { suspend: value };
  const annotations = { [FENCE]: String(request.fence), [KEY]: request.key };
  const body = { metadata: { resourceVersion: object.resourceVersion, annotations }, spec };
  const path = `${pathOfOwner(owner)}?fieldManager=rollbook`;
  const answer = await session.transport.call({ method: "PATCH", path, body, patch: "merge-patch" }, session.signal);
  return answer.kind === "answer" && answer.status === 200 ? { kind: "applied" } : refusalIn(answer);
}

/** The setting as canonical JSON; `null` where it is not there. */
function stateOf(kind: OwnerKind, { spec }: KubeObject): string {
  const setting = kind === "applications" ? fields(spec["syncPolicy"])["automated"] : spec["suspend"];
  return canonicalJson((setting ?? null) as Json);
}

/** Status and other settings do not move it. */
function versionOf({ uid }: KubeObject, state: string): string {
  if (uid === "") throw new KubeFailure("it has no uid");
  return `${uid}.${state}`;
}
