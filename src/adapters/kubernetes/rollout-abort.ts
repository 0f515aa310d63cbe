import type { KubeSession } from "./kube-cluster.ts";
import { type KubeObject, kubeObject, text } from "./kube-object.ts";
import type { Workload } from "./workload.ts";
import { type Round, refusalIn } from "./write-answer.ts";

/**
 * Sends a Rollout's traffic back to its stable ReplicaSet: `status.abort`, as the vendor's own `abort` does it, on the
 * status subresource, or on the object where the CRD has none (404). Guarded by the resourceVersion. Answers undefined
 * when there is nothing to abort, or when aborting is not allowed: the template that follows ends the update too.
 */
export async function abortRollout(
  { transport, signal }: KubeSession,
  { kind, object, path }: Workload,
): Promise<Round | { readonly kind: "aborted"; readonly object: KubeObject } | undefined> {
  if (kind !== "rollouts" || !isUpdating(object) || object.status["abort"] === true) return undefined;
  const body = { metadata: { resourceVersion: object.resourceVersion }, status: { abort: true } };
  const send = (to: string) =>
    transport.call({ method: "PATCH", path: `${to}?fieldManager=rollbook`, body, patch: "merge-patch" }, signal);
  const first = await send(`${path}/status`);
  const answer = first.kind === "answer" && first.status === 404 ? await send(path) : first;
  if (answer.kind === "answer" && answer.status === 200) return { kind: "aborted", object: kubeObject(answer.body) };
  const refusal = refusalIn(answer);
  return refusal.kind === "refused" ? undefined : refusal;
}

/** Does anything but the stable ReplicaSet run? */
export function isUpdating({ status }: KubeObject): boolean {
  const stable = text(status["stableRS"]);
  return stable !== "" && stable !== text(status["currentPodHash"]);
}
