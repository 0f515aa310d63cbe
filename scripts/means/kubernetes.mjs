// The servers of the Kubernetes tests: etcd, kube-apiserver and kube-controller-manager in one program, the controller
// of Argo Rollouts, and its CRDs. Built once from Go modules (scripts/kubernetes) and kept in the user's cache. The
// value is the folder that holds `kube`, `rollouts-controller` and `crds/`.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installDebian, onPath } from "../debian.mjs";

const SOURCES = join(dirname(dirname(fileURLToPath(import.meta.url))), "kubernetes");
const ROLLOUTS = "github.com/argoproj/argo-rollouts";
const OLDEST_GO = [1, 24, 9];
/** Half an hour: six to eight minutes on two idle cores. */
const LIMIT_MS = 30 * 60_000;

export const name = "KUBERNETES_SERVERS";

/** The folder, or `undefined` after saying what is missing. */
export function provide() {
  if (process.env[name]) return process.env[name];
  for (const [command, pack] of [
    ["kubectl", "kubernetes-client"],
    ["openssl", "openssl"],
  ]) {
    if (onPath(command) === undefined) installDebian(pack);
    if (onPath(command) === undefined) return missing(`${command} is not on PATH`);
  }
  const folder = join(homedir(), ".cache", "rollbook", `kubernetes-${fingerprint()}`);
  if (existsSync(folder)) return folder;
  const go = onPath("go") ?? (existsSync("/usr/local/go/bin/go") ? "/usr/local/go/bin/go" : undefined);
  if (go === undefined || !isRecent(go)) return missing(`Go ${OLDEST_GO.join(".")} or newer is not on PATH`);
  return build(go, folder);
}

function build(go, folder) {
  console.log("Building kube-apiserver, its controllers and Argo Rollouts from their Go modules (once, minutes) ...");
  const began = Date.now();
  const work = mkdtempSync(join(tmpdir(), "rollbook-kubernetes-"));
  try {
    for (const file of ["go.mod", "main.go"]) copyFileSync(join(SOURCES, file), join(work, file));
    const out = join(work, "out");
    mkdirSync(out);
    const flags = ["-trimpath", "-ldflags=-s -w", "-o"];
    const steps = [
      ["mod", "tidy"],
      ["build", ...flags, join(out, "kube"), "."],
      ["build", ...flags, join(out, "rollouts-controller"), `${ROLLOUTS}/cmd/rollouts-controller`],
    ];
    for (const args of steps) {
      const done = run(go, args, work);
      if (done.status !== 0) return missing(`go ${args[0]} failed: ${lastLines(done)}`);
    }
    const module = run(go, ["list", "-m", "-f", "{{.Dir}}", ROLLOUTS], work).stdout.trim();
    copyFiles(join(module, "manifests", "crds"), join(out, "crds"));
    mkdirSync(dirname(folder), { recursive: true });
    moveInto(out, folder);
    console.log(`built in ${Math.round((Date.now() - began) / 1000)} s`);
    return folder;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** File by file: folders of the module cache are read-only, and a copy of them would be too. */
function copyFiles(from, to) {
  mkdirSync(to);
  for (const file of readdirSync(from)) copyFileSync(join(from, file), join(to, file));
}

/** The temporary folder may be on another file system than the cache. */
function moveInto(from, to) {
  const near = `${to}.new-${process.pid}`;
  cpSync(from, near, { recursive: true });
  renameSync(near, to);
}

function run(go, args, cwd) {
  const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false" };
  return spawnSync("nice", [go, ...args], { cwd, env, encoding: "utf8", timeout: LIMIT_MS });
}

function isRecent(go) {
  const version = /go(\d+)\.(\d+)(?:\.(\d+))?/.exec(spawnSync(go, ["version"], { encoding: "utf8" }).stdout ?? "");
  const parts = (version ?? []).slice(1).map((part) => Number(part ?? 0));
  for (const [place, least] of OLDEST_GO.entries()) {
    if (parts[place] !== least) return parts[place] > least;
  }
  return true;
}

function fingerprint() {
  const hash = createHash("sha256");
  for (const file of ["go.mod", "main.go"]) hash.update(readFileSync(join(SOURCES, file)));
  return hash.digest("hex").slice(0, 16);
}

function lastLines({ stderr, error }) {
  return (stderr ?? "").trim().split("\n").slice(-3).join(" / ") || error?.message || "no reason given";
}

function missing(why) {
  console.log(`No Kubernetes servers: ${why}. The tests against the real API server are skipped.`);
  return undefined;
}
