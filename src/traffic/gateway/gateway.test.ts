import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type RequestOptions,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { digestOf, shortDigest } from "../../core/digest.ts";
import type { Signal } from "../../core/playbook.ts";
import { createCounter } from "../attribution/counter.ts";
import { assign } from "../routing/assignment.ts";
import { createGateway } from "./gateway.ts";
import type { Limits } from "./limits.ts";

const stable = digestOf("stable");
const candidate = digestOf("candidate");
const ALL = 1_000_000;
const clock = { now: () => Date.now(), sleep: async () => {} };
const named = (name: string, part: string, more: Partial<Signal> = {}): Signal => ({
  name,
  kind: "share",
  part,
  of: "requests",
  from: "gateway",
  better: "down",
  ...more,
});
const signals = [
  named("errors", "failed"),
  named("hang-ups", "cancelled"),
  named("approvals", "approved", { from: "events", of: "decisions" }),
];

async function upstream(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Nobody listens there. A port that was free a moment ago may be taken by whoever comes next. */
const NOWHERE = "http://127.0.0.1:1";

interface Setting {
  readonly stable: RequestListener | string;
  readonly candidate?: RequestListener | string;
  readonly ppm?: number;
  readonly limits?: Partial<Limits>;
}

async function gatewayBefore(t: TestContext, setting: Setting) {
  const at = async (way: RequestListener | string) => (typeof way === "string" ? way : await upstream(t, way));
  const requestKey = new Uint8Array(32).fill(1);
  const counter = createCounter({ signals, node: "n", clock, requestKey });
  const stableAt = await at(setting.stable);
  const upstreams = { stable: stableAt, candidate: await at(setting.candidate ?? stableAt) };
  const limits = setting.limits ?? {};
  const gateway = createGateway({ system: "loans", clock, counter, requestKey, upstreams, limits });
  let epoch = 0;
  const share = (ppm: number): void =>
    gateway.traffic.set({ system: "loans", epoch: ++epoch, stable, candidate, candidatePpm: ppm });
  share(setting.ppm ?? 0);
  gateway.traffic.renew("loans", Date.now() + 60_000);
  const { port } = await gateway.listen(0, "127.0.0.1");
  t.after(() => gateway.close());
  /** What the counter holds of one signal: n and k, per release. */
  const counted = (signal: string, release: string): [number, number] => {
    const blocks = counter.drain().filter((block) => block.signal === signal && block.release === release);
    return [blocks.reduce((sum, { n }) => sum + n, 0), blocks.reduce((sum, { k }) => sum + k, 0)];
  };
  return { gateway, counter, share, port, counted };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

async function opened(port: number, options: RequestOptions = {}, body?: string | Buffer): Promise<IncomingMessage> {
  const request = httpRequest({ port, host: "127.0.0.1", agent: false, ...options });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

async function call(port: number, options: RequestOptions = {}, body?: string | Buffer): Promise<Answer> {
  const response = await opened(port, options, body);
  let text = "";
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode!, headers: response.headers, text };
}

async function settled(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(condition());
}

const hello: RequestListener = (_request, response) => void response.end("hello");
const echo: RequestListener = (request, response) => {
  response.writeHead(201, "Made", ["x-method", request.method!, "x-url", request.url!]);
  request.pipe(response);
};

test("any method, path, body and status pass through as they are", async (t) => {
  const { port } = await gatewayBefore(t, { stable: echo });
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    const body = method === "GET" ? undefined : `body of ${method}`;
    const headers = body ? { "content-length": body.length } : {};
    const answer = await call(port, { method, path: "/v1/a%20b?c=d&e", headers }, body);
    assert.deepEqual([answer.status, answer.text], [201, body ?? ""]);
    assert.deepEqual([answer.headers["x-method"], answer.headers["x-url"]], [method, "/v1/a%20b?c=d&e"]);
  }
  const head = await call(port, { method: "HEAD", path: "/h" });
  assert.deepEqual([head.status, head.text], [201, ""]);
});

test("the path of an upstream's address stands before the request's", async (t) => {
  const at = await upstream(t, echo);
  const { port } = await gatewayBefore(t, { stable: `${at}/base/` });
  assert.equal((await call(port, { path: "/x?y" })).headers["x-url"], "/base/x?y");
});

test("headers are forwarded but for those of one hop, and ours cannot be spoofed", async (t) => {
  let received: IncomingMessage["headers"] = {};
  const { port } = await gatewayBefore(t, {
    stable: (request, response) => {
      received = request.headers;
      const cookies = ["set-cookie", "a=1", "set-cookie", "b=2"];
      response.writeHead(200, [...cookies, "connection", "x-hop", "x-hop", "1", "x-own", "é", "rollbook-epoch", "99"]);
      // A text would make Node write the headers as UTF-8 with it.
      response.end(Buffer.from("ok"));
    },
  });
  const headers = {
    authorization: "Bearer t",
    te: "trailers",
    connection: "x-private, keep-alive",
    "x-private": "1",
    "rollbook-key": "user-1",
    "rollbook-request": "forged",
    "rollbook-variant": "candidate",
  };
  const answer = await call(port, { headers });
  assert.equal(received["authorization"], "Bearer t");
  assert.equal(received["rollbook-key"], "user-1");
  assert.equal(received["rollbook-request"], answer.headers["rollbook-request"]);
  for (const name of ["te", "x-private", "rollbook-variant"]) assert.equal(received[name], undefined);
  assert.deepEqual(answer.headers["set-cookie"], ["a=1", "b=2"]);
  assert.equal(answer.headers["x-hop"], undefined);
  assert.equal(answer.headers["x-own"], "é");
  assert.equal(answer.headers["rollbook-epoch"], "1");
  assert.equal(answer.headers["rollbook-variant"], "stable");
  assert.equal(answer.headers["rollbook-release"], shortDigest(stable));
});

test("a key sticks to the variant that the assignment says, and the id takes outcomes back", async (t) => {
  const say =
    (text: string): RequestListener =>
    (_request, response) =>
      void response.end(text);
  const { gateway, port, counter, counted } = await gatewayBefore(t, {
    stable: say("stable"),
    candidate: say("candidate"),
    ppm: ALL / 2,
  });
  const route = gateway.traffic.current("loans")!;
  const seen = new Set<string>();
  for (let i = 0; i < 20; i++) {
    const { text, headers } = await call(port, { headers: { "rollbook-key": `user-${i % 10}` } });
    assert.equal(text, assign(route, `user-${i % 10}`));
    assert.equal(headers["rollbook-variant"], text);
    const id = String(headers["rollbook-request"]);
    assert.equal(counter.report(id, { decisions: 1, approved: text === "stable" ? 1 : 0 }).kind, "counted");
    seen.add(text);
  }
  assert.deepEqual([...seen].sort(), ["candidate", "stable"]);
  const [n, k] = counted("approvals", candidate);
  assert.ok(n > 0 && k === 0);
});

test("without a key the share is met by chance", async (t) => {
  const { port, counted } = await gatewayBefore(t, { stable: hello, ppm: ALL / 2 });
  for (let i = 0; i < 60; i++) await call(port);
  const [n] = counted("errors", candidate);
  assert.ok(n > 8 && n < 52, `${n} of 60`);
});

test("events of a stream arrive one by one, not at the end", async (t) => {
  let upstreamResponse: ServerResponse | undefined;
  const { port } = await gatewayBefore(t, {
    stable: (_request, response) => {
      upstreamResponse = response;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
    },
  });
  const response = await opened(port);
  assert.equal(response.headers["content-type"], "text/event-stream");
  for (const event of ["data: one\n\n", "data: two\n\n"]) {
    upstreamResponse!.write(event);
    const [chunk] = await once(response, "data");
    assert.equal(String(chunk), event);
  }
  upstreamResponse!.end();
  await once(response, "end");
  assert.ok(response.complete);
});

test("a slow client holds the upstream back", async (t) => {
  let written = 0;
  const { port } = await gatewayBefore(t, {
    stable: (_request, response) => {
      const chunk = Buffer.alloc(1_000_000);
      const more = (): void => {
        while (written < 200_000_000) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once("drain", more);
        }
        response.end();
      };
      more();
    },
  });
  const response = await opened(port);
  let last = -1;
  await settled(() => {
    const still = written === last;
    last = written;
    return still;
  });
  assert.ok(written < 100_000_000, `${written} bytes ran ahead`);
  response.destroy();
});

test("a large body streams up whole", async (t) => {
  const { port } = await gatewayBefore(t, { stable: echo });
  const body = Buffer.alloc(3_000_000, "abc");
  const whole = await call(port, { method: "POST" }, body);
  const chunked = await call(port, { method: "POST", headers: { "transfer-encoding": "chunked" } }, body);
  assert.ok(whole.text === body.toString() && chunked.text === body.toString());
});

test("a body over the limit is 413, announced or not, and nobody's failure", async (t) => {
  const { port, counted } = await gatewayBefore(t, {
    stable: (request, response) => void request.resume().on("end", () => response.end("took it")),
    limits: { bodyBytes: 200_000 },
  });
  const body = Buffer.alloc(300_000);
  assert.equal((await call(port, { method: "POST" }, body)).status, 413);
  const chunked = await call(port, { method: "POST", headers: { "transfer-encoding": "chunked" } }, body);
  assert.equal(chunked.status, 413);
  assert.equal(JSON.parse(chunked.text).error.code, "BODY_TOO_LARGE");
  assert.equal((await call(port, { method: "POST" }, body.subarray(0, 200_000))).text, "took it");
  assert.deepEqual(counted("errors", stable), [2, 0]);
});

test("an upstream that is down is 502 and counts as failed", async (t) => {
  const { port, counted } = await gatewayBefore(t, { stable: NOWHERE });
  const answer = await call(port, { method: "POST" }, "x");
  assert.equal(answer.status, 502);
  assert.equal(JSON.parse(answer.text).error.code, "UPSTREAM_UNREACHABLE");
  assert.ok(answer.headers["rollbook-request"]);
  assert.deepEqual(counted("errors", stable), [1, 1]);
});

test("an upstream that is silent is 504 and counts as failed", async (t) => {
  const { port, counted } = await gatewayBefore(t, { stable: () => {}, limits: { headers: 60 } });
  assert.equal((await call(port)).status, 504);
  assert.deepEqual(counted("errors", stable), [1, 1]);
});

test("a 5xx passes through and counts as failed, a 4xx does not", async (t) => {
  const { port, counted } = await gatewayBefore(t, {
    stable: (request, response) => void response.writeHead(Number(request.url!.slice(1))).end("no"),
  });
  assert.equal((await call(port, { path: "/503" })).text, "no");
  assert.equal((await call(port, { path: "/404" })).status, 404);
  assert.deepEqual(counted("errors", stable), [2, 1]);
});

test("when the candidate cannot be reached stable answers, and the failure is the candidate's", async (t) => {
  const { gateway, port, counter } = await gatewayBefore(t, { stable: echo, candidate: NOWHERE, ppm: ALL });
  for (const body of ["small", "large".repeat(30_000)]) {
    const answer = await call(port, { method: "POST" }, body);
    assert.ok(answer.status === 201 && answer.text === body);
    assert.equal(answer.headers["rollbook-variant"], "candidate");
    assert.equal(answer.headers["rollbook-served"], "stable");
    assert.equal(answer.headers["rollbook-release"], shortDigest(stable));
    assert.equal(counter.report(String(answer.headers["rollbook-request"]), { decisions: 1 }).kind, "excluded");
  }
  const blocks = counter.drain().filter((block) => block.signal === "errors");
  assert.ok(blocks.every((block) => block.release === candidate && block.n === block.k));
  assert.equal(gateway.lastDispatchToCandidate(), undefined);
});

test("an upstream that breaks off in mid-stream never looks like a clean end", async (t) => {
  const { port, counted } = await gatewayBefore(t, {
    stable: (request, response) => {
      response.writeHead(200, request.url === "/sized" ? { "content-length": "1000" } : {});
      response.write("half", () => setImmediate(() => response.destroy()));
    },
  });
  for (const path of ["/chunked", "/sized"]) await assert.rejects(call(port, { path }), { code: "ECONNRESET" });
  const old = connect(port, "127.0.0.1");
  old.resume().write("GET /old HTTP/1.0\r\n\r\n");
  const [error] = await once(old, "error").catch((caught) => [caught]);
  assert.equal(error.code, "ECONNRESET");
  assert.deepEqual(counted("errors", stable), [3, 3]);
});

test("a client that leaves cancels the upstream's work and is counted as cancelled", async (t) => {
  let gone = 0;
  const { port, counter } = await gatewayBefore(t, {
    stable: (request, response) => {
      response.on("close", () => gone++);
      if (request.url === "/begun") response.write("some");
    },
  });
  const response = await opened(port, { path: "/begun" });
  response.destroy();
  const waiting = httpRequest({ port, host: "127.0.0.1", agent: false });
  waiting.on("error", () => {}).end();
  setTimeout(() => waiting.destroy(), 20);
  await settled(() => gone === 2);
  const sums: Record<string, [number, number]> = {};
  for (const { signal, n, k } of counter.drain()) {
    const [sumN, sumK] = sums[signal] ?? [0, 0];
    sums[signal] = [sumN + n, sumK + k];
  }
  assert.deepEqual(sums, { errors: [2, 0], "hang-ups": [2, 2] });
});

test("a client that leaves while its body streams is cancelled, not failed", async (t) => {
  const { port, counter } = await gatewayBefore(t, { stable: (request) => void request.resume() });
  const request = httpRequest({ port, host: "127.0.0.1", method: "POST", agent: false });
  request.on("error", () => {}).write("part");
  setTimeout(() => request.destroy(), 20);
  let drained = counter.drain();
  await settled(() => {
    if (drained.length === 0) drained = counter.drain();
    return drained.length > 0;
  });
  assert.deepEqual(
    drained.map(({ signal, n, k }) => [signal, n, k]),
    [
      ["errors", 1, 0],
      ["hang-ups", 1, 1],
    ],
  );
});

test("after set returns nothing more is dispatched to the candidate, however many requests wait", async (t) => {
  let hits = 0;
  const { gateway, port, share } = await gatewayBefore(t, {
    stable: (request, response) => void request.resume().on("end", () => response.end("stable")),
    candidate: (request, response) => {
      hits++;
      setTimeout(() => request.resume().on("end", () => response.end("candidate")), 4);
    },
    ppm: ALL,
    limits: { connections: 2 },
  });
  const body = Buffer.alloc(70_000);
  const calls = Array.from({ length: 80 }, (_, i) =>
    call(port, { method: i % 2 ? "POST" : "GET" }, i % 2 ? body : undefined),
  );
  await settled(() => hits >= 10);
  share(0);
  const containedAt = Date.now();
  const before = hits;
  const answers = await Promise.all(calls);
  assert.ok(hits <= before + 2, `${hits - before} requests came after the switch`);
  assert.ok(gateway.lastDispatchToCandidate()! <= containedAt);
  assert.ok(answers.every(({ status }) => status === 200));
  for (const { text, headers } of answers) assert.equal(headers["rollbook-variant"], text);
  assert.equal(answers.filter(({ text }) => text === "candidate").length, hits);
});

test("without a living controller the candidate loses its traffic", async (t) => {
  const { gateway, port } = await gatewayBefore(t, { stable: hello, ppm: ALL });
  assert.equal((await call(port)).headers["rollbook-variant"], "candidate");
  gateway.traffic.renew("loans", Date.now() - 1);
  assert.equal((await call(port)).headers["rollbook-variant"], "stable");
});

test("before the first route it says 503, and an absolute address is 400", async (t) => {
  const requestKey = new Uint8Array(32);
  const counter = createCounter({ signals, node: "n", clock, requestKey });
  const at = NOWHERE;
  const gateway = createGateway({ system: "s", clock, counter, requestKey, upstreams: { stable: at, candidate: at } });
  t.after(() => gateway.close());
  const { port } = await gateway.listen(0, "127.0.0.1");
  assert.equal((await call(port)).status, 503);
  assert.equal((await call(port, { path: "http://elsewhere/x" })).status, 400);
  assert.deepEqual(counter.drain(), []);
});

test("a port that is taken makes it move, and it says so", async (t) => {
  const taken = Number(new URL(await upstream(t, hello)).port);
  const { gateway } = await gatewayBefore(t, { stable: hello });
  const listening = await gateway.listen(taken, "127.0.0.1");
  assert.ok(listening.moved && listening.port !== taken);
  assert.equal((await call(listening.port)).text, "hello");
});
