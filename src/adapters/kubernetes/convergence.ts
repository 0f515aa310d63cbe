import type { Digest } from "../../core/digest.ts";
import type { Seen } from "../../core/ports.ts";
import type { KubeSession } from "./kube-cluster.ts";
import { count, fields, type KubeObject, text } from "./kube-object.ts";
import { imageDoubt, isReady, podsOf, rememberedOf } from "./running-pods.ts";
import { identityOf, revisionsOf, type TemplateRevision } from "./template-revisions.ts";
import { MARKS, type Workload } from "./workload.ts";

/**
 * Does what serves have this revision? Accepted (the spec), converged (the controller's own counts, and for a Rollout
 * its stable ReplicaSet and weights), observed (every pod carries the revision's hash, is ready and runs its images).
 * Throws `KubeFailure`.
 */
export async function seenIn(session: KubeSession, workload: Workload, digest: Digest): Promise<Seen> {
  if ((await identityOf(workload.template, session.content)) !== digest)
    return pending("its spec names another revision");
  const revisions = await revisionsOf(session.reader, workload, session.content);
  const revision = revisions.find((one) => one.digest === digest && one.hash !== "");
  if (revision === undefined) return pending("its controller has not made a ReplicaSet of it yet");
  const lag = workload.kind === "deployments" ? deploymentLag(workload.object) : rolloutLag(workload, revision.hash);
  if (lag !== undefined) return pending(lag);
  const doubt = podDoubt(workload, revision, await podsOf(session, workload));
  return doubt === undefined ? { kind: "seen" } : pending(doubt);
}

function deploymentLag({ generation, spec, status }: KubeObject): string | undefined {
  if (count(status["observedGeneration"]) < generation) return "its controller has not seen the change yet";
  return replicaLag(spec, status);
}

function rolloutLag({ object, holder }: Workload, hash: string): string | undefined {
  const { generation, spec, status } = object;
  // A string; older controllers wrote a hash there, which is no number and says nothing.
  if (Number(status["observedGeneration"]) < generation) return "its controller has not seen the change yet";
  if (holder !== object && Number(status["workloadObservedGeneration"]) < holder.generation) {
    return "its controller has not seen the change of the workload it refers to yet";
  }
  const stable = text(status["stableRS"]);
  if (stable !== hash) return `its stable ReplicaSet is ${stable || "not known yet"}, not ${hash}`;
  if (text(status["currentPodHash"]) !== hash) return "an update is going on";
  const active = text(fields(status["blueGreen"])["activeSelector"]);
  if (active !== "" && active !== hash) return `its active service selects ${active}, not ${hash}`;
  const weight = count(fields(fields(fields(status["canary"])["weights"])["canary"])["weight"]);
  if (weight !== 0) return `its canary still has ${weight} % of the traffic`;
  if (text(status["phase"]) !== "Healthy") return `its phase is ${text(status["phase"]) || "not known yet"}`;
  return replicaLag(spec, status, isolatesTraffic(object));
}

/** Blue-green and routed canaries keep the old pods up for a while without traffic. */
function isolatesTraffic({ spec }: KubeObject): boolean {
  const strategy = fields(spec["strategy"]);
  return strategy["blueGreen"] !== undefined || fields(strategy["canary"])["trafficRouting"] !== undefined;
}

function replicaLag(spec: KubeObject["spec"], status: KubeObject["status"], mayKeepOld = false): string | undefined {
  const wanted = typeof spec["replicas"] === "number" ? spec["replicas"] : 1;
  if (wanted === 0) return "it is scaled to zero: nothing serves";
  const [all, updated, available] = [status["replicas"], status["updatedReplicas"], status["availableReplicas"]].map(
    count,
  );
  if (updated! >= wanted && available! >= wanted && (all === updated || mayKeepOld)) return undefined;
  return `${updated} of ${wanted} replicas are updated, ${available} available, ${all} in all`;
}

function podDoubt(workload: Workload, revision: TemplateRevision, pods: readonly KubeObject[]): string | undefined {
  const label = MARKS[workload.kind].hash;
  const ours = pods.filter(({ labels }) => labels[label] === revision.hash);
  const others = pods.length - ours.length;
  if (others > 0 && !(workload.kind === "rollouts" && isolatesTraffic(workload.object))) {
    return `${others} pods of another revision still run`;
  }
  if (ours.length === 0) return "no pod of it runs";
  const waiting = ours.filter((pod) => !isReady(pod));
  if (waiting.length > 0) return `${waiting.length} of ${ours.length} pods are not ready`;
  return imageDoubt(revision.template, ours, rememberedOf(workload, revision.hash));
}

function pending(reason: string): Seen {
  return { kind: "pending", reason };
}
