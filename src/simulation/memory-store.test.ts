import { describeStore } from "../testing/describe-store.ts";
import { createMemoryStore } from "./memory-store.ts";

describeStore({
  name: "the store in memory",
  open: async () => createMemoryStore(),
  skip: ["durable", "replicas"],
  sequences: 300,
});
