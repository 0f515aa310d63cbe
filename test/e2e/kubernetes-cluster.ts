import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { type fields, kubeObject, list, text } from "../../src/adapters/kubernetes/kube-object.ts";
import { createKubeTransport, type KubeTransport } from "../../src/adapters/kubernetes/kube-transport.ts";
import type { Json } from "../../src/core/digest.ts";

/** A real control plane on this machine: etcd, kube-apiserver, and (unless bare) its controllers and Argo Rollouts. */
export interface RealCluster {
  readonly url: string;
  readonly folder: string;
  /** PEM file of the authority that signed the server's certificate. */
  readonly authorities: string;
  /** As `admin` (token), `operator` (client certificate) and `plugin` (credential plugin). */
  readonly kubeconfig: string;
  readonly transport: KubeTransport;
  create(path: string, body: Json): Promise<void>;
  kubectl(...args: readonly string[]): string;
  /** What a registry would answer for a tag from now on: the kubelet's next pods run this digest. */
  moveTag(image: string): void;
  stop(): Promise<void>;
}

export const ADMIN = "admin-token-of-the-tests";

/** Starts it; `servers` is the folder of KUBERNETES_SERVERS. Everything listens on 127.0.0.1, on free ports. */
export async function startCluster(servers: string, { bare = false } = {}): Promise<RealCluster> {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-cluster-"));
  const children: ChildProcess[] = [];
  const start = (name: string, program: string, args: readonly string[]) => {
    const log = openSync(join(folder, `${name}.log`), "a");
    children.push(spawn(join(servers, program), args, { cwd: folder, stdio: ["ignore", log, log] }));
  };
  const end = new AbortController();
  const stop = async () => {
    end.abort();
    await transport.close();
    for (const child of children.reverse()) await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const [etcd, peer, port] = [await freePort(), await freePort(), await freePort()];
  const url = `https://127.0.0.1:${port}`;
  makeKeys(folder);
  writeFileSync(join(folder, "tokens.csv"), `${ADMIN},admin,1,"system:masters"\nreader-token,reader,2,"readers"\n`);
  writeKubeconfig(folder, url);
  const transport = createKubeTransport({
    server: url,
    authorities: readFileSync(join(folder, "ca.crt"), "utf8"),
    credential: async () => ({ token: ADMIN }),
  });
  try {
    start("etcd", "kube", [
      "etcd",
      ...["--data-dir", "etcd", "--log-level", "error", "--unsafe-no-fsync"],
      ...["--listen-client-urls", `http://127.0.0.1:${etcd}`, "--advertise-client-urls", `http://127.0.0.1:${etcd}`],
      ...["--listen-peer-urls", `http://127.0.0.1:${peer}`],
    ]);
    start("apiserver", "kube", [
      "kube-apiserver",
      ...["--etcd-servers", `http://127.0.0.1:${etcd}`, "--bind-address", "127.0.0.1", "--secure-port", `${port}`],
      ...["--tls-cert-file", "server.crt", "--tls-private-key-file", "server.key", "--client-ca-file", "ca.crt"],
      ...["--service-account-key-file", "sa.key", "--service-account-signing-key-file", "sa.key"],
      ...["--service-account-issuer", "https://kubernetes.default.svc", "--token-auth-file", "tokens.csv"],
      ...["--authorization-mode", "RBAC", "--service-cluster-ip-range", "10.0.0.0/24"],
      ...["--disable-admission-plugins", "ServiceAccount", "--cert-dir", "certs"],
    ]);
    await until("the API server is ready", async () => {
      const answer = await transport.call({ method: "GET", path: "/readyz" }, AbortSignal.timeout(2000));
      const system = await transport.call({ method: "GET", path: "/api/v1/namespaces/kube-system" }, end.signal);
      return [answer, system].every((one) => one.kind === "answer" && one.status === 200);
    });
    const cluster = clusterOf(folder, url, transport, stop);
    if (bare) return cluster;
    cluster.kubectl("apply", "--server-side", "-k", join(servers, "crds"));
    await until("Rollouts are served", async () => {
      const path = "/apis/argoproj.io/v1alpha1/rollouts";
      const answer = await transport.call({ method: "GET", path }, end.signal);
      return answer.kind === "answer" && answer.status === 200;
    });
    start("controllers", "kube", [
      "kube-controller-manager",
      ...["--kubeconfig", "kubeconfig", "--leader-elect=false", "--bind-address", "127.0.0.1", "--secure-port", "0"],
      ...["--controllers", "deployment-controller,replicaset-controller,garbage-collector-controller"],
    ]);
    start("rollouts", "rollouts-controller", [
      ...["--kubeconfig", "kubeconfig", "--leader-elect=false", "--loglevel", "warn"],
      ...["--metricsport", `${await freePort()}`, "--healthzPort", `${await freePort()}`],
    ]);
    void runKubelet(cluster, end.signal);
    return cluster;
  } catch (error) {
    const logs = readdirSync(folder).filter((name) => name.endsWith(".log"));
    for (const log of logs) console.log(`${log}: ${readFileSync(join(folder, log), "utf8").slice(-800)}`);
    await stop();
    throw error;
  }
}

const tags = new Map<string, number>();

function clusterOf(folder: string, url: string, transport: KubeTransport, stop: () => Promise<void>): RealCluster {
  const kubeconfig = join(folder, "kubeconfig");
  return {
    url,
    folder,
    kubeconfig,
    authorities: join(folder, "ca.crt"),
    transport,
    stop,
    async create(path, body) {
      const answer = await transport.call({ method: "POST", path, body }, AbortSignal.timeout(10_000));
      if (answer.kind !== "answer" || answer.status !== 201) throw new Error(`POST ${path}: ${JSON.stringify(answer)}`);
    },
    kubectl(...args) {
      const done = spawnSync("kubectl", ["--kubeconfig", kubeconfig, ...args], { encoding: "utf8", timeout: 60_000 });
      if (done.status !== 0) throw new Error(`kubectl ${args.join(" ")}: ${done.stderr}`);
      return done.stdout;
    },
    moveTag: (image) => void tags.set(image, (tags.get(image) ?? 0) + 1),
  };
}

/** The digest that the kubelet finds behind an image now. */
export function digestBehind(image: string): string {
  const pinned = image.split("@")[1];
  return (
    pinned ??
    `sha256:${createHash("sha256")
      .update(`${image} ${tags.get(image) ?? 0}`)
      .digest("hex")}`
  );
}

/** What a kubelet reports of a pod whose image works; an image called `broken` never becomes ready. */
async function runKubelet({ transport }: RealCluster, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const answer = await transport.call({ method: "GET", path: "/api/v1/pods" }, signal);
    const pods = answer.kind === "answer" ? list(answer.body["items"]).map(kubeObject) : [];
    for (const { namespace, name, spec, status, metadata } of pods) {
      if (text(status["phase"]) === "Running" || metadata["deletionTimestamp"] !== undefined) continue;
      const containers = list(spec["containers"]);
      const ready = !containers.some(({ image }) => text(image).includes("broken"));
      const patch = { status: podStatus(containers, ready) };
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
      await transport.call({ method: "PATCH", path, body: patch, patch: "merge-patch" }, signal);
    }
    await sleep(50, undefined, { signal }).catch(() => {});
  }
}

function podStatus(containers: readonly ReturnType<typeof fields>[], ready: boolean): Json {
  const now = new Date().toISOString().replace(/\.\d+/, "");
  const state = String(ready ? "True" : "False");
  const condition = (type: string) => ({ type, status: state, lastTransitionTime: now });
  return {
    phase: "Running",
    conditions: [condition("Ready"), condition("ContainersReady")],
    containerStatuses: containers.map((container) => {
      const image = text(container["image"]);
      const imageID = `${image.split("@")[0]?.split(":")[0]}@${digestBehind(image)}`;
      return {
        name: text(container["name"]),
        image,
        imageID,
        ready,
        restartCount: 0,
        state: { running: { startedAt: now } },
      };
    }),
  };
}

function makeKeys(folder: string): void {
  const openssl = (...args: readonly string[]) => {
    const done = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
    if (done.status !== 0) throw new Error(`openssl ${args[0]}: ${done.stderr}`);
  };
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  writeFileSync(join(folder, "sa.key"), privateKey.export({ type: "pkcs1", format: "pem" }));
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=rollbook-tests");
  const sign = (name: string, subject: string, extension: string) => {
    openssl("req", "-new", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", subject);
    writeFileSync(join(folder, `${name}.ext`), extension);
    const ca = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", `${name}.ext`];
    openssl("x509", "-req", "-in", `${name}.csr`, "-out", `${name}.crt`, ...ca);
  };
  sign("server", "/CN=kube-apiserver", "subjectAltName=IP:127.0.0.1,DNS:kubernetes.default.svc");
  sign("operator", "/O=system:masters/CN=operator", "extendedKeyUsage=clientAuth");
}

function writeKubeconfig(folder: string, server: string): void {
  const plugin = join(folder, "credential-plugin.sh");
  const credential = {
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: { token: ADMIN },
  };
  writeFileSync(plugin, `#!/bin/sh\necho run >> ${join(folder, "plugin.log")}\necho '${JSON.stringify(credential)}'\n`);
  chmodSync(plugin, 0o755);
  const exec = { apiVersion: credential.apiVersion, command: plugin, interactiveMode: "Never" };
  const users = [
    { name: "admin", user: { token: ADMIN } },
    { name: "operator", user: { "client-certificate": "operator.crt", "client-key": "operator.key" } },
    { name: "plugin", user: { exec } },
    { name: "reader", user: { token: "reader-token" } },
  ];
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "real", cluster: { server, "certificate-authority": "ca.crt" } }],
    users,
    contexts: users.map(({ name }) => ({ name, context: { cluster: "real", user: name } })),
    "current-context": "admin",
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "kubeconfig"), stringify(config), { mode: 0o600 });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
  await gone;
  clearTimeout(timer);
}

/** Asks until it holds; throws after the limit. */
export async function until(what: string, holds: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
  for (const began = Date.now(); !(await holds()); ) {
    if (Date.now() - began > limitMs) throw new Error(`in ${limitMs} ms it did not come true that ${what}`);
    await sleep(50);
  }
}
