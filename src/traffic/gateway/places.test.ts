import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { digestOf } from "../../core/digest.ts";
import type { Route } from "../../core/entry.ts";
import { createCounter } from "../attribution/counter.ts";
import type { Fallback } from "./containment.ts";
import { createGateway } from "./gateway.ts";

const stable = digestOf("stable");
const candidate = digestOf("candidate");
const ALL = 1_000_000;
const clock = { now: () => Date.now(), sleep: async () => {} };
const errors = {
  name: "errors",
  kind: "share",
  part: "failed",
  of: "requests",
  from: "gateway",
  better: "down",
} as const;

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

const say =
  (text: string): RequestListener =>
  (request, response) =>
    void request.resume().on("end", () => response.end(text));

async function gatewayOver(
  t: TestContext,
  blue: RequestListener | string,
  green: RequestListener | string,
  fallback?: Fallback,
) {
  const at = async (way: RequestListener | string) => (typeof way === "string" ? way : await upstream(t, way));
  const requestKey = new Uint8Array(32).fill(1);
  const counter = createCounter({ signals: [errors], node: "n", clock, requestKey });
  const upstreams = { stable: await at(blue), candidate: await at(green) };
  const options = { system: "loans", clock, counter, requestKey, upstreams, limits: { connections: 2 } };
  const gateway = createGateway(fallback ? { ...options, fallback } : options);
  let epoch = 0;
  const route = (of: Omit<Route, "system" | "epoch">) =>
    gateway.traffic.set({ system: "loans", epoch: ++epoch, ...of });
  route({ stable, candidate, candidatePpm: 0 });
  gateway.traffic.renew("loans", Date.now() + 60_000);
  const { port } = await gateway.listen(0, "127.0.0.1");
  t.after(() => gateway.close());
  const call = async (body?: string) => {
    const request = httpRequest({ port, host: "127.0.0.1", agent: false, method: body ? "POST" : "GET" });
    request.end(body);
    const [response] = (await once(request, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of response) text += chunk;
    return { status: response.statusCode!, headers: response.headers, text };
  };
  return { gateway, counter, route, call, port };
}

async function settled(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(condition());
}

test("after a promotion the places swap: the new stable answers where it was the candidate", async (t) => {
  const { route, call } = await gatewayOver(t, say("blue"), say("green"));
  assert.equal((await call()).text, "blue");
  route({ stable, candidate, candidatePpm: ALL });
  assert.equal((await call()).text, "green");
  route({ stable: candidate, candidatePpm: 0, swapped: true });
  const after = await call();
  assert.deepEqual([after.text, after.headers["rollbook-variant"]], ["green", "stable"]);
  const next = digestOf("next");
  route({ stable: candidate, candidate: next, candidatePpm: ALL, swapped: true });
  assert.equal((await call()).text, "blue");
});

test("requests under way end where they began, and those that wait go by the new places", async (t) => {
  const held: (() => void)[] = [];
  const hold: RequestListener = (_request, response) => {
    response.write("blue ");
    held.push(() => response.end("still"));
  };
  const { route, call } = await gatewayOver(t, hold, say("green"));
  const calls = Array.from({ length: 5 }, () => call());
  await settled(() => held.length === 2);
  route({ stable: candidate, candidatePpm: 0, swapped: true });
  for (const release of held) release();
  const texts = (await Promise.all(calls)).map(({ text }) => text).sort();
  assert.deepEqual(texts, ["blue still", "blue still", "green", "green", "green"]);
});

test("a route that says so sends everybody to a pre-signed way, and an older route does not take that back", async (t) => {
  const other = await upstream(t, say("else"));
  const { gateway, route, call } = await gatewayOver(t, say("blue"), say("green"), { else: other });
  assert.deepEqual(gateway.traffic.fallbacks?.("loans"), { else: true, safe: true });
  route({ stable, candidate, candidatePpm: ALL, contained: "else" });
  const { epoch } = gateway.traffic.current("loans")!;
  assert.equal((await call("x")).text, "else");
  gateway.traffic.set({ system: "loans", epoch: epoch - 1, stable, candidatePpm: 0 });
  assert.equal((await call("x")).text, "else");
  assert.equal(gateway.contained(), "else");
  route({ stable, candidatePpm: 0, contained: "safe" });
  assert.equal((await call("x")).status, 503, "people take over where no answer was declared");
  route({ stable, candidatePpm: 0 });
  assert.equal((await call("x")).text, "blue");
});

test("containment sends everybody there before it returns, and back again", async (t) => {
  const other = await upstream(t, say("else"));
  const safe = { status: 200, body: '{"decision":"refer-to-a-person"}', headers: { "x-safe": "yes" } };
  const { gateway, counter, route, call } = await gatewayOver(t, say("blue"), say("green"), { else: other, safe });
  route({ stable, candidate, candidatePpm: ALL });
  gateway.contain("stable");
  const contained = await call("x");
  assert.deepEqual([contained.text, contained.headers["rollbook-variant"]], ["blue", "stable"]);
  gateway.contain("else");
  const elsewhere = await call("x");
  assert.deepEqual([elsewhere.text, elsewhere.headers["rollbook-served"]], ["else", "else"]);
  assert.equal(elsewhere.headers["rollbook-release"], undefined);
  assert.equal(counter.report(String(elsewhere.headers["rollbook-request"]), { any: 1 }).kind, "excluded");
  gateway.contain("safe");
  const still = await call("x".repeat(100_000));
  assert.deepEqual([still.status, still.text, still.headers["x-safe"]], [200, safe.body, "yes"]);
  assert.equal(still.headers["content-type"], "application/json");
  assert.equal(gateway.contained(), "safe");
  gateway.contain(undefined);
  assert.equal((await call("x")).text, "green");
  const counted = counter.drain().map(({ release, n }) => [release, n]);
  assert.deepEqual(
    counted.sort(),
    [
      [stable, 1],
      [candidate, 1],
    ].sort(),
  );
});

test("when the other way cannot be reached the safe answer is given, and without one the refusal says so", async (t) => {
  const gone = NOWHERE;
  const safe = { status: 503, body: "{}" };
  const both = await gatewayOver(t, say("blue"), say("green"), { else: gone, safe });
  both.gateway.contain("else");
  const answer = await both.call("large".repeat(30_000));
  assert.deepEqual([answer.status, answer.text, answer.headers["rollbook-served"]], [503, "{}", "safe"]);
  const one = await gatewayOver(t, say("blue"), say("green"), { else: gone });
  one.gateway.contain("else");
  assert.equal((await one.call()).status, 502);
  const none = await gatewayOver(t, say("blue"), say("green"));
  none.gateway.contain("safe");
  const refused = await none.call();
  assert.deepEqual([refused.status, JSON.parse(refused.text).error.code], [503, "CONTAINED"]);
});

test("a containment needs no route, and obeys the last word while a request waits", async (t) => {
  const requestKey = new Uint8Array(32);
  const counter = createCounter({ signals: [], node: "n", clock, requestKey });
  const at = NOWHERE;
  const fallback = { safe: { status: 200, body: "{}" } };
  const upstreams = { stable: at, candidate: at };
  const gateway = createGateway({ system: "s", clock, counter, requestKey, upstreams, fallback });
  t.after(() => gateway.close());
  const { port } = await gateway.listen(0, "127.0.0.1");
  gateway.contain("safe");
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);

  const held: (() => void)[] = [];
  const busy = await gatewayOver(
    t,
    (_q, response) => void held.push(() => response.end("blue")),
    say("green"),
    fallback,
  );
  const calls = Array.from({ length: 4 }, () => busy.call());
  await settled(() => held.length === 2);
  busy.gateway.contain("safe");
  for (const release of held) release();
  assert.deepEqual((await Promise.all(calls)).map(({ text }) => text).sort(), ["blue", "blue", "{}", "{}"]);
});

test("a stream of a language model passes chunk by chunk through a swap, and a slow reader holds it back", async (t) => {
  let written = 0;
  const event = `data: ${"x".repeat(64_000)}\n\n`;
  const stream: RequestListener = (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const more = (): void => {
      while (written < 100_000_000) {
        written += event.length;
        if (!response.write(event)) return void response.once("drain", more);
      }
      response.end("data: [DONE]\n\n");
    };
    more();
  };
  const { route, port } = await gatewayOver(t, stream, say("green"));
  const request = httpRequest({ port, host: "127.0.0.1", agent: false });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  route({ stable: candidate, candidatePpm: 0, swapped: true });
  let last = -1;
  await settled(() => {
    const still = written === last;
    last = written;
    return still && written > 0;
  });
  assert.ok(written < 60_000_000, `${written} bytes ran ahead`);
  const [first] = await once(response, "data");
  assert.ok(String(first).startsWith("data: xxx"));
  const ran = written;
  response.resume();
  await settled(() => written > ran);
  response.destroy();
});

test("a WebSocket is refused in words, and other upgrades are passed on as plain requests", async (t) => {
  const { port } = await gatewayOver(t, say("blue"), say("green"));
  const upgrade = async (protocol: string): Promise<string> => {
    const socket = connect(port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.write(`GET /chat HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n\r\n`);
    const [head] = await once(socket, "data");
    return String(head);
  };
  const refused = await upgrade("websocket");
  assert.match(refused, /^HTTP\/1\.1 501 /);
  assert.match(refused, /UPGRADE_UNSUPPORTED/);
  assert.match(await upgrade("h2c"), /^HTTP\/1\.1 200 /);
});
