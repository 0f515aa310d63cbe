import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Connections, createConnections } from "../../src/app/connections/connections.ts";
import { readConnections } from "../../src/app/connections/connections-file.ts";
import { digestOf, type Json } from "../../src/core/digest.ts";

const opa = process.env["OPA_PROGRAM"];
const skip = opa === undefined ? "OPA_PROGRAM names no opa" : false;
const page = readFileSync(new URL("../../docs/adapters/opa.md", import.meta.url), "utf8");
const fenced = (language: string) => new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page)?.[1] ?? "";
const BANNED = digestOf("model 13");
const TOKEN = "only-rollbook-knows";

const AUTHZ = `package system.authz
default allow := false
allow if { input.identity == "${TOKEN}"; input.method == "POST"; input.path[0] == "v1"; input.path[1] == "data" }
allow if input.path == ["health"]`;
const ODD = `package odd
quotient := 1 / input.zero
number := 7
mixed := ["a reason", 1]
object := {"reasons": ["by object"]}
denied := input.risk == "high"
picky if input.misspelt`;

/** One question with the values that the policy looks at. */
function question(risk: string, percent: number, label: string, model: string, k: number): Json {
  const finding = { name: "rising", signal: "losses", kind: "healthy", candidate: { n: 400, k } };
  const revisions = { model: { digest: model, label: "model 13" } };
  return {
    direction: "back",
    system: "loans",
    risk,
    rollout: { id: "r1", phase: "progressing", percent },
    candidate: { id: digestOf(label), label, revisions },
    stable: { id: digestOf("stable"), label: "loans 2026", revisions: {} },
    verdict: { kind: "healthy", findings: [{ ...finding, reference: { n: 4000, k: 40 } }] },
  };
}

const questions = ["high", "low"].flatMap((risk) =>
  [5, 50, 95].flatMap((percent) =>
    ["loans 2027.1", "loans 2027.2"].flatMap((label) =>
      [BANNED, digestOf("model 14")].flatMap((model) => [0, 8, 9].map((k) => question(risk, percent, label, model, k))),
    ),
  ),
);

describe("the policy of the docs", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-opa-e2e-"));
  const patience = () => AbortSignal.timeout(10_000);
  let server: ChildProcess;
  let connections: Connections;

  const run = (...args: readonly string[]) => {
    const done = spawnSync(opa!, args, { cwd: folder, encoding: "utf8" });
    assert.equal(done.status, 0, `opa ${args[0]}: ${done.stdout}${done.stderr}`);
  };
  const ask = (at: string, input: Json = {}) => connections.policyFor(at).decide(at, input, patience());

  before(async () => {
    mkdirSync(join(folder, "policies", "review"), { recursive: true });
    const write = (path: string, text: string) => writeFileSync(join(folder, path), text);
    write("policies/lending.rego", fenced("rego"));
    const data = JSON.parse(fenced("json")) as { review: { banned: string[] } };
    data.review.banned.push(BANNED);
    write("policies/data.json", JSON.stringify(data));
    write("policies/odd.rego", ODD);
    write("policies/authz.rego", AUTHZ);
    write(
      "sends.rego",
      'package sends\nallow if http.send({"method": "get", "url": "http://127.0.0.1:1"}).status_code == 200',
    );
    const entries = ["lending/back", "lending/allow", "odd/quotient", "odd/number", "odd/mixed", "odd/object"];
    entries.push("odd/denied", "odd/picky");
    run("check", "--strict", "policies/lending.rego");
    run("build", "-b", "policies", "--revision", "7", "-o", "server.tar.gz");
    run(
      "build",
      "-t",
      "wasm",
      ...entries.flatMap((entry) => ["-e", entry]),
      "--revision",
      "7",
      "-o",
      "w.tar.gz",
      "policies",
    );
    run("build", "-t", "wasm", "-e", "sends/allow", "-o", "sends.tar.gz", "sends.rego");
    const port = await freePort();
    const args = ["run", "--server", "--addr", `127.0.0.1:${port}`, "--log-level", "error"];
    args.push("--authentication=token", "--authorization=basic", "--set", "decision_logs.console=true");
    args.push("--bundle", "server.tar.gz");
    server = spawn(opa!, args, { cwd: folder, stdio: "ignore" });
    writeFileSync(
      join(folder, "connections.yaml"),
      `rollbook: connections/v1
connections:
  opa: { url: "http://127.0.0.1:${port}", token: { env: OPA_TOKEN } }
  opa-stranger: { kind: opa, url: "http://127.0.0.1:${port}" }
  opa-local: { kind: opa, wasm: w.tar.gz }
  opa-sends: { kind: opa, wasm: sends.tar.gz }
`,
    );
    const { connections: named } = readConnections(join(folder, "connections.yaml"), () => TOKEN);
    connections = createConnections(named);
    for (let tries = 0; (await ask("opa://lending/allow")).kind !== "answered"; tries++) {
      assert.ok(tries < 200, `opa does not answer: ${JSON.stringify(await ask("opa://lending/allow"))}`);
      await sleep(50);
    }
  });

  after(async () => {
    await connections?.close();
    if (server?.exitCode === null && server.signalCode === null) {
      server.kill("SIGKILL");
      await once(server, "exit");
    }
    rmSync(folder, { recursive: true });
  });

  test("gives the same answers on a server and compiled to Wasm, to every question", async () => {
    const seen = new Set<string>();
    for (const input of questions) {
      for (const rule of ["lending/back", "lending/allow", "odd/object", "odd/denied"]) {
        const [there, here] = [await ask(`opa://${rule}`, input), await ask(`opa-local://${rule}`, input)];
        assert.ok(there.kind === "answered" && here.kind === "answered", JSON.stringify([there, here]));
        assert.deepEqual([...here.reasons].sort(), [...there.reasons].sort(), JSON.stringify(input));
        seen.add(`${rule} ${[...there.reasons].sort().join("; ")}`);
        assert.match(there.decision ?? "", /^decision [0-9a-f-]{36}, bundle \S*server\.tar\.gz@7, OPA 1\./);
        assert.match(here.decision ?? "", /^wasm [0-9a-f]{12}, revision 7$/);
      }
    }
    assert.deepEqual([...seen].sort(), [
      "lending/allow ",
      "lending/allow the policy says no (allow is false)",
      "lending/back ",
      "lending/back model model 13 is banned",
      "lending/back model model 13 is banned; rising: more than twice the share of stable",
      "lending/back rising: more than twice the share of stable",
      "odd/denied ",
      "odd/denied the policy objects (denied is true)",
      "odd/object by object",
    ]);
  });

  test("undefined is undefined on both sides: a rule without a value, and one that is not there", async () => {
    for (const rule of ["odd/picky", "odd/missing", "nowhere/allow"]) {
      for (const name of ["opa", "opa-local"]) {
        assert.equal((await ask(`${name}://${rule}`)).kind, "undefined", `${name} ${rule}`);
      }
    }
  });

  test("what is no answer is unreachable, and says what was found", async () => {
    for (const name of ["opa", "opa-local"]) {
      const number = await ask(`${name}://odd/number`);
      assert.ok(number.kind === "unreachable" && /a number, and neither reasons/.test(number.reason), name);
      assert.equal((await ask(`${name}://odd/mixed`)).kind, "unreachable");
    }
    const failed = await ask("opa://odd/quotient", { zero: 0 });
    assert.ok(failed.kind === "unreachable");
    assert.match(failed.reason, /answers 500: .*div: divide by zero/);
    assert.equal((await ask("opa-local://odd/quotient", { zero: 0 })).kind, "undefined");
    const stranger = await ask("opa-stranger://lending/allow");
    assert.ok(stranger.kind === "unreachable" && /answers 401/.test(stranger.reason));
  });

  test("a policy that needs what Wasm has not is refused whole, naming it", async () => {
    const sends = await ask("opa-sends://sends/allow");
    assert.ok(sends.kind === "unreachable");
    assert.match(sends.reason, /needs http\.send, which Wasm in process does not have/);
  });

  test("a server that is killed is unreachable at once, and the compiled policy answers on", async () => {
    server.kill("SIGKILL");
    await once(server, "exit");
    const began = performance.now();
    const answer = await ask("opa://lending/allow", questions[0]);
    assert.ok(answer.kind === "unreachable" && /no answer/.test(answer.reason));
    assert.ok(performance.now() - began < 1500);
    assert.equal((await ask("opa-local://lending/allow", questions[0]!)).kind, "answered");
  });
});

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { readonly port: number };
  probe.close();
  await once(probe, "close");
  return port;
}
