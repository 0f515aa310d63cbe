import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createKubernetesAdapter } from "../../src/adapters/kubernetes/index.ts";
import { fields, kubeObject, text } from "../../src/adapters/kubernetes/kube-object.ts";
import { ADMIN, type RealCluster, startCluster, until } from "./kubernetes-cluster.ts";
import {
  cluster,
  connected,
  DEPLOYMENTS,
  deployment,
  digestAt,
  fresh,
  NAMESPACE,
  patience,
  ROLLOUTS,
  rollout,
  SERVERS,
  seen,
  setImage,
  stopAll,
  twoRevisions,
} from "./kubernetes-world.ts";

const SKIP = process.env["KUBERNETES_SERVERS"] ? false : "KUBERNETES_SERVERS names no folder with the servers";

after(stopAll);

const get = (real: RealCluster, kind: string, name: string) =>
  kubeObject(JSON.parse(real.kubectl("-n", NAMESPACE, "get", kind, name, "-o", "json")));

describe("Argo Rollouts with its own controller", { skip: SKIP, timeout: 240_000 }, () => {
  test("a canary with 20 % of the traffic is aborted, its weight is 0 again, and the template stays back", async (t) => {
    const real = await cluster();
    const adapter = connected(real);
    const name = fresh("canary");
    const at = `k8s://prod/${NAMESPACE}/rollouts/${name}`;
    for (const service of ["stable", "canary"]) {
      const spec = { selector: { app: name }, ports: [{ port: 80 }] };
      await real.create(`/api/v1/namespaces/${NAMESPACE}/services`, { metadata: { name: `${name}-${service}` }, spec });
    }
    const backend = { service: { name: `${name}-stable`, port: { number: 80 } } };
    await real.create(`/apis/networking.k8s.io/v1/namespaces/${NAMESPACE}/ingresses`, {
      metadata: { name },
      spec: { rules: [{ host: "scorer.example", http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }] },
    });
    const strategy = {
      canary: {
        stableService: `${name}-stable`,
        canaryService: `${name}-canary`,
        trafficRouting: { nginx: { stableIngress: name } },
        steps: [{ setWeight: 20 }, { pause: {} }],
      },
    };
    await real.create(ROLLOUTS, rollout(name, "scorer:1.0", strategy));
    const first = await digestAt(adapter, at);
    await seen(adapter, at, first);
    setImage(real, "rollouts", name, "scorer:2.0");
    const second = await digestAt(adapter, at);
    const weight = () => {
      const { status } = get(real, "rollout", name);
      return fields(fields(fields(status["canary"])["weights"])["canary"])["weight"];
    };
    await until("the canary has its share", async () => weight() === 20);
    const canary = get(real, "ingress", `${name}-${name}-canary`);
    assert.equal(canary.annotations["nginx.ingress.kubernetes.io/canary-weight"], "20");
    const pending = await adapter.seen(at, second, patience());
    assert.ok(pending.kind === "pending" && pending.reason.includes("stable ReplicaSet"), JSON.stringify(pending));

    const before = await adapter.read(at, patience());
    assert.ok(before.kind === "live");
    const began = performance.now();
    const answer = await adapter.apply({ at, desired: first, before, key: "abort", fence: 3 }, patience());
    const written = performance.now() - began;
    assert.equal(answer.kind, "applied", JSON.stringify(answer));
    await seen(adapter, at, first);
    t.diagnostic(
      `written in ${written.toFixed(0)} ms, seen ${(performance.now() - began).toFixed(0)} ms after it began`,
    );
    assert.ok([0, undefined].includes(weight() as number | undefined));
    const { status, spec } = get(real, "rollout", name);
    assert.equal(status["phase"], "Healthy");
    assert.match(JSON.stringify(spec["template"]), /scorer:1\.0/);
    const after = get(real, "ingress", `${name}-${name}-canary`);
    assert.equal(after.annotations["nginx.ingress.kubernetes.io/canary-weight"], "0");
  });

  test("blue-green: the active service selects the restored ReplicaSet while the old pods still stand", async () => {
    const real = await cluster();
    const adapter = connected(real);
    const name = fresh("bluegreen");
    const at = `k8s://prod/${NAMESPACE}/rollouts/${name}`;
    const spec = { selector: { app: name }, ports: [{ port: 80 }] };
    await real.create(`/api/v1/namespaces/${NAMESPACE}/services`, { metadata: { name }, spec });
    await real.create(ROLLOUTS, rollout(name, "scorer:1.0", { blueGreen: { activeService: name } }));
    const first = await digestAt(adapter, at);
    await seen(adapter, at, first);
    setImage(real, "rollouts", name, "scorer:2.0");
    const second = await digestAt(adapter, at);
    await seen(adapter, at, second);
    const told = JSON.stringify(await adapter.concerns(at, first, patience()));
    assert.match(told, /no rollbackWindow/);
    assert.match(told, /scaleDownDelaySeconds is 30/);
    const before = await adapter.read(at, patience());
    assert.ok(before.kind === "live");
    assert.equal((await adapter.apply({ at, desired: first, before, key: "k", fence: 1 }, patience())).kind, "applied");
    await seen(adapter, at, first);
    const selector = fields(get(real, "service", name).spec["selector"]);
    assert.equal(selector["rollouts-pod-template-hash"], text(get(real, "rollout", name).status["stableRS"]));
  });

  test("with workloadRef the Deployment that holds the template is patched", async () => {
    const real = await cluster();
    const adapter = connected(real);
    const name = fresh("referred");
    const at = `k8s://prod/${NAMESPACE}/rollouts/${name}`;
    await real.create(DEPLOYMENTS, deployment(name, "scorer:1.0", { spec: { replicas: 0 } }));
    const workloadRef = { apiVersion: "apps/v1", kind: "Deployment", name };
    const { template: _, ...spec } = fields(fields(rollout(name, "unused"))["spec"]);
    const body = {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Rollout",
      metadata: { name },
      spec: { ...spec, workloadRef },
    };
    await real.create(ROLLOUTS, body as never);
    const first = await digestAt(adapter, at);
    await seen(adapter, at, first);
    setImage(real, "deployments", name, "scorer:2.0");
    const second = await digestAt(adapter, at);
    assert.notEqual(second, first);
    await seen(adapter, at, second);
    const before = await adapter.read(at, patience());
    assert.ok(before.kind === "live");
    assert.equal((await adapter.apply({ at, desired: first, before, key: "k", fence: 9 }, patience())).kind, "applied");
    await seen(adapter, at, first);
    assert.equal(get(real, "deployment", name).annotations["rollbook.dev/fence"], "9");
  });
});

describe("a watch on a real API server", { skip: SKIP, timeout: 120_000 }, () => {
  test("tells of somebody else's release, and of no status", async (t) => {
    const { real, adapter, name, at, first, second } = await twoRevisions("deployments");
    const end = new AbortController();
    const told: string[] = [];
    let began = 0;
    for await (const observed of adapter.watch(at, end.signal)) {
      told.push(observed.kind === "live" ? observed.digest : observed.reason);
      if (told.length === 2) {
        t.diagnostic(`told ${(performance.now() - began).toFixed(0)} ms after kubectl had returned`);
        end.abort();
      } else {
        real.kubectl("-n", NAMESPACE, "scale", `deployment/${name}`, "--replicas=3");
        setImage(real, "deployments", name, "scorer:2.0");
        began = performance.now();
      }
    }
    assert.deepEqual(told, [first, second]);
  });
});

describe("who we are, and who answers", { skip: SKIP, timeout: 120_000 }, () => {
  test("a client certificate, a token and a credential plugin all work; a wrong authority does not", async () => {
    const { real, at, first } = await twoRevisions("deployments");
    for (const context of ["admin", "operator", "plugin"]) {
      const adapter = connected(real, { kubeconfig: real.kubeconfig, context });
      for (let turn = 0; turn < 3; turn++) assert.equal(await digestAt(adapter, at), first, context);
    }
    assert.equal(readFileSync(join(real.folder, "plugin.log"), "utf8").trim().split("\n").length, 1);
    const direct = {
      server: real.url,
      token: { env: "X" },
      "certificate-authority": join(real.folder, "operator.crt"),
    };
    const distrusted = await connected(real, direct).read(at, patience());
    assert.ok(distrusted.kind === "unreachable" && /certificate/i.test(distrusted.reason), JSON.stringify(distrusted));
    const wrong = await connected(real, { ...direct, "certificate-authority": real.authorities }).read(at, patience());
    assert.ok(wrong.kind === "unreachable" && wrong.reason.startsWith("401"), JSON.stringify(wrong));
  });

  test("a token that is turned down is renewed once", async () => {
    const { real, at, first } = await twoRevisions("deployments");
    const asked: boolean[] = [];
    const access = () => ({
      server: real.url,
      authorities: readFileSync(real.authorities, "utf8"),
      credential: async (renew: boolean) => {
        asked.push(renew);
        return { token: renew ? ADMIN : "expired" };
      },
    });
    const adapter = createKubernetesAdapter({ scheme: "k8s", clusters: { prod: { access } } });
    assert.equal(await digestAt(adapter, at), first);
    assert.deepEqual(asked.slice(0, 2), [false, true]);
    await adapter.close();
  });

  test("the permissions of the docs suffice, and without them a clear no is a refusal", async () => {
    const { real, at, second } = await twoRevisions("rollouts");
    const adapter = connected(real, { kubeconfig: real.kubeconfig, context: "reader" });
    const nothing = await adapter.read(at, patience());
    assert.ok(nothing.kind === "unreachable" && nothing.reason.startsWith("403"), JSON.stringify(nothing));
    const admin = connected(real);
    const before = await admin.read(at, patience());
    assert.ok(before.kind === "live");
    const request = { at, desired: second, before, key: "k", fence: 1 };
    assert.equal((await adapter.apply(request, patience())).kind, "refused");
    const told = JSON.stringify(await admin.concerns(at, second, patience()));
    assert.doesNotMatch(told, /may not patch/);

    const page = readFileSync(new URL("../../docs/adapters/kubernetes.md", import.meta.url), "utf8");
    const rules =
      /## Permissions\n\n```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? assert.fail("no permissions in the docs");
    writeFileSync(join(real.folder, "rules.yaml"), rules);
    real.kubectl("apply", "-f", join(real.folder, "rules.yaml"));
    real.kubectl("-n", NAMESPACE, "create", "rolebinding", "rollbook", "--role=rollbook", "--user=reader");
    real.kubectl("create", "clusterrolebinding", "rollbook", "--clusterrole=rollbook-identity", "--user=reader");
    await until("the rules are in force", async () => (await adapter.read(at, patience())).kind === "live");
    assert.equal((await adapter.identify(at, patience())).kind, "identified");
    assert.equal((await adapter.resolve(at, "2.0", patience())).kind, "revision");
    assert.doesNotMatch(JSON.stringify(await adapter.concerns(at, second, patience())), /blocking/);
    assert.equal((await adapter.apply({ ...request, key: "k2" }, patience())).kind, "applied");
    await seen(adapter, at, second);
  });

  test("another cluster has another identity, also with the same names, and a pinned one is not touched", async () => {
    const { real, adapter, name, at, first, second } = await twoRevisions("deployments");
    const other = await startCluster(SERVERS, { bare: true });
    try {
      await other.create("/api/v1/namespaces", { metadata: { name: NAMESPACE } });
      await other.create(DEPLOYMENTS, deployment(name, "scorer:1.0"));
      const here = await adapter.identify(`k8s://prod/${NAMESPACE}`, patience());
      const elsewhere = await connected(other).identify(`k8s://prod/${NAMESPACE}`, patience());
      assert.ok(here.kind === "identified" && elsewhere.kind === "identified");
      assert.notEqual(here.identity, elsewhere.identity);
      const uid = /^kubernetes (\S+) namespace lending$/.exec(here.identity)?.[1];
      const pinned = connected(other, { kubeconfig: other.kubeconfig, uid });
      const read = await pinned.read(at, patience());
      assert.ok(read.kind === "unreachable" && read.reason.includes("another cluster answers"), JSON.stringify(read));
      const before = { digest: first, version: "1" };
      const answer = await pinned.apply({ at, desired: second, before, key: "k", fence: 1 }, patience());
      assert.equal(answer.kind, "refused");
      assert.equal(get(other, "deployment", name).generation, 1);
      assert.equal((await connected(real, { kubeconfig: real.kubeconfig, uid }).read(at, patience())).kind, "live");
    } finally {
      await other.stop();
    }
  });
});
