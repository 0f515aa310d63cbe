import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { operationsOf } from "../operations/operations.ts";
import { allows } from "../operations/permission.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { createApi } from "./api.ts";
import { createEventStream } from "./event-stream.ts";

const SECRETS = { admin: "rbk_admin-secret", reporter: "rbk_reporter-secret" } as const;
const store = createMemoryStore();
for (const role of ["admin", "reporter"] as const) {
  const sha256 = createHash("sha256").update(SECRETS[role]).digest("hex");
  await store.commit([{ kind: "token", token: { id: role, sha256, role, createdAt: 1 } }]);
}

const logged: string[] = [];
let reported = 0;
const operations = operationsOf({
  storeHealth: { unreadable: () => undefined, over: () => undefined },
  store,
  systems: new Map(),
  connections: {
    names: [],
    adapterFor: () => assert.fail("nothing is connected"),
    reaches: () => false,
    elsewhere: async () => [],
  },
  issueToken: async () => "rbk_secret",
  reportOutcomes: (items) => {
    reported += items.length;
    return { accepted: items.length, rejected: 0 };
  },
  takeBlocks: (blocks) => ({ new: blocks.length, duplicate: 0, rejected: 0 }),
  ledger: {
    verify: async () => {
      throw new Error("a secret detail of the inside");
    },
    receipt: async (index) => ({ index }),
  },
});
const events = createEventStream();
let illness: string | undefined;
const api = createApi({
  store,
  operations,
  events,
  flags: (method, path, body, etag) => ({
    status: etag === '"same"' ? 304 : 200,
    headers: { "content-type": "application/json", etag: '"same"' },
    body: JSON.stringify({ method, path, body }),
  }),
  assignments: {
    answer: (system) => ({ status: 200, headers: {}, body: JSON.stringify({ system }) }),
    stream: (system) => new Response(`data: ${system}\n\n`),
    changes: () => new Response("data: changed\n\n"),
  },
  alerts: async (connection, body) => ({ connection, body }),
  page: (path) => (path === "/" ? { type: "text/html", content: "<!doctype html>" } : undefined),
  ill: () => illness,
  log: (text) => void logged.push(text),
});

function ask(path: string, init: RequestInit & { token?: string; host?: string } = {}): Promise<Response> {
  const { token, host = "127.0.0.1:7464", ...rest } = init;
  const headers = { host, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...rest.headers };
  return Promise.resolve(api.request(path, { ...rest, headers }));
}

async function problem(answer: Response): Promise<Record<string, unknown>> {
  assert.equal(answer.headers.get("content-type"), "application/problem+json");
  const body = (await answer.json()) as Record<string, unknown>;
  assert.equal(body["status"], answer.status);
  assert.equal(typeof body["title"], "string");
  return body;
}

const SECURE = ["content-security-policy", "x-content-type-options", "referrer-policy", "cache-control"];
const assertSecure = (answer: Response) => {
  for (const name of SECURE) assert.ok(answer.headers.get(name), `${name} is missing of ${answer.status}`);
};

describe("every operation and every role", () => {
  const roles = [
    { name: "nobody", token: undefined, role: undefined },
    { name: "a wrong token", token: "rbk_wrong", role: undefined },
    { name: "the hash instead of the secret", token: createHash("sha256").update(SECRETS.admin).digest("hex") },
    { name: "the reporter", token: SECRETS.reporter, role: "reporter" },
    { name: "the admin", token: SECRETS.admin, role: "admin" },
  ] as const;
  for (const { name, method, path, permission } of operations) {
    for (const { name: who, token, ...rest } of roles) {
      const allowed = allows("role" in rest ? rest.role : undefined, permission);
      test(`${name}: ${who} is ${allowed ? "let in" : "refused"}`, async () => {
        const answer = await ask(path.replace(/\{\w+\}/g, "1"), { method, ...(token ? { token } : {}) });
        if (allowed) assert.notEqual(answer.status, 401);
        else {
          const { code, hint } = await problem(answer);
          assert.equal(answer.status, 401);
          assert.equal(code, "UNAUTHORISED");
          assert.match(String(hint), /Authorization: Bearer/);
        }
        assertSecure(answer);
      });
    }
  }

  test("whatever changes something needs more than reading", () => {
    for (const { dryRun, permission, method } of operations) {
      if (dryRun) assert.equal(permission, "admin");
      if (permission !== "read") assert.equal(method, "POST");
    }
  });
});

describe("the HTTP API", () => {
  const post = (body: string | ReadableStream, token: string = SECRETS.admin) =>
    ask("/v1/outcomes", { method: "POST", body, token, duplex: "half" } as RequestInit & { token: string });

  test("takes a batch of outcomes", async () => {
    const answer = await post('{"outcomes":[{"request":"r","counts":{"loans":1}}]}', SECRETS.reporter);
    assert.deepEqual(await answer.json(), { accepted: 1, rejected: 0 });
    assert.equal(reported, 1);
  });

  test("refuses what is not a JSON object, unknown keys and wrong types, each with its reason", async () => {
    const cases = {
      "{": /not JSON/,
      "[]": /must be a JSON object/,
      "7": /must be a JSON object/,
      "": /outcomes: /,
      '{"outcomes":[],"extra":1}': /extra/,
      '{"outcomes":[{"request":"r","counts":{"loans":-1}}]}': /outcomes\.0/,
      '{"outcomes":[{"request":"r","values":{"mood":"good"}}]}': /outcomes\.0/,
      '{"outcomes":[{"request":"r","counts":{},"groups":{"age":7}}]}': /outcomes\.0/,
      '{"outcomes":[{"request":"r","counts":{},"unit":["s"]}]}': /outcomes\.0/,
      '{"outcomes":[{"request":"r","counts":{"loans":1e999}}]}': /outcomes\.0/,
      '{"__proto__":{"outcomes":[]}}': /__proto__ is no name/,
      '{"outcomes":[{"request":"r","counts":{"__proto__":1}}]}': /__proto__ is no name/,
    };
    for (const [body, reason] of Object.entries(cases)) {
      const answer = await post(body);
      assert.equal(answer.status, 400, body);
      const { code, title } = await problem(answer);
      assert.equal(code, "REQUEST_INVALID");
      assert.match(String(title), reason);
    }
    assert.equal(reported, 1);
  });

  test("refuses a body of more than 1 MiB, whether its length is declared or not", async () => {
    const large = JSON.stringify({ outcomes: [], extra: "x".repeat(1024 * 1024) });
    for (const body of [large, new Blob([large]).stream()]) {
      const answer = await post(body);
      assert.equal(answer.status, 413);
      await problem(answer);
      assertSecure(answer);
    }
  });

  test("takes larger bodies where counts of many seconds come at once, and not for ever larger ones", async () => {
    const samples = (bytes: number) =>
      ask("/v1/samples", {
        method: "POST",
        token: SECRETS.reporter,
        body: JSON.stringify({ samples: [{ node: "x".repeat(bytes) }] }),
      });
    const taken = await samples(2 * 1024 * 1024);
    assert.deepEqual([taken.status, await taken.json()], [200, { new: 1, duplicate: 0, rejected: 0 }]);
    assert.equal((await samples(16 * 1024 * 1024)).status, 413);
  });

  test("answers under loopback names only", async () => {
    for (const host of ["127.0.0.1", "localhost:7464", "[::1]:7464"]) {
      assert.equal((await ask("/healthz", { host })).status, 200, host);
    }
    for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil:80", "127.0.0.1:x", ""]) {
      const answer = await ask("/v1/status", { host });
      assert.equal(answer.status, 421, host);
      await problem(answer);
      assertSecure(answer);
    }
  });

  test("is not well once the store has failed, so that whoever runs it starts it again", async () => {
    assert.deepEqual(await (await ask("/healthz")).json(), { ok: true });
    illness = "disk I/O error";
    const answer = await ask("/healthz");
    illness = undefined;
    assert.equal(answer.status, 503);
    assert.deepEqual(await answer.json(), { ok: false, reason: "disk I/O error" });
  });

  test("takes what the path names, whatever the body says", async () => {
    const release = `sha256:${"a".repeat(64)}`;
    const answer = await ask(`/v1/quarantine/${release}/lift`, {
      method: "POST",
      token: SECRETS.admin,
      body: JSON.stringify({ release: `sha256:${"b".repeat(64)}`, dryRun: true }),
    });
    assert.equal(answer.status, 404);
    assert.match(String((await problem(answer))["title"]), new RegExp(release));
  });

  test("maps errors of the catalogue to statuses, and tells nothing of the inside", async () => {
    const unreachable = await ask("/v1/status");
    assert.equal(unreachable.status, 503);
    assert.equal((await problem(unreachable))["code"], "SYSTEM_UNREACHABLE");
    const broken = await ask("/v1/ledger/verify");
    assert.equal(broken.status, 500);
    assert.doesNotMatch(JSON.stringify(await problem(broken)), /secret detail/);
    assert.match(logged.join("\n"), /a secret detail of the inside/);
  });

  test("says 404 for unknown paths and methods, and serves the page with its policy", async () => {
    for (const [path, method] of [
      ["/nothing", "GET"],
      ["/../package.json", "GET"],
      ["/v1/status", "DELETE"],
      ["/v1/nothing", "POST"],
    ] as const) {
      const answer = await ask(path, { method });
      assert.equal(answer.status, 404);
      await problem(answer);
    }
    const page = await ask("/");
    assert.equal(page.status, 200);
    assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'self'; frame-ancestors 'none'/);
    assertSecure(page);
  });

  test("hands OFREP to the flags, with the path, the body and the entity tag", async () => {
    const one = await ask("/ofrep/v1/evaluate/flags/fast-track", { method: "POST", body: '{"context":{}}' });
    const path = "/ofrep/v1/evaluate/flags/fast-track";
    assert.deepEqual(await one.json(), { method: "POST", path, body: '{"context":{}}' });
    const all = await ask("/ofrep/v1/evaluate/flags", { method: "POST", headers: { "if-none-match": '"same"' } });
    assert.equal(all.status, 304);
    assert.equal(await all.text(), "");
  });

  test("reads numbers of a query and a path, and refuses what is none", async () => {
    assert.deepEqual(await (await ask("/v1/ledger/receipts/3")).json(), { index: 3 });
    assert.deepEqual(await (await ask("/v1/ledger/entries?from=0&limit=5")).json(), []);
    for (const path of ["/v1/ledger/receipts/x", "/v1/ledger/entries?limit=0", "/v1/ledger/entries?other=1"]) {
      assert.equal((await ask(path)).status, 400, path);
    }
  });
});

test("clients that assign by themselves ask for the state, or follow it", async () => {
  assert.deepEqual(await (await ask("/v1/assignments/chat")).json(), { system: "chat" });
  const stream = await ask("/v1/assignments/chat", { headers: { accept: "text/event-stream" } });
  assert.equal(await stream.text(), "data: chat\n\n");
  assert.equal(await (await ask("/ofrep/v1/changes")).text(), "data: changed\n\n");
});

test("alerts are posted to a connection by who may report", async () => {
  const post = (token?: string) =>
    ask("/v1/alerts/pager", { method: "POST", body: '{"version":"4"}', ...(token ? { token } : {}) });
  assert.equal((await problem(await post()))["code"], "UNAUTHORISED");
  const taken = await post(SECRETS.reporter);
  assert.deepEqual(await taken.json(), { connection: "pager", body: { version: "4" } });
});
