import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { parse } from "yaml";
import { fields, kubeObject, list } from "../../src/adapters/kubernetes/kube-object.ts";
import { digestOf, type Json } from "../../src/core/digest.ts";
import { describeRestoreAdapter } from "../../src/testing/index.ts";
import { digestBehind, type RealCluster, until } from "./kubernetes-cluster.ts";
import {
  cluster,
  connected,
  DEPLOYMENTS,
  deployment,
  digestAt,
  fresh,
  NAMESPACE,
  patience,
  seen,
  setImage,
  stopAll,
  twoRevisions,
} from "./kubernetes-world.ts";

const SKIP = process.env["KUBERNETES_SERVERS"] ? false : "KUBERNETES_SERVERS names no folder with the servers";

after(stopAll);

for (const kind of ["deployments", "rollouts"] as const) {
  if (SKIP) break;
  describeRestoreAdapter({
    name: `the Kubernetes adapter on real ${kind}`,
    setup: async () => {
      const { real, adapter, name, at, first, second } = await twoRevisions(kind);
      return {
        adapter,
        at,
        revisions: [first, second],
        unknown: digestOf("never built"),
        reference: "2.0",
        rival: async (digest) => setImage(real, kind, name, digest === first ? "scorer:1.0" : "scorer:2.0"),
        stop: async () => void real.kubectl("-n", NAMESPACE, "delete", kind, name, "--wait=false"),
      };
    },
  });
}

describe("a real API server", { skip: SKIP, timeout: 240_000 }, () => {
  test("a rival's kubectl set image in the same moment makes the write a conflict, and wins", async () => {
    const { real, adapter, name, at, first, second } = await twoRevisions("deployments");
    const outcomes: string[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const before = await adapter.read(at, patience());
      assert.ok(before.kind === "live");
      setImage(real, "deployments", name, `scorer:rival-${turn}`);
      const request = { at, desired: second, before, key: `turn-${turn}`, fence: 1 };
      outcomes.push((await adapter.apply(request, patience())).kind);
      assert.notEqual(await digestAt(adapter, at), second, "the rival's write was lost");
      const now = await adapter.read(at, patience());
      assert.ok(now.kind === "live");
      await adapter.apply({ at, desired: first, before: now, key: `back-${turn}`, fence: 1 }, patience());
    }
    assert.deepEqual(outcomes, Array(6).fill("conflict"));
  });

  test("of two writers that read the same state exactly one wins, and no status update stops it", async () => {
    const { real, adapter, at, first, second } = await twoRevisions("deployments");
    const other = connected(real);
    for (let turn = 0; turn < 8; turn++) {
      const [desired, left] = turn % 2 === 0 ? [second, first] : [first, second];
      const before = await adapter.read(at, patience());
      assert.ok(before.kind === "live" && before.digest === left);
      const writes = [adapter, other].map((one, index) =>
        one.apply({ at, desired, before, key: `race-${turn}-${index}`, fence: 1 }, patience()),
      );
      const kinds = (await Promise.all(writes)).map(({ kind }) => kind).sort();
      assert.deepEqual(kinds, ["applied", "conflict"]);
    }
  });

  test("the fence, the key and the images that ran are kept at the target", async () => {
    const { real, adapter, name, at, second } = await twoRevisions("deployments");
    const before = await adapter.read(at, patience());
    assert.ok(before.kind === "live");
    await adapter.apply({ at, desired: second, before, key: "saga-1/step-2", fence: 41 }, patience());
    const raw = kubeObject(JSON.parse(real.kubectl("-n", NAMESPACE, "get", "deployment", name, "-o", "json")));
    assert.equal(raw.annotations["rollbook.dev/fence"], "41");
    assert.equal(raw.annotations["rollbook.dev/key"], "saga-1/step-2");
    const ran = Object.values(fields(JSON.parse(raw.annotations["rollbook.dev/ran"] ?? "{}")));
    assert.deepEqual(ran, [{ main: digestBehind("scorer:1.0") }]);
    await seen(adapter, at, second);
  });

  test("resolves what people say: number, ReplicaSet, hash, tag; and refuses what names two", async () => {
    const { real, adapter, name, at, second } = await twoRevisions("deployments");
    const sets = JSON.parse(real.kubectl("-n", NAMESPACE, "get", "rs", "-l", `app=${name}`, "-o", "json")) as unknown;
    const set = list(fields(sets)["items"]).map(kubeObject);
    const old = set.find((one) => one.annotations["deployment.kubernetes.io/revision"] === "1")!;
    for (const reference of ["1", old.name, old.labels["pod-template-hash"]!, "2.0", "scorer:2.0", second]) {
      const found = await adapter.resolve(at, reference, patience());
      assert.ok(found.kind === "revision", `${reference}: ${JSON.stringify(found)}`);
      assert.equal(found.revision.digest, second, reference);
      assert.equal(found.revision.label, `${name} revision 1 (scorer:2.0)`);
    }
    real.kubectl("-n", NAMESPACE, "set", "env", `deployment/${name}`, "THRESHOLD=0.7");
    await seen(adapter, at, await digestAt(adapter, at));
    const several = await adapter.resolve(at, "1.0", patience());
    assert.ok(
      several.kind === "unknown" && several.reason.includes("names several revisions (3, 2)"),
      JSON.stringify(several),
    );
    // A rollback gives the ReplicaSet a new number; people still use the old one.
    const before = await adapter.read(at, patience());
    assert.ok(before.kind === "live");
    await adapter.apply({ at, desired: second, before, key: "k", fence: 1 }, patience());
    await seen(adapter, at, second);
    for (const number of ["1", "4"]) {
      const again = await adapter.resolve(at, number, patience());
      assert.ok(again.kind === "revision" && again.revision.digest === second, number);
    }
  });

  test("pods that never become ready keep it pending, and going back is seen", async () => {
    const { real, adapter, name, at, first } = await twoRevisions("deployments");
    setImage(real, "deployments", name, "scorer:broken");
    const broken = await digestAt(adapter, at);
    await until("the bad pod runs", async () => real.kubectl("-n", NAMESPACE, "get", "pods").includes(`${name}-`));
    const answer = await adapter.seen(at, broken, patience());
    assert.equal(answer.kind, "pending");
    const before = await adapter.read(at, patience());
    assert.ok(before.kind === "live");
    assert.equal((await adapter.apply({ at, desired: first, before, key: "k", fence: 1 }, patience())).kind, "applied");
    await seen(adapter, at, first);
  });

  test("a tag that has moved since is not the revision that ran", async () => {
    const { real, adapter, at, first, second } = await twoRevisions("deployments");
    const before = await adapter.read(at, patience());
    assert.ok(before.kind === "live");
    await adapter.apply({ at, desired: second, before, key: "out", fence: 1 }, patience());
    await seen(adapter, at, second);
    real.moveTag("scorer:1.0");
    const back = await adapter.read(at, patience());
    assert.ok(back.kind === "live");
    await adapter.apply({ at, desired: first, before: back, key: "back", fence: 1 }, patience());
    let reason = "";
    await until("the pods of the moved tag are looked at", async () => {
      const answer = await adapter.seen(at, first, patience());
      reason = "reason" in answer ? answer.reason : "";
      return reason.includes("has moved");
    });
    assert.match(
      reason,
      /the container main runs sha256:\w+; scorer:1\.0 has moved: when this revision was left it ran sha256:/,
    );
  });

  test("configuration counts: a changed ConfigMap is another identity, and the template alone does not bring it back", async () => {
    const real = await cluster();
    const adapter = connected(real);
    const name = fresh("configured");
    const at = `k8s://prod/${NAMESPACE}/deployments/${name}`;
    await real.create(`/api/v1/namespaces/${NAMESPACE}/configmaps`, { metadata: { name }, data: { threshold: "0.7" } });
    await real.create(`/api/v1/namespaces/${NAMESPACE}/secrets`, { metadata: { name }, stringData: { key: "s3cret" } });
    const pod = {
      volumes: [
        { name: "settings", configMap: { name } },
        { name: "key", secret: { secretName: name } },
      ],
    };
    await real.create(DEPLOYMENTS, deployment(name, "scorer:1.0", { pod }));
    const first = await digestAt(adapter, at);
    await seen(adapter, at, first);
    await new Promise((resolve) => setTimeout(resolve, 1100)); // The API server's times are whole seconds.
    const patch = JSON.stringify({ data: { threshold: "0.1" } });
    real.kubectl("-n", NAMESPACE, "patch", "configmap", name, "-p", patch);
    assert.notEqual(await digestAt(adapter, at), first);
    assert.equal(await adapter.holds(at, first, patience()), false);
    const concerns = await adapter.concerns(at, first, patience());
    assert.match(JSON.stringify(concerns), new RegExp(`"blocking".*configmaps/${name} was written at`));
    real.kubectl("-n", NAMESPACE, "patch", "configmap", name, "-p", JSON.stringify({ data: { threshold: "0.7" } }));
    assert.equal(await digestAt(adapter, at), first);
    assert.doesNotMatch(JSON.stringify(await adapter.read(at, patience())), /s3cret/);
  });
});

describe("who would undo it, on a real API server", { skip: SKIP, timeout: 120_000 }, () => {
  test("tells of pauses, autoscalers, tags, pruned history and field managers", async () => {
    const { real, adapter, name, at, first, second } = await twoRevisions("deployments");
    real.kubectl("-n", NAMESPACE, "autoscale", "deployment", name, "--max=5");
    real.kubectl("-n", NAMESPACE, "patch", "deployment", name, "-p", '{"spec":{"revisionHistoryLimit":1}}');
    real.kubectl("-n", NAMESPACE, "rollout", "pause", `deployment/${name}`);
    const told = (await adapter.concerns(at, second, patience()))
      .map(({ level, text }) => `${level}: ${text}`)
      .join("\n");
    assert.match(told, /blocking: it is paused/);
    assert.match(told, new RegExp(`warning: the HorizontalPodAutoscaler ${name} sets its replicas`));
    assert.match(told, /warning: the container main names scorer:2\.0, a tag that may move/);
    assert.match(told, /warning: its revisionHistoryLimit of 1 is reached: the next release prunes this revision/);
    const before = await adapter.read(at, patience());
    assert.ok(before.kind === "live");
    const refused = await adapter.apply({ at, desired: second, before, key: "k", fence: 1 }, patience());
    assert.ok(refused.kind === "refused" && refused.reason.includes("paused"), JSON.stringify(refused));
    real.kubectl("-n", NAMESPACE, "rollout", "resume", `deployment/${name}`);
    setImage(real, "deployments", name, "scorer:3.0");
    await seen(adapter, at, await digestAt(adapter, at));
    await until("the oldest is pruned", async () => !(await adapter.holds(at, second, patience())));
    assert.equal(await adapter.holds(at, first, patience()), true);
    assert.match(
      JSON.stringify(await adapter.concerns(at, second, patience())),
      /revisionHistoryLimit may have pruned it/,
    );
    // What somebody retained is held whatever the limit.
    const template = parse(real.kubectl("-n", NAMESPACE, "get", "deployment", name, "-o", "json")).spec
      .template as Json;
    const kept = JSON.parse(JSON.stringify(template).replaceAll("scorer:3.0", "scorer:2.0")) as Json;
    const labels = { "rollbook.dev/retained-for": name };
    await real.create(`/api/v1/namespaces/${NAMESPACE}/podtemplates`, { metadata: { name, labels }, template: kept });
    assert.equal(await adapter.holds(at, second, patience()), true);
    const live = await adapter.read(at, patience());
    assert.ok(live.kind === "live");
    assert.equal(
      (await adapter.apply({ at, desired: second, before: live, key: "kept", fence: 2 }, patience())).kind,
      "applied",
    );
    await seen(adapter, at, second);
  });

  test("finds Argo CD, Flux and Helm, and says whether they would undo it", async () => {
    const { real, adapter, name, at, second } = await twoRevisions("deployments");
    await crd(real, "argoproj.io", "v1alpha1", "applications", "Application");
    await crd(real, "kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization");
    for (const namespace of ["argocd", "flux-system"])
      await real.create("/api/v1/namespaces", { metadata: { name: namespace } });
    const told = async () =>
      (await adapter.concerns(at, second, patience())).map((one) => `${one.level}: ${one.text}`).join("\n");
    const mark = (...words: string[]) =>
      real.kubectl("-n", NAMESPACE, ...words.slice(0, 1), "deployment", name, ...words.slice(1));
    mark("label", `app.kubernetes.io/instance=${name}`);
    assert.doesNotMatch(await told(), /Argo CD/, "a label of Helm's charts alone says nothing");
    const application = (spec: object) =>
      real.kubectl(
        "-n",
        "argocd",
        "patch",
        "applications.argoproj.io",
        name,
        "--type=merge",
        "-p",
        JSON.stringify({ spec }),
      );
    await real.create("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications", {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Application",
      metadata: { name },
      spec: { syncPolicy: { automated: { selfHeal: true } } },
    });
    mark("annotate", `argocd.argoproj.io/tracking-id=${name}:apps/Deployment:${NAMESPACE}/${name}`);
    assert.match(await told(), new RegExp(`blocking: the Argo CD Application ${name} heals itself`));
    application({ syncPolicy: { automated: { selfHeal: false } } });
    assert.match(await told(), new RegExp(`warning: the Argo CD Application ${name} syncs by itself`));
    application({ syncPolicy: { automated: null } });
    assert.match(await told(), new RegExp(`warning: the Argo CD Application ${name} owns it, without auto-sync`));
    mark("annotate", "argocd.argoproj.io/tracking-id-");
    mark("label", "app.kubernetes.io/instance-");
    mark("label", "kustomize.toolkit.fluxcd.io/name=apps", "kustomize.toolkit.fluxcd.io/namespace=flux-system");
    assert.match(await told(), /warning: the Flux Kustomization flux-system\/apps owns it and is not there/);
    await real.create("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations", {
      apiVersion: "kustomize.toolkit.fluxcd.io/v1",
      kind: "Kustomization",
      metadata: { name: "apps" },
      spec: { interval: "5m" },
    });
    assert.match(await told(), /blocking: the Flux Kustomization flux-system\/apps would undo the rollback within 5m/);
    real.kubectl(
      "-n",
      "flux-system",
      "patch",
      "kustomization",
      "apps",
      "--type=merge",
      "-p",
      '{"spec":{"suspend":true}}',
    );
    assert.match(await told(), /warning: the Flux Kustomization flux-system\/apps owns it, and is suspended/);
    mark("label", "kustomize.toolkit.fluxcd.io/name-");
    mark("annotate", "meta.helm.sh/release-name=scoring");
    assert.match(await told(), /warning: the Helm release scoring owns it/);
  });
});

/** A CRD that takes anything: the vendors' controllers do not run here, only their objects matter. */
async function crd(real: RealCluster, group: string, version: string, plural: string, kind: string): Promise<void> {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  await real.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural, kind, singular: kind.toLowerCase() },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  });
  real.kubectl("wait", "--for=condition=Established", `crd/${plural}.${group}`, "--timeout=30s");
}
