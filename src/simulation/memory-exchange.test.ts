import { setTimeout as sleep } from "node:timers/promises";
import { describeExchange } from "../testing/describe-exchange.ts";
import { type MemoryHub, shareMemory } from "./memory-exchange.ts";
import { createMemoryStore } from "./memory-store.ts";

const hubs = new Map<string, MemoryHub>();

describeExchange("the exchange in memory", async (place) => {
  const hub = hubs.get(place) ?? shareMemory(createMemoryStore(), Date.now);
  hubs.set(place, hub);
  const { exchange } = hub.replica();
  return { store: hub.store, exchange, now: Date.now, pause: sleep, close: exchange.close };
});
