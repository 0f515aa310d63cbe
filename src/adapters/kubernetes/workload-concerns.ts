import type { Digest } from "../../core/digest.ts";
import type { Concern } from "../../core/ports.ts";
import { ownersOf } from "./gitops-owners.ts";
import { KubeFailure } from "./kube-client.ts";
import type { KubeSession } from "./kube-cluster.ts";
import { count, fields, list, text } from "./kube-object.ts";
import { imagesOf } from "./pod-template.ts";
import { rememberedOf } from "./running-pods.ts";
import { changedSince, revisionsOf, type TemplateRevision } from "./template-revisions.ts";
import type { Workload } from "./workload.ts";

/** Below this a rollback after promotion most likely has to start its pods anew. */
const SHORT_DELAY_SECONDS = 600;

/** What to know before relying on this way back. Throws `KubeFailure`. */
export async function concernsOf(
  session: KubeSession,
  workload: Workload,
  digest: Digest,
): Promise<readonly Concern[]> {
  const revisions = await revisionsOf(session.reader, workload, session.content);
  const revision = revisions.find((one) => one.digest === digest);
  const [owners, scaler, permission, retention] = await Promise.all([
    ownersOf(session, workload.object),
    scalerOf(session, workload),
    permissionOf(session, workload),
    revision === undefined ? lost(session, revisions) : kept(session, workload, revision, revisions),
  ]);
  const paused: readonly Concern[] =
    workload.object.spec["paused"] === true
      ? [blocking("it is paused: a restored template would not roll out; resume it")]
      : [];
  return [...paused, ...permission, ...retention, ...owners, ...scaler, ...rolloutConcerns(workload)];
}

/** Not held: pruned, or its configuration has changed, which gives every template another identity. */
async function lost({ content }: KubeSession, revisions: readonly TemplateRevision[]): Promise<readonly Concern[]> {
  const changed = new Set((await Promise.all(revisions.map((one) => changedSince(one, content)))).flat());
  const why =
    changed.size === 0
      ? "revisionHistoryLimit may have pruned it"
      : `revisionHistoryLimit may have pruned it, or its configuration has changed (${[...changed].join("; ")})`;
  return [blocking(`no ReplicaSet or retained template has this identity: ${why}`)];
}

async function kept(
  { content }: KubeSession,
  workload: Workload,
  revision: TemplateRevision,
  revisions: readonly TemplateRevision[],
): Promise<readonly Concern[]> {
  const found: Concern[] = [];
  const changed = await changedSince(revision, content);
  if (changed.length > 0) {
    found.push(warning(`going back brings the template back and not its configuration: ${changed.join("; ")}`));
  }
  const remembered = rememberedOf(workload, revision.hash);
  for (const [container, image] of imagesOf(revision.template)) {
    if (image.includes("@sha256:")) continue;
    const known = remembered[container] === undefined ? "" : `; when it was last left it ran ${remembered[container]}`;
    found.push(warning(`the container ${container} names ${image}, a tag that may move${known}`));
  }
  return [...found, ...pruning(workload, revision, revisions)];
}

/** Controllers delete the oldest ReplicaSets beyond the limit that run nothing. */
function pruning(
  workload: Workload,
  revision: TemplateRevision,
  revisions: readonly TemplateRevision[],
): readonly Concern[] {
  const limit = workload.object.spec["revisionHistoryLimit"];
  const most = typeof limit === "number" ? limit : 10;
  const retained = revisions.some((one) => one.digest === revision.digest && one.hash === "");
  if (retained) return [];
  if (most === 0)
    return [blocking("its revisionHistoryLimit is 0: an old ReplicaSet is deleted as soon as it runs nothing")];
  const old = revisions.filter((one) => one.hash !== "" && count(one.holder.spec["replicas"]) === 0);
  const younger = old.filter((one) => one.number < revision.number).length;
  const left = most - (old.length - younger);
  if (old.includes(revision) && left <= 0) {
    return [warning(`its revisionHistoryLimit of ${most} is reached: the next release prunes this revision`)];
  }
  return [];
}

async function scalerOf({ reader }: KubeSession, { object, kind }: Workload): Promise<readonly Concern[]> {
  const path = `/apis/autoscaling/v2/namespaces/${object.namespace}/horizontalpodautoscalers`;
  const scalers = await reader.list(path).catch(nothingWhenRefused);
  const named = scalers.filter(({ spec }) => {
    const target = fields(spec["scaleTargetRef"]);
    return target["name"] === object.name && target["kind"] === (kind === "rollouts" ? "Rollout" : "Deployment");
  });
  return named.map(({ name }) => warning(`the HorizontalPodAutoscaler ${name} sets its replicas: a rollback does not`));
}

/** Asks the API server itself whether we may write (authorization.k8s.io SelfSubjectAccessReview); it stores nothing. */
async function permissionOf({ transport, signal }: KubeSession, workload: Workload): Promise<readonly Concern[]> {
  const { holder, holderPath } = workload;
  const [group, resource] = partsOf(holderPath);
  const resourceAttributes = { namespace: holder.namespace, verb: "patch", group, resource, name: holder.name };
  const body = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: { resourceAttributes } };
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const answer = await transport.call({ method: "POST", path, body }, signal);
  if (answer.kind === "silence" || answer.status !== 201) return [];
  const allowed = fields(answer.body["status"])["allowed"] === true;
  return allowed
    ? []
    : [blocking(`this identity may not patch ${resource}/${holder.name}: grant patch on ${resource}`)];
}

function partsOf(path: string): readonly [string, string] {
  const parts = path.split("/");
  return parts[1] === "api" ? ["", parts.at(-2)!] : [parts[2]!, parts.at(-2)!];
}

function rolloutConcerns({ kind, object }: Workload): readonly Concern[] {
  if (kind !== "rollouts") return [];
  const found: Concern[] = [];
  const window = fields(object.spec["rollbackWindow"])["revisions"];
  if (typeof window !== "number" || window < 1) {
    found.push(warning("it has no rollbackWindow: going back after a promotion runs all its steps and analysis again"));
  }
  const blueGreen = fields(object.spec["strategy"])["blueGreen"];
  if (blueGreen !== undefined) {
    const delay = fields(blueGreen)["scaleDownDelaySeconds"] ?? 30;
    if (typeof delay === "number" && delay < SHORT_DELAY_SECONDS) {
      found.push(
        warning(`its scaleDownDelaySeconds is ${delay}: later than that the old pods are gone and must start again`),
      );
    }
  }
  const condition = list(object.status["conditions"]).find(
    (one) => one["type"] === "InvalidSpec" && one["status"] === "True",
  );
  if (condition) found.push(blocking(`its controller refuses its spec: ${text(condition["message"])}`));
  return found;
}

function nothingWhenRefused(error: unknown): readonly never[] {
  if (error instanceof KubeFailure) return [];
  throw error;
}

function warning(text: string): Concern {
  return { level: "warning", text };
}

function blocking(text: string): Concern {
  return { level: "blocking", text };
}
