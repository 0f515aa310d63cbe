import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Digest, digestOf } from "../../core/digest.ts";
import { type ApiServer, startApiServer } from "./api-server.fixture.ts";
import { createKubernetesAdapter, type KubernetesAdapter } from "./index.ts";
import { type Fields, fields } from "./kube-object.ts";
import { reconcile } from "./workload-controller.fixture.ts";

const patience = () => AbortSignal.timeout(10_000);
const NAMESPACE = "/namespaces/lending";
const FOLDERS = {
  deployments: `/apis/apps/v1${NAMESPACE}/deployments`,
  rollouts: `/apis/argoproj.io/v1alpha1${NAMESPACE}/rollouts`,
} as const;

describe("what to know before relying on a way back", () => {
  let server: ApiServer;
  let adapter: KubernetesAdapter;
  let serial = 0;
  before(async () => {
    server = await startApiServer();
    const access = () => ({ server: server.url, credential: async () => ({}) });
    adapter = createKubernetesAdapter({ scheme: "k8s", clusters: { prod: { access } } });
  });
  after(async () => {
    await adapter.close();
    await server.stop();
  });

  /** A workload of its own for each test, with these images brought out in turn. */
  async function released(kind: keyof typeof FOLDERS, images: readonly string[], more: Fields = {}) {
    const name = `scorer-${++serial}`;
    const [path, at] = [`${FOLDERS[kind]}/${name}`, `k8s://prod/lending/${kind}/${name}`];
    const digests: Digest[] = [];
    for (const image of images) {
      const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name: "main", image }] } };
      const spec = { replicas: 1, selector: { matchLabels: { app: name } }, ...fields(more["spec"]), template };
      server.objects.put(path, { ...server.objects.get(path), metadata: more["metadata"] ?? {}, spec });
      reconcile(server.objects);
      const read = await adapter.read(at, patience());
      assert.ok(read.kind === "live", JSON.stringify(read));
      digests.push(read.digest);
    }
    const told = async (digest = digests[0]!) =>
      (await adapter.concerns(at, digest, patience())).map(({ level, text }) => `${level}: ${text}`);
    return { name, at, path, digests, told };
  }

  const pinned = (word: string) => `scorer@${digestOf(word)}`;

  test("nothing speaks against a pinned revision that nobody else owns", async () => {
    const { told } = await released("deployments", [pinned("1"), pinned("2")]);
    assert.deepEqual(await told(), []);
  });

  test("history that is used up, switched off, or gone", async () => {
    const spec = { revisionHistoryLimit: 2 };
    const { told, digests } = await released("deployments", ["1", "2", "3"].map(pinned), { spec });
    assert.deepEqual(await told(), [
      "warning: its revisionHistoryLimit of 2 is reached: the next release prunes this revision",
    ]);
    assert.deepEqual(await told(digests[1]), []);
    assert.match(String(await told(digestOf("never"))), /^blocking: no ReplicaSet .* may have pruned it$/);
    const none = await released("deployments", [pinned("1"), pinned("2")], { spec: { revisionHistoryLimit: 0 } });
    assert.match(String(await none.told()), /^blocking: its revisionHistoryLimit is 0/);
  });

  test("a retained template needs no history, and is restored like one", async () => {
    const { name, at, digests, told } = await released("deployments", [pinned("1"), pinned("2")]);
    const folder = `/apis/apps/v1${NAMESPACE}/replicasets`;
    const old = server.objects
      .in(folder)
      .find(({ spec }) => JSON.stringify(spec).includes(pinned("1")) && JSON.stringify(spec).includes(name))!;
    server.objects.remove(`${folder}/${String(old.metadata["name"])}`);
    assert.equal(await adapter.holds(at, digests[0]!, patience()), false);
    const metadata = { labels: { "rollbook.dev/retained-for": name } };
    server.objects.put(`/api/v1${NAMESPACE}/podtemplates/${name}-good`, {
      metadata,
      template: fields(old["spec"])["template"],
    });
    assert.equal(await adapter.holds(at, digests[0]!, patience()), true);
    assert.deepEqual(await told(), []);
    const named = await adapter.resolve(at, `${name}-good`, patience());
    assert.ok(named.kind === "revision" && named.revision.digest === digests[0]);
    const read = await adapter.read(at, patience());
    assert.ok(read.kind === "live");
    const request = { at, desired: digests[0]!, before: read, key: "k", fence: 1 };
    assert.deepEqual(await adapter.apply(request, patience()), { kind: "applied" });
    assert.deepEqual(await adapter.seen(at, digests[0]!, patience()), { kind: "seen" });
  });

  test("configuration that was written since", async () => {
    const { name, at, path, told } = await released("deployments", [pinned("1")]);
    const config = `/api/v1${NAMESPACE}/configmaps/${name}`;
    server.objects.put(config, {
      metadata: { managedFields: [{ time: "2020-01-01T00:00:00Z" }] },
      data: { limit: "1" },
    });
    const template = JSON.parse(JSON.stringify(fields(server.objects.get(path)?.["spec"])["template"])) as {
      spec: Fields;
    };
    const volumes = [{ name: "settings", configMap: { name } }];
    const spec = {
      ...fields(server.objects.get(path)?.["spec"]),
      template: { ...template, spec: { ...template.spec, volumes } },
    };
    server.objects.put(path, { ...server.objects.get(path), spec });
    reconcile(server.objects);
    const first = await adapter.read(at, patience());
    assert.ok(first.kind === "live");
    assert.deepEqual(await told(first.digest), []);
    const managedFields = [{ time: "2020-01-01T00:00:00Z" }, { time: "2999-01-01T00:00:00Z" }];
    server.objects.put(config, { metadata: { managedFields }, data: { limit: "1" } });
    assert.match(
      String(await told(first.digest)),
      /^warning: going back brings the template back and not its configuration/,
    );
    server.objects.put(config, { metadata: { managedFields }, data: { limit: "2" } });
    assert.match(String(await told(first.digest)), new RegExp(`^blocking: .*configmaps/${name} was written at 2999`));
    server.intercept = (_, path) => (path.includes("/configmaps/") ? [403, { message: "forbidden" }] : undefined);
    const read = await adapter.read(at, patience());
    server.intercept = () => undefined;
    assert.ok(read.kind === "unreachable" && read.reason.includes("may not be read, so what runs has no identity"));
  });

  test("an autoscaler, a tag, and a permission that is missing", async () => {
    const { name, told } = await released("deployments", ["scorer:1", "scorer:2"]);
    const scaler = `/apis/autoscaling/v2${NAMESPACE}/horizontalpodautoscalers/${name}`;
    server.objects.put(scaler, { spec: { scaleTargetRef: { kind: "Deployment", name } } });
    assert.deepEqual(await told(), [
      "warning: the container main names scorer:1, a tag that may move",
      `warning: the HorizontalPodAutoscaler ${name} sets its replicas: a rollback does not`,
    ]);
    server.intercept = (_, path) => {
      if (path.endsWith("selfsubjectaccessreviews")) return [201, { status: { allowed: false } }];
      return /horizontalpodautoscalers|podtemplates/.test(path) ? [403, { message: "forbidden" }] : undefined;
    };
    const refused = await told();
    server.intercept = () => undefined;
    assert.equal(refused[0], `blocking: this identity may not patch deployments/${name}: grant patch on deployments`);
    assert.equal(refused.length, 2);
  });

  test("who declares it elsewhere, and whether that would undo a rollback", async () => {
    const APPLICATIONS = "/apis/argoproj.io/v1alpha1/namespaces";
    const KUSTOMIZATION = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/apps";
    const RELEASE = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/flux-system/helmreleases/apps";
    const flux = (group: string) => ({
      labels: { [`${group}.toolkit.fluxcd.io/name`]: "apps", [`${group}.toolkit.fluxcd.io/namespace`]: "flux-system" },
    });
    const automated = (value: unknown) => ({ spec: { syncPolicy: { automated: value } } });
    const tracked = (name: string) => ({
      annotations: { "argocd.argoproj.io/tracking-id": `${name}:apps/Deployment:lending/x` },
    });
    const fieldsV1 = { "f:spec": { "f:template": {} } };
    const manager = (name: string, operation = "Update") => ({
      managedFields: [{ manager: name, operation, fieldsV1 }],
    });
    const cases: readonly (readonly [metadata: Fields, objects: Readonly<Record<string, Fields>>, expected: RegExp])[] =
      [
        [
          tracked("a"),
          { [`${APPLICATIONS}/argocd/applications/a`]: automated({ selfHeal: true }) },
          /^blocking: .*Application a heals itself/,
        ],
        [
          tracked("b"),
          { [`${APPLICATIONS}/argocd/applications/b`]: automated({}) },
          /^warning: .*Application b syncs by itself/,
        ],
        [
          tracked("c"),
          { [`${APPLICATIONS}/argocd/applications/c`]: automated({ enabled: false }) },
          /^warning: .*without auto-sync/,
        ],
        [
          tracked("team_d"),
          { [`${APPLICATIONS}/team/applications/d`]: automated({ selfHeal: true }) },
          /^blocking: .*team_d heals/,
        ],
        [tracked("gone"), {}, /^warning: .*Application gone owns it and is not there, so/],
        [{ labels: { "app.kubernetes.io/instance": "chart" } }, {}, /^$/],
        [{ labels: { "app.kubernetes.io/instance": "b" } }, {}, /^warning: .*Application b syncs by itself/],
        [flux("kustomize"), {}, /^warning: .*Kustomization flux-system\/apps owns it and is not there/],
        [
          flux("kustomize"),
          { [KUSTOMIZATION]: { spec: { interval: "10m" } } },
          /^blocking: .*undo the rollback within 10m/,
        ],
        [flux("kustomize"), { [KUSTOMIZATION]: { spec: { suspend: true } } }, /^warning: .*is suspended/],
        [
          { ...flux("kustomize"), annotations: { "kustomize.toolkit.fluxcd.io/reconcile": "disabled" } },
          {},
          /^warning: .*leave it alone/,
        ],
        [flux("helm"), { [RELEASE]: { spec: {} } }, /^warning: .*next upgrade/],
        [flux("helm"), { [RELEASE]: { spec: { driftDetection: { mode: "enabled" } } } }, /^blocking: .*corrects drift/],
        [flux("helm"), { [RELEASE]: { spec: { suspend: true } } }, /^warning: .*is suspended/],
        [{ annotations: { "meta.helm.sh/release-name": "scoring" } }, {}, /^warning: the Helm release scoring owns it/],
        [manager("keel"), {}, /^warning: keel has written its template before/],
        [manager("our-operator", "Apply"), {}, /^warning: our-operator has written/],
        [manager("kubectl-set"), {}, /^$/],
      ];
    for (const [metadata, objects, expected] of cases) {
      for (const [path, object] of Object.entries(objects)) server.objects.put(path, object);
      const { told } = await released("deployments", [pinned("1"), pinned("2")], { metadata });
      assert.match((await told()).join("\n"), expected, JSON.stringify(metadata));
    }
    server.intercept = (_, path) => (path.includes("/applications/") ? [403, { message: "forbidden" }] : undefined);
    const { told } = await released("deployments", [pinned("1"), pinned("2")], { metadata: tracked("a") });
    const hidden = await told();
    server.intercept = () => undefined;
    assert.match(
      String(hidden),
      /Application a owns it and may not be read, so whether it would undo the rollback is not known/,
    );
  });

  test("a Rollout's own settings", async () => {
    const strategy = { blueGreen: { activeService: "x", scaleDownDelaySeconds: 60 } };
    const { told } = await released("rollouts", [pinned("1"), pinned("2")], { spec: { strategy } });
    assert.deepEqual(await told(), [
      "warning: it has no rollbackWindow: going back after a promotion runs all its steps and analysis again",
      "warning: its scaleDownDelaySeconds is 60: later than that the old pods are gone and must start again",
    ]);
    const spec = { strategy: { canary: {} }, rollbackWindow: { revisions: 3 } };
    assert.deepEqual(await (await released("rollouts", [pinned("1"), pinned("2")], { spec })).told(), []);
  });

  test("a selector with expressions finds its ReplicaSets, and a Rollout without one those that it owns", async () => {
    const matchExpressions = [
      { key: "app", operator: "Exists" },
      { key: "tier", operator: "NotIn", values: ["a", "b"] },
      { key: "zone", operator: "In", values: ["c"] },
      { key: "old", operator: "DoesNotExist" },
    ];
    let asked = "";
    server.intercept = (request, path) => {
      if (path.endsWith("/replicasets"))
        asked = new URL(request.url ?? "", server.url).searchParams.get("labelSelector") ?? "";
      return undefined;
    };
    await (await released("deployments", [pinned("1")], { spec: { selector: { matchExpressions } } })).told();
    server.intercept = () => undefined;
    assert.equal(asked, "app,tier notin (a,b),zone in (c),!old");
  });

  test("a template that a Rollout refers to is read and written where it is", async () => {
    const holder = await released("deployments", [pinned("1")]);
    const path = `${FOLDERS.rollouts}/${holder.name}`;
    const at = `k8s://prod/lending/rollouts/${holder.name}`;
    const workloadRef = { apiVersion: "apps/v1", kind: "Deployment", name: holder.name };
    server.objects.put(path, { spec: { replicas: 1, workloadRef }, status: { observedGeneration: "1" } });
    const read = await adapter.read(at, patience());
    assert.ok(read.kind === "live" && read.digest === holder.digests[0]);
    for (const [reference, words] of [
      [{ ...workloadRef, name: "gone" }, /workloadRef names gone, which is not there/],
      [{ ...workloadRef, kind: "Job" }, /workloadRef names a Job, which has no template/],
    ] as const) {
      server.objects.put(path, { spec: { workloadRef: reference } });
      const broken = await adapter.read(at, patience());
      assert.ok(broken.kind === "unreachable" && words.test(broken.reason), JSON.stringify(broken));
    }
  });
});
