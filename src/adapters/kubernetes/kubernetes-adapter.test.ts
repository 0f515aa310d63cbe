import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Digest, digestOf } from "../../core/digest.ts";
import type { Applied } from "../../core/ports.ts";
import { describeRestoreAdapter } from "../../testing/index.ts";
import { type ApiServer, startApiServer } from "./api-server.fixture.ts";
import { createKubernetesAdapter, type KubernetesAdapter } from "./index.ts";
import { type Fields, fields } from "./kube-object.ts";
import { reconcile } from "./workload-controller.fixture.ts";

const patience = () => AbortSignal.timeout(10_000);
const KINDS = {
  deployments: "/apis/apps/v1/namespaces/lending/deployments/scorer",
  rollouts: "/apis/argoproj.io/v1alpha1/namespaces/lending/rollouts/scorer",
} as const;
type Kind = keyof typeof KINDS;

function setImage({ objects }: ApiServer, kind: Kind, image: string, more: object = {}): void {
  const object = objects.get(KINDS[kind]);
  const template = { metadata: { labels: { app: "scorer" } }, spec: { containers: [{ name: "main", image }] } };
  const selector = { matchLabels: { app: "scorer" } };
  objects.put(KINDS[kind], {
    ...object,
    spec: { replicas: 2, selector, ...fields(object?.["spec"]), template, ...more },
  });
  reconcile(objects);
}

/** `scorer:2` ran and is retained, `scorer:1` serves. */
async function world(kind: Kind = "deployments") {
  const server = await startApiServer();
  const access = () => ({ server: server.url, credential: async () => ({ token: "t" }) });
  const adapter = createKubernetesAdapter({ scheme: "k8s", clusters: { prod: { access } }, timeoutMs: 2000 });
  const at = `k8s://prod/lending/${kind}/scorer`;
  setImage(server, kind, "scorer:2");
  const second = (await live(adapter, at)).digest;
  setImage(server, kind, "scorer:1");
  const first = (await live(adapter, at)).digest;
  const stop = async () => {
    await adapter.close();
    await server.stop();
  };
  return { server, adapter, at, first, second, stop };
}

async function live(adapter: KubernetesAdapter, at: string) {
  const read = await adapter.read(at, patience());
  assert.ok(read.kind === "live", JSON.stringify(read));
  return read;
}

/** Runs one trial against a fresh world. */
async function within(kind: Kind, trial: (one: Awaited<ReturnType<typeof world>>) => Promise<void>): Promise<void> {
  const one = await world(kind);
  try {
    await trial(one);
  } finally {
    await one.stop();
  }
}

type World = Awaited<ReturnType<typeof world>>;
async function goTo({ adapter, at }: World, desired: Digest, key = "key", fence = 1): Promise<Applied> {
  return adapter.apply({ at, desired, before: await live(adapter, at), key, fence }, patience());
}

for (const kind of ["deployments", "rollouts"] as const) {
  describeRestoreAdapter({
    name: `the Kubernetes adapter on ${kind} in this process`,
    setup: async () => {
      const { server, adapter, at, first, second, stop } = await world(kind);
      return {
        adapter,
        at,
        revisions: [first, second],
        unknown: digestOf("never built"),
        reference: "1",
        rival: async (digest) => setImage(server, kind, digest === first ? "scorer:1" : "scorer:2"),
        stop,
      };
    },
  });
}

const OWNERS = {
  "an Argo CD Application": {
    metadata: { annotations: { "argocd.argoproj.io/tracking-id": "loans:apps/Deployment:lending/scorer" } },
    path: "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/loans",
    spec: { syncPolicy: { automated: { selfHeal: true, prune: false }, retry: { limit: 3 } } },
    acts: (spec: Fields) => fields(fields(spec["syncPolicy"])["automated"])["selfHeal"] === true,
  },
  "a Flux Kustomization": {
    metadata: fluxLabels("kustomize"),
    path: "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/loans",
    spec: { interval: "10m" },
    acts: (spec: Fields) => spec["suspend"] !== true,
  },
  "a Flux HelmRelease": {
    metadata: fluxLabels("helm"),
    path: "/apis/helm.toolkit.fluxcd.io/v2/namespaces/flux-system/helmreleases/loans",
    spec: { suspend: false, driftDetection: { mode: "enabled" } },
    acts: (spec: Fields) => spec["suspend"] !== true,
  },
} as const;

function fluxLabels(kind: string) {
  const group = `${kind}.toolkit.fluxcd.io`;
  return { labels: { [`${group}/name`]: "loans", [`${group}/namespace`]: "flux-system" } };
}

/** A workload that somebody else declares, and brings back to `scorer:1`. */
async function owned(owner: keyof typeof OWNERS) {
  const one = await world();
  const { objects } = one.server;
  const { metadata, path, spec, acts } = OWNERS[owner];
  const workload = objects.get(KINDS.deployments)!;
  objects.put(KINDS.deployments, { ...workload, metadata: { ...workload.metadata, ...metadata } });
  objects.put(path, { spec });
  const specNow = () => fields(objects.get(path)?.["spec"]);
  const rivalActs = async () => {
    objects.put(path, { ...objects.get(path), status: { observed: Math.random() } });
    if (acts(specNow())) setImage(one.server, "deployments", "scorer:1");
  };
  return { ...one, path, spec, specNow, rivalActs };
}

for (const owner of Object.keys(OWNERS) as (keyof typeof OWNERS)[]) {
  describeRestoreAdapter({
    name: `the Kubernetes adapter beside ${owner}`,
    setup: async () => {
      const { adapter, at, first, second, rivalActs, stop } = await owned(owner);
      return { adapter, at, revisions: [first, second], unknown: digestOf("never built"), rivalActs, stop };
    },
  });

  test(`${owner} is brought back to the letter, and nothing else of it is touched`, async () => {
    const one = await owned(owner);
    try {
      const [rival] = await one.adapter.rivals(one.at, patience());
      assert.ok(rival);
      const tell = async (state: string, key: string) => {
        const found = await one.adapter.readRival(rival, patience());
        assert.ok(found.kind === "live");
        const request = { at: rival.at, through: rival.through, state, before: found, key, fence: 1 };
        assert.deepEqual(await one.adapter.writeRival(request, patience()), { kind: "applied" });
        return found.state;
      };
      const before = await tell(rival.frozen, "freeze");
      assert.notDeepEqual(one.specNow(), one.spec);
      await one.rivalActs();
      await tell(before, "thaw");
      assert.deepEqual(one.specNow(), one.spec);
    } finally {
      await one.stop();
    }
  });
}

describe("a rival in the cluster", () => {
  test("that may not be read is none; one that may not be written to refuses; silence is unknown", async () => {
    const one = await owned("a Flux Kustomization");
    const { server, adapter, at, path } = one;
    const [rival] = await adapter.rivals(at, patience());
    const found = await adapter.readRival(rival!, patience());
    assert.ok(found.kind === "live");
    const request = { at: rival!.at, through: at, state: "true", before: found, key: "k", fence: 1 };
    const answering = async (status: number | "drop") => {
      server.intercept = (call, called) =>
        called === path && call.method === "PATCH"
          ? status === "drop"
            ? "drop"
            : [status, { message: "no" }]
          : undefined;
      return (await adapter.writeRival(request, patience())).kind;
    };
    assert.deepEqual(
      [await answering(403), await answering(500), await answering("drop"), await answering(409)],
      ["refused", "unknown", "unknown", "conflict"],
    );
    server.intercept = (_, called) => (called === path ? [403, { message: "forbidden" }] : undefined);
    assert.deepEqual(await adapter.rivals(at, patience()), []);
    assert.equal((await adapter.readRival(rival!, patience())).kind, "unreachable");
    assert.equal((await adapter.writeRival(request, patience())).kind, "refused");
    server.intercept = () => undefined;
    assert.equal((await adapter.writeRival({ ...request, at: "k8s://prod/x" }, patience())).kind, "refused");
    assert.deepEqual(await adapter.rivals(`${at}-gone`, patience()), []);
    await one.stop();
  });
});

describe("the Kubernetes adapter", () => {
  test("looks again when only the status has moved, and gives way when the template has", async () => {
    await within("deployments", async (one) => {
      const { server } = one;
      const path = KINDS.deployments;
      let patches = 0;
      const meddle = (deed: () => void) => {
        server.intercept = (request) => {
          if (request.method === "PATCH" && patches++ === 0) deed();
          return undefined;
        };
      };
      meddle(() => void server.objects.put(path, { ...server.objects.get(path), status: { replicas: 1 } }));
      assert.equal((await goTo(one, one.second)).kind, "applied");
      assert.equal(patches, 2);
      patches = 0;
      meddle(() => setImage(server, "deployments", "scorer:rival"));
      const lost = await goTo(one, one.first, "other");
      assert.equal(lost.kind, "conflict", JSON.stringify(lost));
      assert.match(JSON.stringify(server.objects.get(path)?.["spec"]), /scorer:rival/);
    });
  });

  test("takes a clear no for a no and everything else for unknown", async () => {
    await within("deployments", async (one) => {
      const { server, second } = one;
      const expected = { 400: "refused", 403: "refused", 404: "refused", 422: "refused", 409: "conflict" };
      const doubtful = {
        401: "unknown",
        408: "unknown",
        429: "unknown",
        500: "unknown",
        503: "unknown",
        504: "unknown",
      };
      for (const [status, kind] of Object.entries({ ...expected, ...doubtful })) {
        server.intercept = (request) =>
          request.method === "PATCH" ? [Number(status), { kind: "Status", message: "because" }] : undefined;
        const answer = await goTo(one, second, status);
        assert.equal(answer.kind, kind, `${status}: ${JSON.stringify(answer)}`);
        if (kind !== "conflict") assert.ok("reason" in answer && answer.reason === `${status}: because`);
      }
      server.intercept = (request) => (request.method === "PATCH" ? "drop" : undefined);
      assert.equal((await goTo(one, second, "dropped")).kind, "unknown");
      const before = await live(one.adapter, one.at);
      server.intercept = (request) => (request.method === "GET" ? [403, { message: "no" }] : undefined);
      const request = { at: one.at, desired: second, before, key: "k", fence: 1 };
      assert.equal((await one.adapter.apply(request, patience())).kind, "refused");
    });
  });

  test("a template that was stored otherwise than it was sent is unknown, never applied", async () => {
    await within("deployments", async (one) => {
      one.server.intercept = (request, path) =>
        request.method === "PATCH" ? [200, one.server.objects.get(path) ?? {}] : undefined;
      const answer = await goTo(one, one.second);
      assert.ok(answer.kind === "unknown" && answer.reason.includes("admission webhook"), JSON.stringify(answer));
    });
  });

  test("a paused Deployment is refused, and is a blocking concern", async () => {
    await within("deployments", async (one) => {
      setImage(one.server, "deployments", "scorer:1", { paused: true });
      const answer = await goTo(one, one.second);
      assert.ok(answer.kind === "refused" && answer.reason.includes("resume it"));
      const concerns = await one.adapter.concerns(one.at, one.second, patience());
      assert.equal(concerns.find(({ level }) => level === "blocking")?.text.startsWith("it is paused"), true);
    });
  });

  test("aborts a Rollout in the middle of an update before it puts the template back", async () => {
    for (const subresource of [true, false]) {
      await within("rollouts", async (one) => {
        const { server, first, at } = one;
        const path = KINDS.rollouts;
        server.working = false;
        const spec = fields(server.objects.get(path)?.["spec"]);
        const stable = fields(server.objects.get(path)?.["status"])["stableRS"];
        const image = JSON.parse(JSON.stringify(spec).replace("scorer:1", "scorer:3")) as Fields;
        server.objects.put(path, {
          ...server.objects.get(path),
          spec: image,
          status: { stableRS: stable, currentPodHash: "new" },
        });
        server.intercept = (_, path) => (path.endsWith("/status") && !subresource ? [404, {}] : undefined);
        const answer = await goTo(one, first);
        assert.equal(answer.kind, "applied", JSON.stringify(answer));
        const patches = server.calls
          .filter((call) => call.startsWith("PATCH"))
          .map((call) => call.split("/rollouts/")[1]);
        assert.deepEqual(patches, subresource ? ["scorer/status", "scorer"] : ["scorer/status", "scorer", "scorer"]);
        assert.equal(fields(server.objects.get(path)?.["status"])["abort"], true);
        assert.equal((await live(one.adapter, at)).digest, first);
      });
    }
  });

  test("what serves is told by the pods, not by the spec", async () => {
    await within("deployments", async ({ server, adapter, at, first }) => {
      const folder = "/api/v1/namespaces/lending/pods";
      const pod = server.objects.in(folder)[0]!;
      const path = `${folder}/${String(pod.metadata["name"])}`;
      const reason = async () => {
        const answer = await adapter.seen(at, first, patience());
        return "reason" in answer ? answer.reason : answer.kind;
      };
      assert.equal(await reason(), "seen");
      server.objects.put(path, { ...pod, status: { phase: "Running" } });
      assert.equal(await reason(), "1 of 2 pods are not ready");
      server.objects.put(path, {
        ...pod,
        metadata: { ...pod.metadata, labels: { app: "scorer", "pod-template-hash": "x" } },
      });
      assert.equal(await reason(), "1 pods of another revision still run");
      server.objects.remove(path);
      setImage(server, "deployments", "scorer:1", { replicas: 0 });
      assert.match(await reason(), /scaled to zero/);
      server.working = false;
      setImage(server, "deployments", `scorer@${digestOf("pinned")}`);
      const pinned = (await live(adapter, at)).digest;
      assert.equal((await adapter.seen(at, pinned, patience())).kind, "pending");
    });
  });

  test("another cluster answers with another identity, and a pinned one is not touched", async () => {
    const [home, other] = [await startApiServer(), await startApiServer("1b5a9c1e-0000-4000-8000-00000000ffff")];
    const credential = async () => ({});
    const uid = "1b5a9c1e-0000-4000-8000-000000000001";
    const adapter = createKubernetesAdapter({
      scheme: "k8s",
      clusters: {
        home: { uid, access: () => ({ server: home.url, credential }) },
        other: { access: () => ({ server: other.url, credential }) },
        moved: { uid, access: () => ({ server: other.url, credential }) },
      },
    });
    try {
      for (const server of [home, other]) setImage(server, "deployments", "scorer:1");
      const identity = async (at: string) => JSON.stringify(await adapter.identify(at, patience()));
      assert.match(await identity("k8s://home/lending"), new RegExp(`kubernetes ${uid} namespace lending`));
      assert.equal(await identity("k8s://home/lending/deployments/scorer"), await identity("k8s://home/lending"));
      assert.notEqual(await identity("k8s://other/lending"), await identity("k8s://home/lending"));
      assert.match(await identity("k8s://home/staging"), /has no namespace \\"staging\\"/);
      assert.match(await identity("k8s://moved/lending"), /another cluster answers/);
      assert.match(await identity("k8s://elsewhere/lending"), /not declared \(declared: home, other, moved\)/);
      const at = "k8s://moved/lending/deployments/scorer";
      assert.equal((await adapter.read(at, patience())).kind, "unreachable");
      const before = { digest: digestOf("a"), version: "1" };
      const answer = await adapter.apply({ at, desired: digestOf("b"), before, key: "k", fence: 1 }, patience());
      assert.ok(answer.kind === "refused" && answer.reason.includes("another cluster answers"));
      assert.deepEqual(
        other.calls.filter((call) => call.startsWith("PATCH")),
        [],
      );
    } finally {
      await adapter.close();
      await Promise.all([home.stop(), other.stop()]);
    }
  });

  test("a watch tells of the change of somebody else, and of no status", async () => {
    await within("deployments", async ({ server, adapter, at, first, second }) => {
      const end = new AbortController();
      const told: string[] = [];
      for await (const observed of adapter.watch(at, end.signal)) {
        told.push(observed.kind === "live" ? observed.digest : observed.reason);
        if (told.length === 1) {
          const path = KINDS.deployments;
          server.objects.put(path, { ...server.objects.get(path), status: { replicas: 9 } });
          setImage(server, "deployments", "scorer:2");
        } else end.abort();
      }
      assert.deepEqual(told, [first, second]);
    });
  });
});
