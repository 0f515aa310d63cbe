import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request as httpRequest, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { upperEdge } from "../../core/cells.ts";
import { digestOf } from "../../core/digest.ts";
import type { Signal } from "../../core/playbook.ts";
import { createCounter } from "../attribution/counter.ts";
import { createGateway } from "./gateway.ts";

const clock = { now: () => Date.now(), sleep: async () => {} };
const requestKey = new Uint8Array(32).fill(1);
const of = { of: "requests", from: "gateway", better: "down" } as const;
const signals: readonly Signal[] = [
  { name: "latency", kind: "time", part: "took", unit: "seconds", ...of },
  { name: "errors", kind: "share", part: "failed", ...of },
  { name: "unhappy", kind: "share", part: "failed", per: "user", ...of },
];

async function gatewayBefore(t: TestContext, listener: RequestListener, headers = 30_000) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const counter = createCounter({ signals, node: "n", clock, requestKey });
  const upstreams = { stable: upstream, candidate: upstream };
  const gateway = createGateway({ system: "loans", clock, counter, requestKey, upstreams, limits: { headers } });
  gateway.traffic.set({ system: "loans", epoch: 1, stable: digestOf("stable"), candidatePpm: 0 });
  const { port } = await gateway.listen(0, "127.0.0.1");
  t.after(async () => {
    await gateway.close();
    server.closeAllConnections();
    server.close();
  });
  /** How long a client waited, to 2 % from above, in the one sample there is; undefined for none. */
  const waited = (): number | undefined => {
    const { cells } = counter.drain().find(({ signal }) => signal === "latency") ?? {};
    return cells && upperEdge(cells[0]![0]);
  };
  return { port, counter, waited };
}

/** Asks and reads to the end, or leaves at a moment. */
async function ask(port: number, key = "", leaving?: Promise<unknown>): Promise<void> {
  const request = httpRequest({ port, host: "127.0.0.1", agent: false, headers: key ? { "rollbook-key": key } : {} });
  request.on("error", () => {});
  request.end();
  void leaving?.then(() => request.destroy());
  const [response] = await Promise.race([once(request, "response"), once(request, "close")]).catch(() => []);
  for await (const _ of response ?? []);
}

async function counted<T>(read: () => T | undefined): Promise<T> {
  for (let tries = 0; tries < 400; tries++) {
    const found = read();
    if (found !== undefined) return found;
    await sleep(5);
  }
  return assert.fail("nothing was counted");
}

test("the time of an answer is that to its last byte, however soon the first one came", async (t) => {
  const { port, waited } = await gatewayBefore(t, async (_request, response) => {
    response.write("the first word");
    await sleep(150);
    response.end(" and the last");
  });
  await ask(port);
  const seconds = await counted(waited);
  assert.ok(seconds >= 0.149 && seconds < 2, `${seconds}`);
});

test("a client that leaves, and an upstream that is silent or breaks off, took at least so long", async (t) => {
  const silent = await gatewayBefore(t, () => {}, 100);
  await ask(silent.port);
  assert.ok((await counted(silent.waited)) >= 0.1, "a timeout");
  const arrived = Promise.withResolvers<void>();
  const leaving = await gatewayBefore(t, () => arrived.resolve());
  await ask(
    leaving.port,
    "",
    arrived.promise.then(() => sleep(60)),
  );
  const left = await counted(leaving.waited);
  assert.ok(left >= 0.05 && left < 2, `${left}`);
  const cut = await gatewayBefore(t, async (_request, response) => {
    response.write("the first word");
    await sleep(60);
    response.destroy();
  });
  await ask(cut.port).catch(() => {});
  assert.ok((await counted(cut.waited)) >= 0.059, "an answer that was cut off");
});

test("a quick error makes nothing look quick: what failed without an answer has no time", async (t) => {
  const { port, counter } = await gatewayBefore(t, (_request, response) => void response.writeHead(500).end());
  await ask(port);
  const samples = await counted(() => {
    const drained = counter.drain();
    return drained.length > 0 ? drained : undefined;
  });
  assert.deepEqual(
    samples.map(({ signal, n, k }) => [signal, n, k]),
    [
      ["errors", 1, 1],
      ["unhappy", 1, 1],
    ],
  );
});

test("requests of one targeting key are one unit", async (t) => {
  const { port, counter } = await gatewayBefore(t, (_request, response) => void response.end("ok"));
  for (const key of ["ann", "ann", "bob", "ann"]) await ask(port, key);
  let units = 0;
  await counted(() => {
    for (const { signal, n } of counter.drain()) units += signal === "unhappy" ? n : 0;
    return units === 2 ? units : undefined;
  });
});
