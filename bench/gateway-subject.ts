// One server of the gateway benchmark in a process of its own, so that its CPU time can be told from the others'.
import { Agent, createServer, request as httpRequest, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { digestOf } from "../src/core/digest.ts";
import { createCounter } from "../src/traffic/attribution/counter.ts";
import { createGateway } from "../src/traffic/gateway/gateway.ts";

const [role, upstream] = process.argv.slice(2);
const answer = Buffer.from(JSON.stringify({ id: "x", choices: [{ text: "lorem ipsum ".repeat(32) }] }));

const bare: RequestListener = (request, response) => {
  request.resume().on("end", () => {
    response.writeHead(200, { "content-type": "application/json", "content-length": answer.length });
    response.end(answer);
  });
};

function plainProxy(to: string): RequestListener {
  const agent = new Agent({ keepAlive: true });
  const { hostname, port } = new URL(to);
  return (request, response) => {
    const { method, url, headers } = request;
    const onward = httpRequest({ hostname, port, method, path: url, headers, agent }, (answered) => {
      response.writeHead(answered.statusCode!, answered.headers);
      answered.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  };
}

function gatewayHandler(to: string): RequestListener {
  const clock = { now: () => Date.now(), sleep: async () => {} };
  const requestKey = Buffer.alloc(32, 1);
  const errors = { kind: "share", part: "failed", of: "requests", from: "gateway", better: "down" } as const;
  const counter = createCounter({ signals: [{ name: "errors", ...errors }], node: "bench", clock, requestKey });
  const upstreams = { stable: to, candidate: to };
  const gateway = createGateway({ system: "loans", clock, counter, requestKey, upstreams });
  const releases = { stable: digestOf("stable"), candidate: digestOf("candidate") };
  gateway.traffic.set({ system: "loans", epoch: 1, ...releases, candidatePpm: 50_000 });
  gateway.traffic.renew("loans", Date.now() + 600_000);
  setInterval(() => counter.drain(), 1000).unref();
  return gateway.handle;
}

const handler = role === "bare" ? bare : role === "proxy" ? plainProxy(upstream!) : gatewayHandler(upstream!);
const server = createServer(handler).listen(0, "127.0.0.1", () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: user + system });
});
process.on("disconnect", () => process.exit());
