import type { Concern } from "../../core/ports.ts";
import { KubeFailure } from "./kube-client.ts";
import type { KubeSession } from "./kube-cluster.ts";
import { fields, type KubeObject, text } from "./kube-object.ts";
import { pathOfOwner } from "./owner-address.ts";

/**
 * Who declares this object somewhere else and would put the bad template back: Argo CD (tracking annotation or label),
 * Flux (labels of its kustomize and helm controllers), Helm, or another field manager. Changes nothing.
 */
export async function ownersOf(session: KubeSession, object: KubeObject): Promise<readonly Concern[]> {
  const found = await Promise.all([
    argoCd(session, object),
    fluxKustomization(session, object),
    fluxHelmRelease(session, object),
  ]);
  const owners = found.filter((concern) => concern !== undefined);
  if (owners.length === 0) owners.push(...helm(object));
  return [...owners, ...otherManagers(object, owners.length > 0)];
}

/** Argo CD: `argocd.argoproj.io/tracking-id` is `APPLICATION:GROUP/KIND:NAMESPACE/NAME`, or the instance label. */
async function argoCd(session: KubeSession, object: KubeObject): Promise<Concern | undefined> {
  const owner = argoCdOwner(session, object);
  if (owner === undefined) return undefined;
  const { called: name, tracked } = owner;
  const looked = await look(session, pathOfOwner({ ...owner, kind: "applications" }));
  // Helm's charts use the instance label too: without such an Application it says nothing.
  if (looked === "absent" || (looked === "unreadable" && !tracked)) {
    return !tracked ? undefined : unclear(`the Argo CD Application ${name}`, "is not there");
  }
  if (looked === "unreadable") return unclear(`the Argo CD Application ${name}`, "may not be read");
  const automated = fields(looked.spec["syncPolicy"])["automated"];
  if (automated === undefined || automated === null || fields(automated)["enabled"] === false) {
    return warning(
      `the Argo CD Application ${name} owns it, without auto-sync: the next sync brings git's version back`,
    );
  }
  return fields(automated)["selfHeal"] === true
    ? blocking(
        `the Argo CD Application ${name} heals itself: it would undo the rollback within seconds; turn selfHeal off or revert in git`,
      )
    : warning(`the Argo CD Application ${name} syncs by itself: its next commit or refresh brings git's version back`);
}

/** Who Argo CD's marks say owns it; `tracked` when only Argo CD itself writes that mark. */
export function argoCdOwner({ options }: KubeSession, { annotations, labels }: KubeObject) {
  const tracking = annotations["argocd.argoproj.io/tracking-id"]?.split(":")[0];
  const called = tracking ?? labels["argocd.argoproj.io/instance"] ?? labels["app.kubernetes.io/instance"];
  if (called === undefined || called === "") return undefined;
  // An Application outside of Argo CD's own namespace is called NAMESPACE_NAME.
  const [, namespace = options.argoCdNamespace ?? "argocd", name = called] = /^([^_]+)_(.+)$/.exec(called) ?? [];
  return { namespace, name, called, tracked: tracking !== undefined };
}

async function fluxKustomization(session: KubeSession, object: KubeObject): Promise<Concern | undefined> {
  const found = fluxOwner(object, "kustomize.toolkit.fluxcd.io");
  if (found === undefined) return undefined;
  const owner = `the Flux Kustomization ${found.namespace}/${found.name}`;
  if (object.annotations["kustomize.toolkit.fluxcd.io/reconcile"] === "disabled") {
    return warning(`${owner} owns it, and is told to leave it alone`);
  }
  const looked = await look(session, pathOfOwner({ ...found, kind: "kustomizations" }));
  if (typeof looked === "string") return unclear(owner, looked === "absent" ? "is not there" : "may not be read");
  if (looked.spec["suspend"] === true)
    return warning(`${owner} owns it, and is suspended: resuming it brings git's version back`);
  const interval = text(looked.spec["interval"]) || "its interval";
  return blocking(
    `${owner} would undo the rollback within ${interval}; suspend it, and its image automation, or revert in git`,
  );
}

async function fluxHelmRelease(session: KubeSession, object: KubeObject): Promise<Concern | undefined> {
  const found = fluxOwner(object, "helm.toolkit.fluxcd.io");
  if (found === undefined) return undefined;
  const owner = `the Flux HelmRelease ${found.namespace}/${found.name}`;
  const looked = await look(session, pathOfOwner({ ...found, kind: "helmreleases" }));
  if (typeof looked === "string") return unclear(owner, looked === "absent" ? "is not there" : "may not be read");
  if (looked.spec["suspend"] === true)
    return warning(`${owner} owns it, and is suspended: resuming it may bring the chart's version back`);
  return text(fields(looked.spec["driftDetection"])["mode"]) === "enabled"
    ? blocking(`${owner} corrects drift: it would undo the rollback; suspend it or revert in git`)
    : warning(`${owner} owns it: its next upgrade brings the chart's version back`);
}

export function fluxOwner({ labels }: KubeObject, group: string) {
  const [name, namespace] = [labels[`${group}/name`], labels[`${group}/namespace`]];
  return name === undefined || namespace === undefined ? undefined : { name, namespace };
}

function helm({ annotations }: KubeObject): readonly Concern[] {
  const name = annotations["meta.helm.sh/release-name"];
  return name === undefined
    ? []
    : [warning(`the Helm release ${name} owns it: the next helm upgrade brings its version back`)];
}

/** Hands that write templates on purpose and once, and the controllers of the workload itself. */
const QUIET_MANAGERS =
  /^(rollbook$|kubectl|kube-controller-manager$|rollouts-controller|argo-rollouts|unknown$|node$|curl|k9s|helm$)/;

/** Other field managers of the template: a server-side applier applies again. */
function otherManagers({ metadata }: KubeObject, known: boolean): readonly Concern[] {
  const managed = Array.isArray(metadata["managedFields"]) ? metadata["managedFields"].map(fields) : [];
  const names = managed
    .filter((one) => fields(fields(one["fieldsV1"])["f:spec"])["f:template"] !== undefined)
    .filter((one) => one["operation"] === "Apply" || !known)
    .map((one) => text(one["manager"]))
    .filter(
      (name) => !QUIET_MANAGERS.test(name) && !(known && /argocd|kustomize-controller|helm-controller/.test(name)),
    );
  return [...new Set(names)].map((name) => warning(`${name} has written its template before, and may do so again`));
}

export async function look({ reader }: KubeSession, path: string): Promise<KubeObject | "absent" | "unreadable"> {
  try {
    return (await reader.get(path)) ?? "absent";
  } catch (error) {
    if (error instanceof KubeFailure) return "unreadable";
    throw error;
  }
}

function unclear(owner: string, why: string): Concern {
  return warning(`${owner} owns it and ${why}, so whether it would undo the rollback is not known`);
}

function warning(text: string): Concern {
  return { level: "warning", text };
}

function blocking(text: string): Concern {
  return { level: "blocking", text };
}
