import type { Json } from "../../core/digest.ts";
import { type Fields, fields, list, text } from "./kube-object.ts";
import { canonicalQuantity } from "./quantity.ts";

/** Labels that controllers add to a template so that its ReplicaSets differ. */
const HASH_LABELS = ["pod-template-hash", "rollouts-pod-template-hash"];
/** Annotations of ours begin so. */
export const OURS = "rollbook.dev/";

/**
 * Values that the API server fills in (k8s.io/api core/v1 defaults), as `parent.field` or `field`. A Rollout's template
 * is stored without them and its ReplicaSet's with them, and both must have one identity.
 */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  "spec.restartPolicy": "Always",
  "spec.dnsPolicy": "ClusterFirst",
  "spec.schedulerName": "default-scheduler",
  "spec.terminationGracePeriodSeconds": 30,
  "spec.enableServiceLinks": true,
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  "ports.protocol": "TCP",
  "httpGet.scheme": "HTTP",
  "httpGet.path": "/",
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
  defaultMode: 420,
  "fieldRef.apiVersion": "v1",
  "serviceAccountToken.expirationSeconds": 3600,
  "spec.volumeMode": "Filesystem",
};
/** Zero values that Go's encoder leaves out. Other empty values mean something: an empty selector selects all. */
const LEFT_OUT_WHEN_FALSE = ["hostNetwork", "hostPID", "hostIPC", "readOnly", "stdin", "stdinOnce", "tty"];
const LEFT_OUT_WHEN_EMPTY = ["labels", "annotations", "nodeSelector", "matchLabels", "limits", "requests"].concat([
  "resources",
  "securityContext",
  "metadata",
  "emptyDir",
]);
/** Maps whose keys people choose. */
const OPEN_MAPS = ["labels", "annotations", "nodeSelector", "matchLabels"];

/** The part of a pod template that makes behaviour, written the same way whoever wrote it down. */
export function normalisedTemplate(template: unknown): Json {
  const { metadata, spec } = fields(template);
  const { labels, annotations } = fields(metadata);
  const kept = {
    metadata: { labels: withoutHashes(labels), annotations: withoutOurs(annotations) },
    spec: withOneServiceAccount(fields(spec)),
  };
  return normalised(kept, "") ?? {};
}

/** The template as it may be written back: without the labels that its controller will add again. */
export function writableTemplate(template: unknown): Json {
  const { creationTimestamp: _, ...metadata } = fields(fields(template)["metadata"]);
  const labels = withoutHashes(metadata["labels"]);
  return { ...fields(template), metadata: { ...metadata, labels } } as unknown as Json;
}

export interface ConfigReference {
  readonly kind: "configmaps" | "secrets";
  readonly name: string;
}

/** The ConfigMaps and Secrets that the pods read, each once, in order. Pull secrets change no behaviour. */
export function configReferences(template: unknown): readonly ConfigReference[] {
  const spec = fields(fields(template)["spec"]);
  const found = new Map<string, ConfigReference>();
  const add = (kind: ConfigReference["kind"], name: unknown) => {
    if (text(name) !== "") found.set(`${kind}/${text(name)}`, { kind, name: text(name) });
  };
  for (const volume of list(spec["volumes"])) {
    add("configmaps", fields(volume["configMap"])["name"]);
    add("secrets", fields(volume["secret"])["secretName"]);
    for (const source of list(fields(volume["projected"])["sources"])) {
      add("configmaps", fields(source["configMap"])["name"]);
      add("secrets", fields(source["secret"])["name"]);
    }
  }
  for (const container of containersOf(template)) {
    for (const source of list(container["envFrom"])) {
      add("configmaps", fields(source["configMapRef"])["name"]);
      add("secrets", fields(source["secretRef"])["name"]);
    }
    for (const variable of list(container["env"])) {
      const from = fields(variable["valueFrom"]);
      add("configmaps", fields(from["configMapKeyRef"])["name"]);
      add("secrets", fields(from["secretKeyRef"])["name"]);
    }
  }
  return [...found.values()].sort((a, b) => (`${a.kind}/${a.name}` < `${b.kind}/${b.name}` ? -1 : 1));
}

/** The image of each container, by the container's name. */
export function imagesOf(template: unknown): ReadonlyMap<string, string> {
  return new Map(containersOf(template).map(({ name, image }) => [text(name), text(image)]));
}

function containersOf(template: unknown): readonly Fields[] {
  const spec = fields(fields(template)["spec"]);
  return [...list(spec["initContainers"]), ...list(spec["containers"])];
}

function withoutHashes(labels: unknown): Fields {
  return Object.fromEntries(Object.entries(fields(labels)).filter(([name]) => !HASH_LABELS.includes(name)));
}

function withoutOurs(annotations: unknown): Fields {
  return Object.fromEntries(Object.entries(fields(annotations)).filter(([name]) => !name.startsWith(OURS)));
}

/** `serviceAccount` is an old name that the server keeps equal to `serviceAccountName`. */
function withOneServiceAccount({ serviceAccount, ...spec }: Fields): Fields {
  return { ...spec, serviceAccountName: spec["serviceAccountName"] ?? serviceAccount };
}

function normalised(value: unknown, name: string): Json | undefined {
  if (Array.isArray(value)) {
    const items = value.map((item) => normalised(withoutItemDefaults(item, name), name) ?? null);
    return items.length === 0 ? undefined : items;
  }
  if (typeof value !== "object" || value === null) return value === null ? undefined : (value as Json | undefined);
  if (name === "limits" || name === "requests") return quantities(fields(value));
  const open = OPEN_MAPS.includes(name);
  const entries = Object.entries(value)
    .filter(([field, item]) => open || !isDefault(name, field, item))
    .map(([field, item]) => [field, open ? String(item) : normalised(item, field)] as const)
    .filter(([, item]) => item !== undefined);
  if (entries.length === 0 && LEFT_OUT_WHEN_EMPTY.includes(name)) return undefined;
  return Object.fromEntries(entries);
}

function isDefault(parent: string, field: string, value: unknown): boolean {
  if (value === "") return field !== "storageClassName";
  if (value === false) return LEFT_OUT_WHEN_FALSE.includes(field);
  if (field === "initialDelaySeconds" && value === 0) return true;
  return value === (DEFAULTS[`${parent}.${field}`] ?? DEFAULTS[field] ?? Number.NaN);
}

/** Defaults that depend on the item's other fields: the pull policy on the tag, requests on limits. */
function withoutItemDefaults(item: unknown, name: string): unknown {
  if (name !== "containers" && name !== "initContainers") return item;
  const { imagePullPolicy, resources, ...container } = fields(item);
  const image = text(container["image"]);
  const latest = !image.includes("@") && (/:latest$/.test(image) || !/:[^/]+$/.test(image));
  const usual = imagePullPolicy === (latest ? "Always" : "IfNotPresent");
  const { limits, requests, ...others } = fields(resources);
  return {
    ...container,
    ...(usual ? {} : { imagePullPolicy }),
    resources: { ...others, limits, requests: { ...fields(limits), ...fields(requests) } },
  };
}

function quantities(amounts: Fields): Json | undefined {
  const entries = Object.entries(amounts).map(([name, amount]) => [name, canonicalQuantity(String(amount))]);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
