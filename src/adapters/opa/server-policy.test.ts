import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { createOpaServerPolicy } from "./index.ts";
import { answerOf } from "./result.ts";

const patience = () => AbortSignal.timeout(10_000);

async function against(listener: RequestListener, at = "opa://lending/back", timeoutMs = 5000) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/opa`;
  try {
    const policy = createOpaServerPolicy({ scheme: "opa", url, token: "secret", timeoutMs });
    return await policy.decide(at, { direction: "back" }, patience());
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const replying =
  (status: number, body: object | string): RequestListener =>
  (_, response) =>
    void response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));

describe("a policy on an OPA server", () => {
  test("is asked as the Data API is documented, and says by what the decision can be found again", async () => {
    const seen: unknown[] = [];
    const answer = await against(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      seen.push(
        request.method,
        request.url,
        request.headers.authorization,
        JSON.parse(Buffer.concat(chunks).toString()),
      );
      const provenance = { version: "1.22.2", bundles: { lending: { revision: "r7" }, empty: {} } };
      response.end(JSON.stringify({ decision_id: "4ca6", provenance, result: ["unfair"] }));
    });
    assert.deepEqual(seen, [
      "POST",
      "/opa/v1/data/lending/back?provenance=true&strict-builtin-errors=true",
      "Bearer secret",
      { input: { direction: "back" } },
    ]);
    const decision = "decision 4ca6, bundle lending@r7, bundle empty@no revision, OPA 1.22.2";
    assert.deepEqual(answer, { kind: "answered", reasons: ["unfair"], decision });
  });

  test("an undefined rule is undefined, and not a policy without objections", async () => {
    const answer = await against(replying(200, { provenance: { version: "1.22.2" } }));
    assert.deepEqual(answer, { kind: "undefined", reason: "data.lending.back is undefined" });
  });

  test("errors, other programs, silence and odd values are unreachable, in the server's own words", async () => {
    const failure = {
      code: "internal_error",
      message: "error(s) occurred while evaluating query",
      errors: [{ code: "eval_builtin_error", message: "div: divide by zero" }],
    };
    const cases: readonly (readonly [RequestListener, RegExp])[] = [
      [replying(500, failure), /answers 500: error\(s\) occurred while evaluating query: div: divide by zero/],
      [replying(400, { code: "invalid_parameter", message: "body contains malformed input" }), /400: body contains/],
      [replying(401, "nobody"), /answers 401$/],
      [replying(200, {}), /not one of OPA's Data API/],
      [replying(200, "<html>"), /not one of OPA's Data API/],
      [(_, response) => void response.writeHead(302, { location: "/" }).end(), /answers 302/],
      [(request) => void request.socket.destroy(), /no answer/],
      [replying(200, { result: "x".repeat(70_000) }), /larger than 64 KiB/],
      [replying(200, { result: { allow: false, reasons: [] } }), /an object with the keys allow, reasons/],
    ];
    for (const [listener, said] of cases) {
      const answer = await against(listener);
      assert.ok(answer.kind === "unreachable", JSON.stringify(answer));
      assert.match(answer.reason, said);
    }
    const late = await against(() => undefined, "opa://lending/back", 50);
    assert.deepEqual(late, { kind: "unreachable", reason: "the OPA server: no answer in time" });
  });

  test("an address is a package and a rule", () => {
    const { serves } = createOpaServerPolicy({ scheme: "opa", url: "http://127.0.0.1" });
    for (const at of ["opa://lending/back", "opa://lending/loans.eu/back-2"]) assert.equal(serves(at), true, at);
    for (const at of ["opa://lending", "opa://lending/", "opa://a/../b", "opa://a/b?x", "opa-eu://a/b", ""])
      assert.equal(serves(at), false, at);
  });
});

describe("what a rule's value says", () => {
  const reasons = (rule: string, value: unknown) => {
    const answer = answerOf(["lending", rule], value, undefined);
    return answer.kind === "answered" ? answer.reasons : answer.kind;
  };

  test("a boolean counts by the rule's name, and is never guessed", () => {
    for (const rule of ["allow", "allowed", "allow_release", "forward"]) {
      assert.deepEqual(reasons(rule, true), []);
      assert.deepEqual(reasons(rule, false), [`the policy says no (${rule} is false)`]);
    }
    for (const rule of ["deny", "denied", "back", "violation", "harmful"]) {
      assert.deepEqual(reasons(rule, false), []);
      assert.deepEqual(reasons(rule, true), [`the policy objects (${rule} is true)`]);
    }
    for (const rule of ["decision", "allowance", "backup"]) assert.equal(reasons(rule, true), "unreachable");
  });

  test("a list of texts and an object of reasons are reasons, and nothing else is", () => {
    assert.deepEqual(reasons("x", []), []);
    assert.deepEqual(reasons("x", { reasons: ["a", " "] }), ["a", "a reason without words"]);
    for (const odd of [null, 1, "no", {}, [1], [null], { reasons: "no" }, { reasons: [], allow: false }, { deny: [] }])
      assert.equal(reasons("x", odd), "unreachable", JSON.stringify(odd));
  });

  test("a flood of reasons is cut, and says so", () => {
    const many = reasons(
      "x",
      Array.from({ length: 50 }, (_, index) => `${index}`.repeat(400)),
    );
    assert.equal(many.length, 21);
    assert.equal(many.at(-1), "and 30 more");
    assert.equal(many[11]?.length, 300);
  });
});
