import type { Json } from "../../core/digest.ts";
import type { Applied, RestoreRequest } from "../../core/ports.ts";
import type { KubeAddress } from "./address.ts";
import { KubeFailure } from "./kube-client.ts";
import { checkPinned, type KubeSession } from "./kube-cluster.ts";
import { kubeObject } from "./kube-object.ts";
import { OURS, writableTemplate } from "./pod-template.ts";
import { abortRollout } from "./rollout-abort.ts";
import { digestsRunning, podsOf, RAN, remembering } from "./running-pods.ts";
import { identityOf, revisionsOf, type TemplateRevision } from "./template-revisions.ts";
import { readWorkload, type Workload } from "./workload.ts";
import { type Round, refusalIn, refused } from "./write-answer.ts";

/** Annotations that keep the newest fence, and the key of the write that it made. */
const FENCE = `${OURS}fence`;
const KEY = `${OURS}key`;
/** A controller's status moves the resourceVersion too; then everything is looked at again, so many times. */
const MOST_ROUNDS = 6;

/**
 * Puts a retained template back with one guarded patch (RFC 6902 `test` of the resourceVersion), which carries the
 * fence and the key too. A Rollout in the middle of an update is aborted first, so that traffic leaves the canary at
 * once. Throws `KubeFailure` while nothing has been sent.
 */
export async function writeTemplate(session: KubeSession, at: KubeAddress, request: RestoreRequest): Promise<Applied> {
  let version = request.before.version;
  await checkPinned(session);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const workload = await readWorkload(session.reader, at);
    if (workload === undefined)
      return refused(`there is no ${at.workload?.kind} ${at.workload?.name} in ${at.namespace}`);
    const answer = await writeOnce(session, workload, { ...request, before: { ...request.before, version } });
    if (answer.kind !== "moved") return answer;
    version = answer.version ?? version;
  }
  return { kind: "conflict", reason: `somebody wrote to it in each of ${MOST_ROUNDS} tries` };
}

async function writeOnce(session: KubeSession, workload: Workload, request: RestoreRequest): Promise<Round> {
  const live = await identityOf(workload.template, session.content);
  const objection = objectionTo(workload, live, request);
  if (objection !== undefined) return objection;
  const revisions = await revisionsOf(session.reader, workload, session.content);
  const desired = revisions.find(({ digest }) => digest === request.desired);
  if (desired === undefined) return refused("no ReplicaSet or retained template has this identity any more");
  const ran = await whatRuns(
    session,
    workload,
    revisions.find(({ digest }) => digest === live),
  );
  const aborted = await abortRollout(session, workload);
  if (aborted?.kind !== "aborted") {
    if (aborted !== undefined) return aborted;
    return send(session, workload, desired, { request, ran });
  }
  // Its template lies elsewhere, or a status that is part of the object has moved it: look again.
  if (workload.holder !== workload.object) return send(session, workload, desired, { request, ran });
  return { kind: "moved", version: `${aborted.object.uid}.${aborted.object.generation}` };
}

/** What speaks against this write, in the order in which it matters. */
function objectionTo(
  { object, holder, version }: Workload,
  live: string,
  request: RestoreRequest,
): Applied | undefined {
  const { key, fence, desired, before } = request;
  const newest = Number(holder.annotations[FENCE] ?? 0);
  if (fence < newest) return { kind: "stale", reason: `fence ${newest} has written` };
  if (holder.annotations[KEY] === key) {
    if (live === desired) return { kind: "already" };
    return { kind: "conflict", reason: "this key had its effect, and somebody has changed the template since" };
  }
  if (live !== before.digest) return { kind: "conflict", reason: "another template or configuration is live" };
  if (version !== before.version) return { kind: "conflict", reason: "it was changed after it was read" };
  if (object.spec["paused"] === true) return refused("it is paused, and would not roll anything out: resume it");
  return undefined;
}

interface Write {
  readonly request: RestoreRequest;
  readonly ran: string | undefined;
}

async function send(
  session: KubeSession,
  { holder, holderPath, templateAt }: Workload,
  desired: TemplateRevision,
  { request, ran }: Write,
): Promise<Round> {
  const marks = { [FENCE]: String(request.fence), [KEY]: request.key, ...(ran === undefined ? {} : { [RAN]: ran }) };
  const body: Json = [
    { op: "test", path: "/metadata/uid", value: holder.uid },
    { op: "test", path: "/metadata/resourceVersion", value: holder.resourceVersion },
    { op: "replace", path: templateAt, value: writableTemplate(desired.template) },
    { op: "add", path: "/metadata/annotations", value: { ...holder.annotations, ...marks } },
  ];
  const path = `${holderPath}?fieldManager=rollbook`;
  const answer = await session.transport.call({ method: "PATCH", path, body, patch: "json-patch" }, session.signal);
  if (answer.kind === "silence") return { kind: "unknown", reason: answer.reason };
  if (answer.status === 200) {
    const written = kubeObject(answer.body);
    const template = templateAt === "/template" ? written.raw["template"] : written.spec["template"];
    if ((await identityOf(template, session.content)) === request.desired) return { kind: "applied" };
    return { kind: "unknown", reason: "the API server stored another template than was sent (an admission webhook?)" };
  }
  // A failed `test` is answered as 422, like a template that is not valid: only the object can tell which.
  if (answer.status === 422 && (await hasMoved(session, holderPath, holder.resourceVersion))) return { kind: "moved" };
  return refusalIn(answer);
}

async function hasMoved({ reader }: KubeSession, path: string, resourceVersion: string): Promise<boolean> {
  const now = await reader.get(path).catch(() => undefined);
  return now !== undefined && now.resourceVersion !== resourceVersion;
}

/** A tag may move: remember which images ran under the template that is being left. Without pods there is no news. */
async function whatRuns(
  session: KubeSession,
  workload: Workload,
  live: TemplateRevision | undefined,
): Promise<string | undefined> {
  if (live === undefined || live.hash === "") return undefined;
  try {
    const { hash } = live;
    const pods = (await podsOf(session, workload)).filter(({ labels }) => Object.values(labels).includes(hash));
    const digests = digestsRunning(pods);
    return Object.keys(digests).length === 0 ? undefined : remembering(workload, hash, digests);
  } catch (error) {
    if (error instanceof KubeFailure) return undefined;
    throw error;
  }
}
