import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createConnections } from "../../src/app/connections/connections.ts";
import { readConnections } from "../../src/app/connections/connections-file.ts";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import { describeRestoreAdapter } from "../../src/testing/index.ts";

const page = readFileSync(new URL("../../docs/adapters/domino.md", import.meta.url), "utf8");
const program = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
const settings = /```yaml\n# connections\.yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
const ID = "65f0c0ffee0123456789abcd";
const TOKEN = "pat";
const at = "domino://loan-model";
const patience = () => AbortSignal.timeout(20_000);

const file = { type: "File", file: "model.py", function: "predict" };
const registry = { type: "Registry", registeredModelName: "loans", registeredModelVersion: 3 };

interface Version {
  readonly number: number;
  readonly commitId: string;
  readonly environmentRevisionId: string;
  readonly source: object;
  readonly description?: string;
}

function identityOf({ commitId, environmentRevisionId, source }: Version): Digest {
  const sorted = Object.fromEntries(Object.entries(source).sort(([a], [b]) => (a < b ? -1 : 1)));
  const content = JSON.stringify([commitId, environmentRevisionId, sorted]);
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** One Model API with two versions; version 2 was created last. Builds take as long as `pendingReads` says. */
async function startDomino() {
  const state = { revision: "env-1", pendingReads: 1, failing: false, posts: 0 };
  const rest = { dataPlaneId: "local", labels: [], projectId: "p1", recordInvocation: true, monitoringEnabled: false };
  const versions: (Version & Record<string, unknown>)[] = [];
  const add = (commitId: string, source: object, description = "") => {
    const number = versions.length + 1;
    const flags = { logHttpRequestResponse: true, pending: state.pendingReads };
    const version = { ...rest, ...flags, id: `v${number}`, number, commitId, source, description };
    versions.push({ ...version, environmentRevisionId: state.revision });
    return versions.at(-1)!;
  };
  const [good] = [add("c1", registry)];
  const bad = add("c2", file);
  const shown = (version: Version & Record<string, unknown>) => {
    const { pending, ...fields } = version;
    const isPending = Number(pending) > 0;
    version["pending"] = Number(pending) - 1;
    return { ...fields, deployment: { isPending, status: isPending ? "Building" : "Running" } };
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const reply = (status: number, body: object) => response.writeHead(status).end(JSON.stringify(body));
    const [path] = (request.url ?? "").split("?");
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return reply(401, {});
    if (state.failing) return reply(503, {});
    if (path === `/api/modelServing/v1/modelApis/${ID}`) return reply(200, { id: ID, environmentId: "env" });
    if (path !== `/api/modelServing/v1/modelApis/${ID}/versions`) return reply(404, {});
    if (request.method === "GET") return reply(200, { items: versions.map(shown) });
    const body = JSON.parse(Buffer.concat(chunks).toString());
    for (const needed of ["projectId", "source", "logHttpRequestResponse", "monitoringEnabled"])
      if (body[needed] === undefined) return reply(400, { message: `${needed} is missing` });
    state.posts++;
    return reply(201, shown(add(body.commitId, body.source, body.description)));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const folder = mkdtempSync(join(tmpdir(), "rollbook-domino-"));
  writeFileSync(join(folder, "domino.mjs"), program);
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const text = settings.replaceAll(/^/gm, "  ").replace("https://domino.example.com", base);
  const connections = join(folder, "connections.yaml");
  writeFileSync(connections, `rollbook: connections/v1\nconnections:\n${text}`);
  const adapter = createConnections(readConnections(connections, () => TOKEN).connections).adapterFor(at);
  return {
    state,
    versions,
    add,
    adapter,
    revisions: [identityOf(bad), identityOf(good)] as const,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      rmSync(folder, { recursive: true });
    },
  };
}

describeRestoreAdapter({
  name: "the recipe for Domino",
  setup: async () => {
    const { adapter, revisions, stop } = await startDomino();
    return { adapter, at, revisions: [...revisions], unknown: digestOf("nothing"), reference: "1", stop };
  },
});

test("the recipe creates a version with the old source, and sees it when its build is over", async () => {
  const { adapter, revisions, versions, state, stop } = await startDomino();
  const [bad, good] = revisions;
  const live = await adapter.read(at, patience());
  assert.ok(live.kind === "live" && live.digest === bad);
  const request = { at, desired: good, before: live, key: "key-1", fence: 1 };
  state.pendingReads = 2;
  assert.deepEqual(await adapter.apply(request, patience()), { kind: "applied" });
  const { commitId, source, description, number } = versions.at(-1)!;
  assert.deepEqual(
    { commitId, source, description, number },
    { commitId: "c1", source: registry, description: "rollbook key-1", number: 3 },
  );
  const pending = await adapter.seen!(at, good, patience());
  assert.deepEqual(pending, { kind: "pending", reason: "version 3 is Building" });
  assert.deepEqual(await adapter.seen!(at, good, patience()), { kind: "seen" });
  assert.equal((await adapter.apply(request, patience())).kind, "already");
  assert.equal(state.posts, 1);
  await stop();
});

test("the recipe does not know, and never guesses, when the environment has moved or Domino does not answer", async () => {
  const { adapter, revisions, state, add, stop } = await startDomino();
  const live = await adapter.read(at, patience());
  assert.ok(live.kind === "live");
  const request = { at, desired: revisions[1], before: live, key: "key-1", fence: 1 };
  state.failing = true;
  assert.deepEqual(await adapter.apply(request, patience()), {
    kind: "unknown",
    reason: "not written: exit code 13: Domino answers 503",
  });
  state.failing = false;
  state.revision = "env-2";
  const moved = await adapter.apply(request, patience());
  assert.ok(moved.kind === "unknown" && /has the environment a new revision/.test(moved.reason));
  add("c9", file);
  assert.equal((await adapter.apply({ ...request, key: "key-2" }, patience())).kind, "conflict");
  await stop();
});
