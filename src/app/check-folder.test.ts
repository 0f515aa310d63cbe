import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { checkFolder } from "./check-folder.ts";

const playbook = (system = "chat") => `rollbook: v1
system: ${system}
owner: support
risk: low
authority: act
traffic: 1000 chats/s
environment: { name: laptop, is: local }
what:
  prompt: { at: vault://a, beside: vault://b }
  route: gateway://${system}
signals: { escalations: { share: escalated, of: chats, from: events, better: down } }
when: { more: { escalations: rises, by: 50% } }
how: { release: { canary: [20, 90], each: 10m, holdback: 10% for 5s } }
fixed: { escalations: { within: 100% }, for: 5m }
`;

const connections = `rollbook: connections/v1
port: 7464
systems:
  chat: { gateway: { port: 8080, stable: "http://127.0.0.1:1", candidate: "http://127.0.0.1:2" } }
connections:
  vault: { components: { a: { path: a.txt }, b: { path: b.txt } } }
`;

async function checked(t: TestContext, files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-check-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const all = { "connections.yaml": connections, "chat.yaml": playbook(), "a.txt": "x", "b.txt": "x", ...files };
  for (const [name, text] of Object.entries(all)) if (text !== "") writeFileSync(join(folder, name), text);
  const { ok, checks } = await checkFolder(folder);
  const errors = checks.filter(({ level }) => level === "error").map(({ what, found }) => `${what}: ${found}`);
  return { ok, errors, checks };
}

test("a folder that can be served is fine, and both places of a component are looked at", async (t) => {
  const { ok, checks } = await checked(t, {});
  assert.equal(ok, true);
  assert.deepEqual(
    checks.filter(({ what }) => what === "prompt").map(({ found }) => found),
    ["vault://a answers", "vault://b answers"],
  );
  const { errors } = await checked(t, { "b.txt": "" });
  assert.match(errors[0] ?? "", /^prompt: vault:\/\/b cannot be read/);
});

test("what serving would refuse is said beforehand: no gateway, and a port that two want", async (t) => {
  const nameless = await checked(t, { "connections.yaml": connections.replace("  chat:", "  chatt:") });
  assert.match(nameless.errors.join("\n"), /route: .*chat acts, and has no gateway: add systems\.chat\.gateway/);
  const twice = await checked(t, { "connections.yaml": connections.replace("8080", "7464") });
  assert.match(twice.errors.join("\n"), /port 7464 is wanted by the API and by the gateway of chat/);
});

test("two acting playbooks that name one target are said", async (t) => {
  const two = connections.replace(
    "systems:",
    "systems:\n  other: { gateway: { port: 8081, stable: 'http://127.0.0.1:1', candidate: 'http://127.0.0.1:2' } }",
  );
  const { errors } = await checked(t, { "connections.yaml": two, "other.yaml": playbook("other") });
  assert.match(
    errors.join("\n"),
    /playbook: vault:\/\/a is restored by chat already, and the two would undo each other/,
  );
});

test("a connections file that cannot be read is the only thing that is said of connections", async (t) => {
  const { errors } = await checked(t, {
    "connections.yaml": connections.replace("vault:", "vault: { kind: vualt }\n  x:"),
  });
  assert.equal(errors.length, 1);
  assert.match(errors[0] ?? "", /no kind of connection "vualt"/);
});

test("an acting playbook that would write blindly is said, and one that observes is warned", async (t) => {
  const programs = `${connections}  programs: { kind: command, components: { p: { read: ["true"], apply: ["true"], undo: redeploy } } }\n`;
  const text = playbook().replace("vault://b", "programs://p");
  const blind = async (authority: string) => {
    const files = {
      "connections.yaml": programs,
      "chat.yaml": text.replace("authority: act", `authority: ${authority}`),
    };
    const { checks } = await checked(t, files);
    return checks.filter(({ found }) => found.includes("written blindly")).map(({ level, what }) => `${level} ${what}`);
  };
  assert.deepEqual(await blind("act"), ["error prompt"]);
  assert.deepEqual(await blind("observe"), ["warning prompt"]);
});

test("a change of which nobody says whether it can be undone is said with its place, until the connection or the playbook does", async (t) => {
  const program = (more: string) =>
    `${connections}  programs: { kind: command, components: { p: { read: ["true"], apply: ["true"], guarantee: cas${more} } } }\n`;
  const text = playbook().replace("vault://b", "programs://p");
  const errors = async (more: string, playbookText = text) =>
    (await checked(t, { "connections.yaml": program(more), "chat.yaml": playbookText })).errors.join("\n");
  assert.match(
    await errors(""),
    /chat\.yaml:9:3 .*undeclared-undo[\s\S]*cannot tell what stands behind `programs:\/\/p`/,
  );
  assert.doesNotMatch(await errors(", undo: redeploy"), /undeclared/);
  assert.doesNotMatch(await errors("", text.replace("programs://p", "programs://p, undo: pivot")), /undeclared/);
});
