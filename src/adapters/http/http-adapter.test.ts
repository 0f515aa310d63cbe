import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { type Digest, digestOf } from "../../core/digest.ts";
import { describeRestoreAdapter } from "../../testing/index.ts";
import { createHttpAdapter } from "./index.ts";

const OLD = digestOf("model 11");
const NEW = digestOf("model 12");
const AT = "http://lending/components/model";
const patience = () => AbortSignal.timeout(10_000);

async function listen(listener: RequestListener): Promise<{ base: string; stop(): Promise<void> }> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { base: `http://127.0.0.1:${port}/api`, stop };
}

/** A component registry as the protocol asks for it: fence, key, version and effect in one turn of the event loop. */
function componentTarget() {
  const state = { digest: OLD, version: 1, fence: 0 };
  let staged: Digest | undefined;
  const keys = new Set<string>();
  const held: readonly string[] = [OLD, NEW];
  const put = (headers: IncomingMessage["headers"], digest: Digest): [number, object] => {
    const [key, fence] = [String(headers["idempotency-key"]), Number(headers["rollbook-fence"])];
    if (fence < state.fence) return [409, { reason: "a newer fence has written" }];
    if (keys.has(key)) return [200, { digest, version: String(state.version), already: true }];
    if (headers["if-match"] !== `"${state.version}"`) return [412, { reason: "the version has moved" }];
    if (!held.includes(digest)) return [404, { reason: "no such revision" }];
    keys.add(key);
    Object.assign(state, { digest, version: state.version + 1, fence });
    return [200, { digest, version: String(state.version) }];
  };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const named = /^\/api\/components\/model\/revisions\?reference=(.*)$/.exec(request.url ?? "")?.[1];
    if (named === "model-2") return reply(response, 200, { digest: NEW, label: "model 2" });
    if (named !== undefined) return reply(response, 404, {});
    if (request.url === "/api/components/model/staged") {
      const wanted = request.method === "PUT" ? JSON.parse(Buffer.concat(chunks).toString()).digest : undefined;
      if (wanted !== undefined && !held.includes(wanted)) return reply(response, 404, { reason: "no such revision" });
      staged = wanted;
      return reply(response, 200, { digest: wanted });
    }
    const [path, digest] = (request.url ?? "").split("/revisions/");
    if (path !== "/api/components/model") return reply(response, 404, { reason: "no such component" });
    if (digest !== undefined)
      return held.includes(digest) ? reply(response, 200, { intact: true }) : reply(response, 404, {});
    if (request.method === "GET")
      return reply(response, 200, { ...state, label: "model", version: String(state.version) });
    return reply(response, ...put(request.headers, JSON.parse(Buffer.concat(chunks).toString()).digest));
  };
  const rival = (wanted: Digest) => void Object.assign(state, { digest: wanted, version: state.version + 1 });
  return {
    staged: () => staged,
    listener: ((request, response) => void answer(request, response)) as RequestListener,
    rival,
  };
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

for (const [scheme, at] of [
  ["http", AT],
  ["models", "models://lending/components/model"],
] as const)
  describeRestoreAdapter({
    name: `the HTTP adapter of a connection called ${scheme}`,
    setup: async () => {
      const target = componentTarget();
      const { base, stop } = await listen(target.listener);
      return {
        adapter: createHttpAdapter({ hosts: { lending: `${base}/` }, scheme, undo: "compensatable", stages: true }),
        at,
        revisions: [OLD, NEW],
        unknown: digestOf("never built"),
        reference: "model-2",
        rival: async (digest) => target.rival(digest),
        stop,
      };
    },
  });

/** What the adapter makes of a target that behaves like this. */
async function against(listener: RequestListener, timeoutMs = 5000) {
  const { base, stop } = await listen(listener);
  const adapter = createHttpAdapter({ hosts: { lending: base }, timeoutMs });
  const before = { digest: OLD, version: "1" };
  try {
    const applied = await adapter.apply({ at: AT, desired: NEW, before, key: "k", fence: 1 }, patience());
    const [read, holds] = [await adapter.read(AT, patience()), await adapter.holds(AT, NEW, patience())];
    return { applied: applied.kind, reason: "reason" in applied ? applied.reason : "", read: read.kind, holds };
  } finally {
    await stop();
  }
}

describe("the HTTP adapter", () => {
  test("takes a clear no for a no and everything else for unknown", async () => {
    const expected = { 400: "refused", 403: "refused", 404: "refused", 409: "stale", 412: "conflict", 422: "refused" };
    for (const [status, kind] of Object.entries(expected)) {
      const seen = await against((_, response) => reply(response, Number(status), { reason: "because" }));
      assert.deepEqual(seen, { applied: kind, reason: `${status}: because`, read: "unreachable", holds: false });
    }
    const fenced = await against((_, response) => reply(response, 409, { reason: "stale", fence: 500 }));
    assert.equal(fenced.reason, "409: stale; its fence is 500");
    for (const status of [201, 408, 429, 500, 503]) {
      assert.equal((await against((_, response) => reply(response, status, {}))).applied, "unknown");
    }
  });

  test("what is staged is told to the target, and so is that nobody needs it; what it answers is not made more of", async () => {
    const target = componentTarget();
    const { base, stop } = await listen(target.listener);
    const adapter = createHttpAdapter({ hosts: { lending: base }, stages: true });
    assert.deepEqual(await adapter.stage!(AT, OLD, patience()), { kind: "staged" });
    assert.equal(target.staged(), OLD);
    await adapter.unstage!(AT, patience());
    assert.equal(target.staged(), undefined);
    await stop();
    assert.equal((await adapter.stage!(AT, OLD, patience())).kind, "pending");
    await assert.rejects(adapter.unstage!(AT, patience()));
    assert.equal((await adapter.stage!("http://nowhere/x", OLD, patience())).kind, "failed");
    await assert.rejects(adapter.unstage!("http://nowhere/x", patience()));
    for (const [status, body, kind] of [
      [202, { reason: "copying" }, "pending"],
      [503, {}, "pending"],
      [429, {}, "pending"],
      [507, {}, "pending"],
      [409, {}, "failed"],
      [200, { digest: NEW }, "failed"],
    ] as const) {
      const other = await listen((_, response) => reply(response, status, body));
      const asked = createHttpAdapter({ hosts: { lending: other.base }, stages: true });
      assert.equal((await asked.stage!(AT, OLD, patience())).kind, kind, String(status));
      if (status >= 400) await assert.rejects(asked.unstage!(AT, patience()));
      await other.stop();
    }
    assert.equal(createHttpAdapter({ hosts: {} }).stage, undefined);
  });

  test("a success that names another digest, or nothing, is unknown and never applied", async () => {
    const lies = [{ digest: OLD, version: "2" }, {}, [], { digest: NEW.toUpperCase() }];
    for (const lie of lies)
      assert.equal((await against((_, response) => reply(response, 200, lie))).applied, "unknown");
    const html = await against((_, response) => response.writeHead(200).end("<html>hello</html>"));
    assert.deepEqual([html.applied, html.read, html.holds], ["unknown", "unreachable", false]);
  });

  test("does not follow redirects", async () => {
    let visits = 0;
    const elsewhere = await listen((_, response) => {
      visits++;
      reply(response, 200, { digest: NEW, version: "2", intact: true });
    });
    const seen = await against((_, response) => response.writeHead(307, { location: elsewhere.base }).end());
    await elsewhere.stop();
    assert.deepEqual([visits, seen.applied, seen.read, seen.holds], [0, "refused", "unreachable", false]);
    assert.match(seen.reason, /redirects are not followed/);
  });

  test("stops waiting, and stops reading, and then does not know", async () => {
    const silent = await against(() => {}, 60);
    assert.deepEqual([silent.applied, silent.reason, silent.read], ["unknown", "no answer in time", "unreachable"]);
    const endless = await against((_, response) => {
      const body = JSON.stringify({ digest: NEW, version: "2", intact: true, padding: "x".repeat(70_000) });
      response.writeHead(200).end(body);
    });
    assert.deepEqual([endless.applied, endless.read, endless.holds], ["unknown", "unreachable", false]);
    assert.match(endless.reason, /larger than 64 KiB/);
  });

  test("a connection that breaks after the request is unknown", async () => {
    const seen = await against((request) => request.socket.destroy());
    assert.equal(seen.applied, "unknown");
    const { base, stop } = await listen(() => {});
    await stop();
    const adapter = createHttpAdapter({ hosts: { lending: base } });
    const read = await adapter.read(AT, patience());
    assert.ok(read.kind === "unreachable" && read.reason.includes("ECONNREFUSED"));
  });

  test("calls declared hosts only, and says how to declare one", async () => {
    const calls: string[] = [];
    const fetch = async (url: unknown) => {
      calls.push(String(url));
      return Response.json({ digest: OLD, version: 3 });
    };
    const adapter = createHttpAdapter({ hosts: { Lending: "https://models.example/v1/" }, fetch });
    const read = await adapter.read(AT, patience());
    assert.deepEqual(read, { kind: "live", digest: OLD, version: "3" });
    const before = { digest: OLD, version: "3" };
    for (const at of [
      "http://169.254.169.254/latest",
      "http://__proto__/x",
      "http://lending@evil/x",
      "http://lending:81/x",
      "http://lending/x?y",
      "http://",
      "ftp://lending/x",
    ]) {
      const answer = await adapter.apply({ at, desired: NEW, before, key: "k", fence: 1 }, patience());
      assert.ok(answer.kind === "refused", at);
      assert.equal((await adapter.read(at, patience())).kind, "unreachable");
      assert.equal(await adapter.holds(at, NEW, patience()), false);
    }
    const undeclared = await adapter.apply(
      { at: "http://other/x", desired: NEW, before, key: "k", fence: 1 },
      patience(),
    );
    assert.ok("reason" in undeclared);
    assert.match(undeclared.reason, /"other" is not declared \(declared: lending\); declare it/);
    assert.deepEqual(calls, ["https://models.example/v1/components/model"]);
  });

  test("refuses what cannot be a header, before anything is sent", async () => {
    const fetch = () => assert.fail("nothing may be sent");
    const adapter = createHttpAdapter({ hosts: { lending: "http://127.0.0.1" }, fetch });
    const sound = { at: AT, desired: NEW, before: { digest: OLD, version: "1" }, key: "k", fence: 1 };
    const flawed = [
      { ...sound, key: "a\r\nHost: evil" },
      { ...sound, key: "" },
      { ...sound, before: { digest: OLD, version: '1", "*' } },
      { ...sound, fence: 1.5 },
      { ...sound, desired: "sha256:../../x" as Digest },
    ];
    for (const request of flawed) assert.equal((await adapter.apply(request, patience())).kind, "refused");
  });

  test("refuses base URLs that are not plain HTTP", () => {
    for (const base of ["file:///etc", "lending", "http://user:secret@host", "http://host/?x=1", "http://host/#x"]) {
      assert.throws(() => createHttpAdapter({ hosts: { lending: base } }), { code: "REQUEST_INVALID" }, base);
    }
  });
});
