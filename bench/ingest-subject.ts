// One server of the ingest benchmark in a process of its own: the API of Rollbook over its counter, or a bare Node server
// that parses the same JSON and does nothing with it.
import { createHash } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { OperationContext } from "../src/operations/context.ts";
import { operationsOf } from "../src/operations/operations.ts";
import { createApi } from "../src/server/api.ts";
import { createEventStream } from "../src/server/event-stream.ts";
import { createMemoryStore } from "../src/simulation/memory-store.ts";
import { createCounter } from "../src/traffic/attribution/counter.ts";
import { reportToAny, takeBlocks } from "../src/traffic/attribution/outcome-intake.ts";
import { createArrivals } from "./arrivals.ts";
import { RELEASES, SIGNALS, TOKEN } from "./ingest-load.ts";

const [role] = process.argv.slice(2);
const clock = { now: () => Date.now(), sleep: async () => {} };
const counter = createCounter({ signals: SIGNALS, node: "bench", clock, requestKey: Buffer.alloc(32, 1) });
for (const release of RELEASES) counter.know(release);
const counters = new Map([["loans", counter]]);

interface Parsed {
  readonly samples?: readonly unknown[];
  readonly outcomes?: readonly unknown[];
}

/** Events that a bare server has parsed and not handed out. */
let parsed = 0;

const bare: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { samples = [], outcomes = [] } = JSON.parse(Buffer.concat(chunks).toString()) as Parsed;
    parsed += outcomes.length;
    const body = JSON.stringify({ new: samples.length });
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body);
  });
};

async function ours(): Promise<RequestListener> {
  const store = createMemoryStore();
  const sha256 = createHash("sha256").update(TOKEN).digest("hex");
  await store.commit([{ kind: "token", token: { id: "bench", sha256, role: "reporter", createdAt: 1 } }]);
  const none = () => ({ status: 404, headers: {}, body: "" });
  const context: Partial<OperationContext> = {
    store,
    reportOutcomes: (items) => reportToAny(counters, items),
    takeBlocks: (blocks) => takeBlocks(counters, blocks),
  };
  const operations = operationsOf(context as OperationContext);
  const assignments = { answer: none, stream: () => new Response(), changes: () => new Response() };
  const edge = {
    alerts: async () => ({}),
    page: () => undefined,
    ill: () => undefined,
    log: () => undefined,
    flags: none,
    assignments,
  };
  return getRequestListener(createApi({ ...edge, store, operations, events: createEventStream() }).fetch);
}

const listener = role === "bare" ? bare : await ours();
const arrivals = createArrivals();

const server = createServer((request, response) => {
  arrivals.note();
  void listener(request, response);
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
let drain = setInterval(() => counter.drain(), 1000);

/** How many events came in since the last time, as far as they can be had. */
function drained(): number {
  if (role === "bare") {
    const events = parsed;
    parsed = 0;
    return events;
  }
  return counter.drain().reduce((sum, { signal, n }) => sum + (signal === "approvals" ? n : 0), 0);
}

/** Drains all the time, and notes when an event that had come in was there. */
function watch(eventsOfOneRequest: number): void {
  clearInterval(drain);
  drained();
  arrivals.watch(eventsOfOneRequest);
  drain = setInterval(() => arrivals.seen(drained()), 1);
}

process.on("message", (asked: { readonly ask: "cpu" | "heap" | "watch" | "latencies"; readonly of?: number }) => {
  if (asked.ask === "watch") watch(asked.of ?? 1);
  const { user, system } = process.cpuUsage();
  if (asked.ask === "heap") {
    counter.drain();
    globalThis.gc?.();
  }
  process.send?.({
    cpu: (user + system) / 1e6,
    heap: process.memoryUsage().heapUsed,
    latencies: asked.ask === "latencies" ? arrivals.latencies.toSorted((a, b) => a - b) : [],
  });
});
process.on("disconnect", () => process.exit());
