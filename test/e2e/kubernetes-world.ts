import assert from "node:assert/strict";
import type { KubernetesAdapter } from "../../src/adapters/kubernetes/index.ts";
import { kubernetes } from "../../src/app/connections/kubernetes.ts";
import { systemClock } from "../../src/app/system-clock.ts";
import type { Digest, Json } from "../../src/core/digest.ts";
import type { RestoreAdapter } from "../../src/core/ports.ts";
import { type RealCluster, startCluster, until } from "./kubernetes-cluster.ts";

export const SERVERS = process.env["KUBERNETES_SERVERS"] ?? "";
export const NAMESPACE = "lending";
export const patience = () => AbortSignal.timeout(30_000);

let started: Promise<RealCluster> | undefined;
const opened: KubernetesAdapter[] = [];
/** Ends what was started; for each test file's last hook. */
export async function stopAll(): Promise<void> {
  for (const adapter of opened) await adapter.close();
  await (await started?.catch(() => undefined))?.stop();
}

export async function cluster(): Promise<RealCluster> {
  started ??= startCluster(SERVERS).then(async (fresh) => {
    await fresh.create("/api/v1/namespaces", { metadata: { name: NAMESPACE } });
    return fresh;
  });
  return started;
}

/** As the connections file would make it. */
export function connected(real: RealCluster, settings: object = { kubeconfig: real.kubeconfig }): KubernetesAdapter {
  const parsed = kubernetes.settings.parse({ clusters: { prod: settings } });
  const world = { folder: real.folder, data: real.folder, clock: systemClock, secret: () => "no such token" };
  const adapter = kubernetes.connect("k8s", parsed, world).restore as KubernetesAdapter;
  opened.push(adapter);
  return adapter;
}

export const DEPLOYMENTS = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
export const ROLLOUTS = `/apis/argoproj.io/v1alpha1/namespaces/${NAMESPACE}/rollouts`;
let serial = 0;
export const fresh = (word: string) => `${word}-${++serial}`;

export function deployment(
  name: string,
  image: string,
  more: { spec?: object; pod?: object; metadata?: object } = {},
): Json {
  const labels = { app: name };
  const pod = { containers: [{ name: "main", image, resources: { limits: { cpu: "1000m" } } }], ...more.pod };
  const template = { metadata: { labels }, spec: pod };
  return {
    metadata: { name, ...more.metadata },
    spec: { replicas: 2, selector: { matchLabels: labels }, template, ...more.spec },
  } as unknown as Json;
}

export function rollout(name: string, image: string, strategy: object = { canary: {} }, more: object = {}): Json {
  const { metadata, spec } = deployment(name, image) as unknown as { metadata: object; spec: object };
  const kind = { apiVersion: "argoproj.io/v1alpha1", kind: "Rollout" };
  return { ...kind, metadata, spec: { ...spec, strategy, ...more } } as unknown as Json;
}

export async function digestAt(adapter: RestoreAdapter, at: string): Promise<Digest> {
  const read = await adapter.read(at, patience());
  assert.ok(read.kind === "live", JSON.stringify(read));
  return read.digest;
}

export async function seen(adapter: KubernetesAdapter, at: string, digest: Digest, limitMs = 30_000): Promise<void> {
  let last = "";
  const holds = async () => {
    const answer = await adapter.seen(at, digest, patience());
    last = "reason" in answer ? answer.reason : "";
    return answer.kind === "seen";
  };
  await until("it is seen", holds, limitMs).catch((error: Error) => assert.fail(`${error.message}: ${last}`));
}

/** Somebody else, with the vendor's own tool. A Rollout is patched as `kubectl argo rollouts set image` does it. */
export function setImage(real: RealCluster, kind: "deployments" | "rollouts", name: string, image: string): void {
  if (kind === "deployments") {
    real.kubectl("-n", NAMESPACE, "set", "image", `deployment/${name}`, `main=${image}`);
    return;
  }
  const patch = [{ op: "replace", path: "/spec/template/spec/containers/0/image", value: image }];
  real.kubectl("-n", NAMESPACE, "patch", "rollout", name, "--type=json", "-p", JSON.stringify(patch));
}

/** `scorer:2.0` ran and is retained, `scorer:1.0` serves. */
export async function twoRevisions(
  kind: "deployments" | "rollouts",
  body = kind === "rollouts" ? rollout : deployment,
) {
  const real = await cluster();
  const adapter = connected(real);
  const name = fresh("scorer");
  const at = `k8s://prod/${NAMESPACE}/${kind}/${name}`;
  await real.create(kind === "rollouts" ? ROLLOUTS : DEPLOYMENTS, body(name, "scorer:2.0"));
  const second = await digestAt(adapter, at);
  await seen(adapter, at, second);
  setImage(real, kind, name, "scorer:1.0");
  const first = await digestAt(adapter, at);
  await seen(adapter, at, first);
  return { real, adapter, name, at, first, second };
}
