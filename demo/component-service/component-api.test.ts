import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import { componentApi } from "./component-api.ts";
import { ComponentStore } from "./component-store.ts";
import { type Listening, listen, notFound } from "./http-service.ts";

describe("the component protocol over HTTP", () => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-api-"));
  const store = new ComponentStore(folder);
  const changes: string[] = [];
  let server: Listening;
  let one: Digest;
  let two: Digest;

  before(async () => {
    const register = (label: string): Digest =>
      store.register({ component: "model", label, bytes: new TextEncoder().encode(label) });
    [one, two] = [register("model 1"), register("model 2")];
    store.install("model", one);
    const api = componentApi(store, { changed: (component) => changes.push(component) });
    server = await listen(async (call) => (await api.answer(call)) ?? notFound("such thing"));
  });
  after(async () => {
    await server.close();
    store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const call = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return {
      status: response.status,
      etag: response.headers.get("etag"),
      body: (await response.json()) as Record<string, unknown>,
    };
  };
  const put = (digest: string, headers: Record<string, string>, name = "model") =>
    call(`/components/${name}`, { method: "PUT", body: JSON.stringify({ digest }), headers });
  const guarded = (version: string, key: string, fence = "1") => ({
    "if-match": `"${version}"`,
    "idempotency-key": key,
    "rollbook-fence": fence,
  });

  it("reads what is live with its version as ETag", async () => {
    const { status, etag, body } = await call("/components/model");
    assert.deepEqual([status, etag, body], [200, '"1"', { digest: one, label: "model 1", version: "1" }]);
    assert.equal((await call("/components/nothing")).status, 404);
  });

  it("says which revisions it holds and whether they are intact", async () => {
    const { body } = await call(`/components/model/revisions/${two}`);
    assert.deepEqual(body, { digest: two, label: "model 2", intact: true });
    assert.equal((await call(`/components/model/revisions/${digestOf("other")}`)).status, 404);
  });

  it("asks for a condition, a key and a fence before it writes", async () => {
    assert.equal((await put(two, { "idempotency-key": "k", "rollbook-fence": "1" })).status, 428);
    assert.equal((await put(two, { "if-match": '"1"', "rollbook-fence": "1" })).status, 400);
    assert.equal((await put(two, { "if-match": '"1"', "idempotency-key": "k" })).status, 400);
    assert.equal((await put("two", guarded("1", "k"))).status, 400);
    assert.equal((await put(digestOf("other"), guarded("1", "k"))).status, 404);
    assert.equal(
      (await call("/components/model", { method: "PUT", body: "{", headers: guarded("1", "k") })).status,
      400,
    );
    assert.deepEqual(changes, []);
  });

  it("writes once per key, and refuses old versions and old fences", async () => {
    const applied = await put(two, guarded("1", "step-1", "5"));
    assert.deepEqual([applied.status, applied.body], [200, { digest: two, version: "2" }]);
    const again = await put(two, guarded("1", "step-1", "5"));
    assert.deepEqual([again.status, again.body], [200, { digest: two, version: "2", already: true }]);
    assert.equal((await put(one, guarded("1", "step-1", "5"))).status, 422);
    const mismatch = await put(one, guarded("1", "step-2", "5"));
    assert.equal(mismatch.status, 412);
    assert.equal(mismatch.body["digest"], two);
    assert.equal(mismatch.body["version"], "2");
    const stale = await put(one, guarded("2", "step-3", "4"));
    assert.equal(stale.status, 409);
    assert.match(String(stale.body["reason"]), /fence 4 is older than 5/);
    assert.equal((await put(one, guarded("2", "step-4", "6"))).status, 200);
    assert.deepEqual(changes, ["model", "model"]);
  });
});
