/** Kinds of objects that keep others as they are written down elsewhere, and can be told to stop. */
export type OwnerKind = "applications" | "kustomizations" | "helmreleases";

export interface Owner {
  readonly kind: OwnerKind;
  readonly namespace: string;
  readonly name: string;
}

const GROUPS: Readonly<Record<OwnerKind, string>> = {
  applications: "argoproj.io/v1alpha1",
  kustomizations: "kustomize.toolkit.fluxcd.io/v1",
  helmreleases: "helm.toolkit.fluxcd.io/v2",
};

/** What people call each kind. */
export const OWNER_WORDS: Readonly<Record<OwnerKind, string>> = {
  applications: "the Argo CD Application",
  kustomizations: "the Flux Kustomization",
  helmreleases: "the Flux HelmRelease",
};

export function pathOfOwner({ kind, namespace, name }: Owner): string {
  return `/apis/${GROUPS[kind]}/namespaces/${namespace}/${kind}/${encodeURIComponent(name)}`;
}

/** `SCHEME://CLUSTER/NAMESPACE/KIND/NAME`; the inverse of `ownerIn`. */
export function addressOfOwner(scheme: string, cluster: string, { kind, namespace, name }: Owner): string {
  return `${scheme}://${cluster}/${namespace}/${kind}/${name}`;
}

/** The owner that an address names; undefined when it names none. */
export function ownerIn(at: string): Owner | undefined {
  const shape = /^[^:]+:\/\/[^/]+\/([^/]+)\/(applications|kustomizations|helmreleases)\/([^/]+)$/;
  const [, namespace, kind, name] = shape.exec(at) ?? [];
  return namespace && kind && name ? { namespace, kind: kind as OwnerKind, name } : undefined;
}
