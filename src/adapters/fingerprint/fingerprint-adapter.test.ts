import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { createFingerprintAdapter } from "./fingerprint-adapter.ts";

const never = new AbortController().signal;
const at = "hosted://chat";

async function service(t: TestContext, answer: () => { status?: number; body: string; fingerprint?: string }) {
  const server = createServer((request, response) => {
    request.resume();
    const { status = 200, body, fingerprint } = answer();
    response.writeHead(status, fingerprint ? { "x-model": fingerprint } : {}).end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat`;
  const fields = ["model", "system_fingerprint"];
  return createFingerprintAdapter({
    scheme: "hosted",
    components: { chat: { url, method: "POST", body: "{}", fields }, named: { url, fields: ["header:x-model"] } },
  });
}

test("another fingerprint is another identity, and the same one the same", async (t) => {
  let print = "fp_1";
  const adapter = await service(t, () => ({
    body: JSON.stringify({ model: "m", system_fingerprint: print, id: Math.random() }),
  }));
  const first = await adapter.read(at, never);
  assert.ok(first.kind === "live");
  assert.equal(first.label, "m fp_1");
  assert.deepEqual(await adapter.read(at, never), first);
  assert.equal(await adapter.holds(at, first.digest, never), true);
  print = "fp_2";
  const second = await adapter.read(at, never);
  assert.ok(second.kind === "live" && second.digest !== first.digest);
  assert.equal(await adapter.holds(at, first.digest, never), false);
});

test("a header can say it", async (t) => {
  const adapter = await service(t, () => ({ body: "", fingerprint: "m-7" }));
  const live = await adapter.read("hosted://named", never);
  assert.ok(live.kind === "live" && live.label === "m-7");
});

for (const [what, answer] of Object.entries({
  "an answer without a fingerprint": { body: '{"model":"m"}' },
  "no JSON": { body: "<html>" },
  "a failure": { status: 500, body: "{}" },
  "an object where a value belongs": { body: '{"model":{},"system_fingerprint":"x"}' },
}))
  test(`${what} is unreachable, never unchanged`, async (t) => {
    const adapter = await service(t, () => answer);
    assert.equal((await adapter.read(at, never)).kind, "unreachable");
  });

test("nothing is ever written, and nothing else is served", async (t) => {
  const adapter = await service(t, () => ({ body: "{}" }));
  const digest = `sha256:${"0".repeat(64)}` as const;
  const request = { at, desired: digest, before: { digest, version: "1" }, key: "k", fence: 1 };
  assert.equal((await adapter.apply(request, never)).kind, "refused");
  assert.equal(adapter.serves("http://chat"), false);
  assert.equal((await adapter.read("hosted://other", never)).kind, "unreachable");
  assert.equal((await adapter.read(at, AbortSignal.abort())).kind, "unreachable");
});
