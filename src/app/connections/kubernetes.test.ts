import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { systemClock } from "../system-clock.ts";
import { kubernetes } from "./kubernetes.ts";

const folder = mkdtempSync(join(tmpdir(), "rollbook-kubernetes-"));
after(() => rmSync(folder, { recursive: true }));
const world = { folder, data: folder, clock: systemClock, secret: () => "secret" };
const patience = () => AbortSignal.timeout(5000);
const mistakes = (settings: unknown) =>
  kubernetes.settings.safeParse(settings).error?.issues.map(({ message }) => message);

describe("the settings of a Kubernetes connection", () => {
  test("take each way of reaching a cluster", () => {
    const settings = {
      clusters: {
        "prod-eu": { kubeconfig: "~/.kube/config", context: "prod", uid: "1b5a9c1e-0000-4000-8000-000000000001" },
        here: { "in-cluster": true, secrets: false },
        direct: { server: "https://10.0.0.1", token: { env: "TOKEN" }, "certificate-authority": "ca.pem" },
      },
    };
    assert.deepEqual(mistakes(settings), undefined);
    const { restore } = kubernetes.connect("k8s-eu", kubernetes.settings.parse(settings), world);
    assert.equal(restore?.serves("k8s-eu://prod-eu/lending/rollouts/scorer"), true);
    assert.equal(restore?.serves("k8s://prod-eu/lending"), false);
  });

  test("say what is wrong", () => {
    assert.match(String(mistakes({ clusters: { a: {} } })), /needs one of: kubeconfig/);
    assert.match(
      String(mistakes({ clusters: { a: { kubeconfig: "x", server: "https://h" } } })),
      /Unrecognized key: "server"/,
    );
    assert.match(String(mistakes({ clusters: {} })), /declare at least one cluster/);
    assert.match(String(mistakes({ clusters: { "a/b": { "in-cluster": true } } })), /a cluster's name has letters/);
    assert.match(String(mistakes({ clusters: { a: { "in-cluster": true } }, namespace: "x" })), /namespace/);
    assert.match(
      String(mistakes({ clusters: { a: { server: "https://h", token: "plain" } } })),
      /Invalid input|needs one of/,
    );
  });

  test("a kubeconfig that is missing is a reason, and takes effect when it is there", async () => {
    const settings = kubernetes.settings.parse({ clusters: { a: { kubeconfig: "config" } }, "timeout-ms": 500 });
    const connection = kubernetes.connect("k8s", settings, world);
    const at = "k8s://a/lending/deployments/scorer";
    const reason = async () => JSON.stringify(await connection.restore?.read(at, patience()));
    assert.match(await reason(), /config cannot be read: ENOENT/);
    writeFileSync(join(folder, "config"), "current-context: a\n");
    assert.match(await reason(), /has no context \\"a\\"/);
    const cluster = '{name: a, cluster: {server: "http://127.0.0.1:1"}}';
    writeFileSync(
      join(folder, "config"),
      `current-context: a\ncontexts: [{name: a, context: {cluster: a}}]\nclusters: [${cluster}]\n`,
    );
    assert.match(await reason(), /ECONNREFUSED|no answer/);
    await connection.close?.();
  });
});
