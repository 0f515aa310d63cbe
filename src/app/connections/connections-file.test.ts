import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { RollbookError } from "../../core/errors.ts";
import { readConnections } from "./connections-file.ts";

function fileOf(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-connections-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "connections.yaml");
  writeFileSync(file, text);
  return file;
}

const read = (t: TestContext, text: string) => readConnections(fileOf(t, text), () => undefined);

const GOOD = `
rollbook: connections/v1
port: 0
data: ./state
systems:
  chat:
    gateway: { port: 7470, stable: http://127.0.0.1:8001, candidate: http://127.0.0.1:8002 }
connections:
  http: { hosts: { lending: http://127.0.0.1:7001 } }
  http-eu: { kind: http, hosts: { lending: http://127.0.0.1:7002 }, identity: eu-1 }
`;

test("connections are made by name, and the data folder lies beside the file", (t) => {
  const { connections, data, systems, port } = read(t, GOOD);
  assert.deepEqual(
    connections.map(({ name, identity }) => [name, identity]),
    [
      ["http", undefined],
      ["http-eu", "eu-1"],
    ],
  );
  assert.match(data, /state$/);
  assert.equal(port, 0);
  assert.equal(systems["chat"]?.gateway?.port, 7470);
});

const BAD: Readonly<Record<string, readonly [text: string, reason: RegExp]>> = {
  "is no YAML": ["rollbook: [", /cannot be used/],
  "has another version": ["rollbook: v1\n", /1:11 rollbook: /],
  "has a key that nobody knows": ["rollbook: connections/v1\nports: 1\n", /Unrecognized key: "ports"/],
  "has a kind that nobody knows": [
    "rollbook: connections/v1\nconnections:\n  htp: { hosts: {} }\n",
    /3:\d+ .*"htp"; is it "http"/,
  ],
  "has a kind's settings wrong": [
    "rollbook: connections/v1\nconnections:\n  http:\n    hosts: { a: nowhere }\n",
    /4:\d+ connections\.http\.hosts\.a: /,
  ],
  "has a name of ours": [
    "rollbook: connections/v1\nconnections:\n  flags: { kind: http, hosts: {} }\n",
    /Rollbook's own/,
  ],
  "has a name that is no scheme": [
    "rollbook: connections/v1\nconnections:\n  My_Http: { kind: http, hosts: {} }\n",
    /scheme/,
  ],
  "has an upstream that is no address": [
    "rollbook: connections/v1\nsystems: { chat: { gateway: { stable: here, candidate: there } } }\n",
    /2:\d+ systems\.chat\.gateway\.stable: /,
  ],
  "has a key twice": ["rollbook: connections/v1\nport: 1\nport: 2\n", /unique/],
};

for (const [what, [text, reason]] of Object.entries(BAD))
  test(`a connections file that ${what} is refused, with the place`, (t) => {
    assert.throws(
      () => read(t, text),
      (error) => error instanceof RollbookError && error.code === "CONNECTIONS_INVALID" && reason.test(error.message),
    );
  });

test("one that is not there is said to be not there", () => {
  assert.throws(() => readConnections("/nowhere/connections.yaml", () => undefined), { code: "FILE_UNREADABLE" });
});

test("the shared store and the ledger's key are named, and read where they lie", (t) => {
  const url = "postgres://a:b@db/rollbook";
  assert.equal(read(t, "rollbook: connections/v1").store, undefined);
  assert.equal(read(t, `{ rollbook: connections/v1, store: "${url}" }`).store, url);
  const file = fileOf(t, "{ rollbook: connections/v1, store: { env: STORE }, ledger-key: { env: KEY } }");
  const { store, ledgerKey } = readConnections(file, (name) => ({ STORE: url, KEY: "pem" })[name]);
  assert.deepEqual([store, ledgerKey], [url, "pem"]);
  assert.throws(() => readConnections(file, () => undefined), /the environment variable STORE is not set/);
});
