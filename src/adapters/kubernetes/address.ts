/** Kinds of workloads that can be brought back. */
export type WorkloadKind = "deployments" | "rollouts";

/** What an address names: a namespace of a declared cluster, or a workload in it. */
export interface KubeAddress {
  readonly cluster: string;
  readonly namespace: string;
  readonly workload?: { readonly kind: WorkloadKind; readonly name: string };
}

/** RFC 1123 subdomain, as Kubernetes names objects. */
const NAME = "[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?";
const CLUSTER = "[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,99})";
const SHAPE = new RegExp(`^(${CLUSTER})/(${NAME})(?:/(deployments|rollouts)/(${NAME}))?$`);

/** Reads `SCHEME://CLUSTER/NAMESPACE[/deployments|rollouts/NAME]`; undefined when it is nothing of that shape. */
export function addressIn(scheme: string, at: string): KubeAddress | undefined {
  const prefix = `${scheme}://`;
  const match = at.startsWith(prefix) ? SHAPE.exec(at.slice(prefix.length)) : null;
  if (match === null) return undefined;
  const [, cluster, namespace, kind, name] = match as unknown as [string, string, string, WorkloadKind?, string?];
  return { cluster, namespace, ...(kind && name ? { workload: { kind, name } } : {}) };
}
