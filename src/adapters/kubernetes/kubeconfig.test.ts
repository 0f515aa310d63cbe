import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { accessInCluster, checkedServer } from "./cluster-access.ts";
import { accessFromKubeconfig } from "./kubeconfig.ts";

const folder = mkdtempSync(join(tmpdir(), "rollbook-kubeconfig-"));
after(() => rmSync(folder, { recursive: true }));
const patience = () => AbortSignal.timeout(5000);
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** A kubeconfig with one context. */
function config(user: object, cluster: object = {}) {
  return {
    "current-context": "prod",
    contexts: [{ name: "prod", context: { cluster: "eu", user: "me" } }],
    clusters: [{ name: "eu", cluster: { server: "https://eu.example:6443/", ...cluster } }],
    users: [{ name: "me", user }],
  };
}
const access = (user: object, cluster?: object) =>
  accessFromKubeconfig(config(user, cluster), { folder, environment: { PATH: "/usr/bin:/bin" } });
const refuses = (make: () => unknown, words: RegExp) =>
  assert.throws(make, (error: Error) => words.test(error.message), String(words));

/** A credential plugin that prints this, and notes each run. */
function plugin(name: string, output: string, code = 0): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    `#!/bin/sh\necho "$KUBERNETES_EXEC_INFO $WHO $1" >> ${path}.log\ncat <<'END'\n${output}\nEND\nexit ${code}\n`,
  );
  chmodSync(path, 0o755);
  return path;
}
const credential = (status: object) =>
  JSON.stringify({ kind: "ExecCredential", apiVersion: "client.authentication.k8s.io/v1", status });

describe("a kubeconfig", () => {
  test("brings a token, or a client certificate beside it or in it", async () => {
    writeFileSync(join(folder, "ca.pem"), "authority");
    const token = access({ token: "t" }, { "certificate-authority": "ca.pem", "tls-server-name": "kubernetes" });
    assert.equal(token.server, "https://eu.example:6443");
    assert.deepEqual([token.authorities, token.serverName], ["authority", "kubernetes"]);
    assert.deepEqual(await token.credential(false, patience()), { token: "t" });
    const data = { "client-certificate-data": base64("cert"), "client-key-data": base64("key") };
    assert.deepEqual(await access(data).credential(false, patience()), { certificate: "cert", key: "key" });
    writeFileSync(join(folder, "token"), "first\n");
    const file = access({ tokenFile: "token" });
    assert.deepEqual(await file.credential(false, patience()), { token: "first" });
    writeFileSync(join(folder, "token"), "second\n");
    assert.deepEqual(await file.credential(false, patience()), { token: "first" });
    assert.deepEqual(await file.credential(true, patience()), { token: "second" });
  });

  test("runs a credential plugin once until it expires or is turned down", async () => {
    const ends = new Date(Date.now() + 3_600_000).toISOString();
    const command = plugin("lasting", credential({ token: "p", expirationTimestamp: ends }));
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command,
      args: ["login"],
      env: [{ name: "WHO", value: "me" }],
    };
    const lasting = access({ exec });
    for (const fresh of [false, false, true])
      assert.deepEqual(await lasting.credential(fresh, patience()), { token: "p" });
    const runs = readFileSync(`${command}.log`, "utf8").trim().split("\n");
    assert.equal(runs.length, 2);
    assert.match(runs[0]!, /"kind":"ExecCredential","spec":\{"interactive":false\}\} me login$/);
    const past = plugin("passing", credential({ token: "p", expirationTimestamp: "2020-01-01T00:00:00Z" }));
    const passing = access({ exec: { command: past } });
    for (let turn = 0; turn < 2; turn++) await passing.credential(false, patience());
    assert.equal(readFileSync(`${past}.log`, "utf8").trim().split("\n").length, 2);
  });

  test("says what a plugin did wrong, and repeats nothing that it printed", async () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      [plugin("failing", "secret", 3), /ended with 3; run it by hand/],
      [plugin("chatty", "secret"), /printed no JSON/],
      [plugin("other", '{"kind":"secret"}'), /printed no ExecCredential/],
      [join(folder, "missing"), /failed: spawn .*ENOENT/],
    ];
    for (const [command, words] of wrong) {
      const failing = access({ exec: { command } }).credential(false, patience());
      await assert.rejects(failing, (error: Error) => words.test(error.message) && !error.message.includes("secret"));
    }
  });

  test("is refused with a reason where it cannot or must not be followed", () => {
    refuses(() => access({}, { "insecure-skip-tls-verify": true }), /skips TLS verification/);
    refuses(() => access({}, { "proxy-url": "http://proxy" }), /proxy-url, which is not followed/);
    refuses(() => access({}, { server: "http://eu.example" }), /needs an https URL/);
    refuses(() => access({ username: "a", password: "b" }), /a way that Kubernetes has removed/);
    refuses(() => access({ "client-certificate": "none.pem", "client-key": "none.pem" }), /none\.pem cannot be read/);
    refuses(() => accessFromKubeconfig({}, { folder, environment: {} }), /no current-context/);
    const options = { folder, environment: {}, context: "other" };
    refuses(() => accessFromKubeconfig(config({}), options), /has no context "other"/);
  });

  test("is not needed in a pod", async () => {
    writeFileSync(join(folder, "ca.crt"), "authority");
    writeFileSync(join(folder, "token"), "pod");
    const inside = await accessInCluster(folder);
    assert.deepEqual([inside.server, inside.authorities], ["https://kubernetes.default.svc", "authority"]);
    assert.deepEqual(await inside.credential(true, patience()), { token: "pod" });
    await assert.rejects(accessInCluster(join(folder, "nowhere")), { code: "FILE_UNREADABLE" });
  });

  test("names servers without credentials, query or fragment", () => {
    for (const url of ["https://u:p@h", "https://h/?a", "https://h/#a", "ftp://h", "h"]) {
      assert.throws(() => checkedServer(url), { code: "REQUEST_INVALID" }, url);
    }
    assert.equal(checkedServer("http://127.0.0.1:8001/"), "http://127.0.0.1:8001");
    assert.equal(checkedServer("https://h/k8s/clusters/c-1/"), "https://h/k8s/clusters/c-1");
  });
});
