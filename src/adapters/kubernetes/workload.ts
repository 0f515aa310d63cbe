import type { KubeAddress, WorkloadKind } from "./address.ts";
import { KubeFailure, type KubeReader } from "./kube-client.ts";
import { fields, type KubeObject, text } from "./kube-object.ts";

/** A Deployment or a Rollout, and the object that holds its pod template (its own, or `spec.workloadRef`'s). */
export interface Workload {
  readonly kind: WorkloadKind;
  readonly object: KubeObject;
  readonly path: string;
  readonly holder: KubeObject;
  readonly holderPath: string;
  /** JSON Pointer of the template in the holder. */
  readonly templateAt: "/spec/template" | "/template";
  readonly template: unknown;
  /** Grows with every change of what the holder wishes for; states and other people's status do not move it. */
  readonly version: string;
}

const GROUPS: Readonly<Record<WorkloadKind, string>> = {
  deployments: "apps/v1",
  rollouts: "argoproj.io/v1alpha1",
};

/** What `spec.workloadRef` of a Rollout may name (Argo Rollouts, "Migrating to Rollouts"). */
const REFERABLE: Readonly<Record<string, string>> = {
  Deployment: "/apis/apps/v1/namespaces/NAMESPACE/deployments",
  ReplicaSet: "/apis/apps/v1/namespaces/NAMESPACE/replicasets",
  PodTemplate: "/api/v1/namespaces/NAMESPACE/podtemplates",
};

/** Labels and annotations by which each controller marks its ReplicaSets. */
export const MARKS: Readonly<Record<WorkloadKind, { readonly hash: string; readonly revision: string }>> = {
  deployments: { hash: "pod-template-hash", revision: "deployment.kubernetes.io/revision" },
  rollouts: { hash: "rollouts-pod-template-hash", revision: "rollout.argoproj.io/revision" },
};

/** The workload at an address; undefined when there is none. Throws `KubeFailure`. */
export async function readWorkload(reader: KubeReader, at: KubeAddress): Promise<Workload | undefined> {
  if (at.workload === undefined) {
    throw new KubeFailure("the address names a namespace; add /deployments/NAME or /rollouts/NAME");
  }
  const { kind, name } = at.workload;
  const path = `/apis/${GROUPS[kind]}/namespaces/${at.namespace}/${kind}/${name}`;
  const object = await reader.get(path);
  if (object === undefined) return undefined;
  const reference = fields(object.spec["workloadRef"]);
  if (kind === "deployments" || text(reference["name"]) === "") return heldBy(kind, object, path, object, path);
  const folder = REFERABLE[text(reference["kind"])]?.replace("NAMESPACE", at.namespace);
  if (folder === undefined)
    throw new KubeFailure(`workloadRef names a ${text(reference["kind"])}, which has no template`);
  const holderPath = `${folder}/${encodeURIComponent(text(reference["name"]))}`;
  const holder = await reader.get(holderPath);
  if (holder === undefined) throw new KubeFailure(`workloadRef names ${text(reference["name"])}, which is not there`);
  return heldBy(kind, object, path, holder, holderPath);
}

function heldBy(
  kind: WorkloadKind,
  object: KubeObject,
  path: string,
  holder: KubeObject,
  holderPath: string,
): Workload {
  const inSpec = holder.spec["template"] !== undefined;
  return {
    kind,
    object,
    path,
    holder,
    holderPath,
    templateAt: inSpec ? "/spec/template" : "/template",
    template: inSpec ? holder.spec["template"] : holder.raw["template"],
    // A PodTemplate has no generation; every write moves its resourceVersion.
    version: `${holder.uid}.${holder.generation || holder.resourceVersion}`,
  };
}

/** The workload's selector as a query; its ReplicaSets and pods carry it. Empty when it has none of its own. */
export function selectorOf({ object, holder }: Workload): string {
  const selector = fields(object.spec["selector"] ?? holder.spec["selector"]);
  const labels = Object.entries(fields(selector["matchLabels"])).map(([name, value]) => `${name}=${String(value)}`);
  const expressions = Array.isArray(selector["matchExpressions"]) ? selector["matchExpressions"].map(fields) : [];
  return [...labels, ...expressions.map(expressionText)].join(",");
}

function expressionText({ key, operator, values }: ReturnType<typeof fields>): string {
  const among = Array.isArray(values) ? `(${values.join(",")})` : "()";
  switch (operator) {
    case "In":
      return `${text(key)} in ${among}`;
    case "NotIn":
      return `${text(key)} notin ${among}`;
    case "DoesNotExist":
      return `!${text(key)}`;
    default:
      return text(key);
  }
}
