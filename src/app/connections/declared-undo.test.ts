import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { undoByKind } from "../../playbook/lint-undo.ts";
import { undoBeside } from "../lint-context.ts";
import { undoIn } from "./connections.ts";
import { readConnections } from "./connections-file.ts";

/** The smallest connection of each kind that restores, and an address at it. */
const kinds: Readonly<Record<string, readonly [settings: string, path: string]>> = {
  command: ["components: { x: { read: [cat], apply: [cat] } }", "x"],
  fingerprint: ['components: { x: { url: "http://127.0.0.1:1", fields: [model] } }', "x"],
  flyway: ["databases: { x: { postgres: { env: DATABASE }, migrations: db } }", "x"],
  git: ["repos: {}", "x/y"],
  http: ["hosts: {}", "x/y"],
  kubernetes: ['clusters: { x: { server: "https://127.0.0.1:1", token: { env: TOKEN } } }', "x/y/deployments/z"],
  launchdarkly: ["environment: production, token: { env: TOKEN }", "x/y"],
  mlflow: ['url: "http://127.0.0.1:1"', "models/x@y"],
  "sql-schema": ["databases: { x: { postgres: { env: DATABASE }, migrations: db } }", "x"],
  vault: ["components: {}", "x"],
};

function folderWith(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-undo-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "connections.yaml"), `rollbook: connections/v1\nconnections:\n${text}`);
  return folder;
}

async function undosOf(t: TestContext, text: string) {
  const { connections } = readConnections(join(folderWith(t, text), "connections.yaml"), () => "secret");
  await Promise.all(connections.map(({ connection }) => connection.close?.()));
  return { undoAt: undoIn(connections), connections };
}

test("the linter knows what the adapters of each kind declare", async (t) => {
  const text = Object.entries(kinds).map(([kind, [settings]]) => `  ${kind}: { ${settings} }\n`);
  const { undoAt, connections } = await undosOf(t, text.join(""));
  const restoring = connections.filter(({ connection }) => connection.restore).map(({ name }) => name);
  const { flags, k8s, ...byKind } = undoByKind;
  assert.deepEqual([...restoring].sort(), Object.keys(byKind).sort());
  for (const [kind, [, path]] of Object.entries(kinds)) assert.equal(undoAt(`${kind}://${path}`), byKind[kind], kind);
});

test("a connection declares what its kind cannot know, under whatever name", async (t) => {
  const { undoAt } = await undosOf(
    t,
    `  models: { kind: http, hosts: { lending: "http://127.0.0.1:1" }, undo: forward-only }
  programs: { kind: command, components: { a: { read: [cat], apply: [cat], undo: pivot }, b: { read: [cat], apply: [cat] } } }
`,
  );
  assert.equal(undoAt("models://lending/model"), "retriable");
  assert.deepEqual([undoAt("programs://a"), undoAt("programs://b")], ["pivot", "undeclared"]);
  assert.equal(undoAt("nobody://x"), undefined);
});

test("a playbook that is linted alone is judged by the connections beside it", async (t) => {
  const folder = folderWith(t, `  http: { hosts: {}, undo: redeploy }\n`);
  for (const file of ["loans.yaml", "playbooks/loans.yaml"])
    assert.equal((await undoBeside(join(folder, file))).undoAt?.("http://x/y"), "compensatable", file);
  writeFileSync(join(folder, "connections.yaml"), "rollbook: connections/v1\nconnections: 7\n");
  assert.deepEqual(await undoBeside(join(folder, "loans.yaml")), {});
});
