import { digestOf, digestOfJson, type Json } from "../../core/digest.ts";
import type { ApiObjects, Stored } from "./api-objects.fixture.ts";
import { type Fields, fields, list, text } from "./kube-object.ts";

const NAMESPACE = "/namespaces/lending";
const SETS = `/apis/apps/v1${NAMESPACE}/replicasets`;
const PODS = `/api/v1${NAMESPACE}/pods`;

interface Kind {
  readonly folder: string;
  readonly hashLabel: string;
  readonly revision: string;
}
const KINDS: readonly Kind[] = [
  {
    folder: `/apis/apps/v1${NAMESPACE}/deployments`,
    hashLabel: "pod-template-hash",
    revision: "deployment.kubernetes.io/revision",
  },
  {
    folder: `/apis/argoproj.io/v1alpha1${NAMESPACE}/rollouts`,
    hashLabel: "rollouts-pod-template-hash",
    revision: "rollout.argoproj.io/revision",
  },
];

/** Brings ReplicaSets, pods and status to what each Deployment and Rollout wishes for, as their controllers would. */
export function reconcile(objects: ApiObjects): void {
  for (const kind of KINDS) {
    for (const workload of objects.in(kind.folder)) {
      const status = fields(workload["status"]);
      const seen = Number(status["observedGeneration"] ?? 0);
      if (seen !== workload.metadata["generation"] && fields(workload["spec"])["paused"] !== true) {
        rollOut(objects, workload, kind);
      }
    }
  }
}

function rollOut(objects: ApiObjects, workload: Stored, kind: Kind): void {
  const { name, uid, generation, annotations } = workload.metadata;
  const spec = fields(workload["spec"]);
  const replicas = Number(spec["replicas"] ?? 1);
  const hash = digestOfJson((spec["template"] ?? null) as Json).slice(7, 16);
  const owned = objects.in(SETS).filter(({ metadata }) => list(metadata["ownerReferences"])[0]?.["uid"] === uid);
  const newest = Math.max(0, ...owned.map((set) => revisionOf(set, kind)));
  const setPath = `${SETS}/${text(name)}-${hash}`;
  const known = objects.get(setPath);
  const number = known !== undefined && revisionOf(known, kind) === newest ? newest : newest + 1;
  const labels = { ...fields(fields(fields(spec["template"])["metadata"])["labels"]), [kind.hashLabel]: hash } as const;
  for (const set of owned) {
    const path = `${SETS}/${text(set.metadata["name"])}`;
    if (path !== setPath) objects.put(path, { ...set, spec: { ...fields(set["spec"]), replicas: 0 } });
  }
  const earlier =
    known === undefined || number === revisionOf(known, kind)
      ? {}
      : { [`${kind.revision}-history`]: String(revisionOf(known, kind)) };
  objects.put(setPath, {
    metadata: {
      ...known?.metadata,
      labels,
      annotations: { ...fields(known?.metadata["annotations"]), ...earlier, [kind.revision]: String(number) },
      ownerReferences: [{ uid, controller: true }],
    },
    spec: { replicas, template: defaulted(fields(spec["template"]), labels) },
  });
  for (const { metadata } of podsWith(objects, labels)) objects.remove(`${PODS}/${text(metadata["name"])}`);
  for (let index = 0; index < replicas; index++) {
    objects.put(`${PODS}/${text(name)}-${hash}-${index}`, pod(labels, fields(spec["template"])));
  }
  const counts = { replicas, updatedReplicas: replicas, availableReplicas: replicas };
  const rollout = kind.hashLabel.startsWith("rollouts")
    ? { observedGeneration: String(generation), stableRS: hash, currentPodHash: hash, phase: "Healthy", abort: false }
    : { observedGeneration: generation };
  objects.put(`${kind.folder}/${text(name)}`, {
    ...workload,
    metadata: { ...workload.metadata, annotations: { ...fields(annotations), [kind.revision]: String(number) } },
    status: { ...counts, ...rollout },
  });
}

function revisionOf(set: Stored, { revision }: Kind): number {
  return Number(fields(set.metadata["annotations"])[revision] ?? 0);
}

function podsWith(objects: ApiObjects, labels: Fields): readonly Stored[] {
  return objects.in(PODS).filter(({ metadata }) => fields(metadata["labels"])["app"] === labels["app"]);
}

/** The API server writes its defaults into a ReplicaSet's template, and not into a Rollout's. */
function defaulted(template: Fields, labels: Fields): Fields {
  const spec = fields(template["spec"]);
  const containers = list(spec["containers"]).map((one) => ({
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    imagePullPolicy: "IfNotPresent",
    resources: {},
    ...one,
  }));
  const metadata = { creationTimestamp: null, ...fields(template["metadata"]), labels };
  const usual = {
    restartPolicy: "Always",
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
    securityContext: {},
  };
  return { metadata, spec: { ...usual, terminationGracePeriodSeconds: 30, ...spec, containers } };
}

function pod(labels: Fields, template: Fields): Fields {
  const containerStatuses = list(fields(template["spec"])["containers"]).map(({ name, image }) => ({
    name,
    image,
    imageID: `registry.example/scorer@${text(image).split("@")[1] ?? digestOf(text(image))}`,
  }));
  return {
    metadata: { labels },
    status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }], containerStatuses },
  };
}
