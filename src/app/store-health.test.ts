import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { watchStore } from "./store-health.ts";

const sqlite = (errcode: number, message: string) =>
  Object.assign(new Error(message), { code: "ERR_SQLITE_ERROR", errcode });

/** A store that fails as it is told to, and what is known of it. */
function watched() {
  const told: string[] = [];
  const state = { now: 1, read: undefined as Error | undefined, write: undefined as Error | undefined };
  const store = createMemoryStore();
  const failing = {
    ...store,
    rollouts: async (system?: string) => {
      if (state.read) throw state.read;
      return store.rollouts(system);
    },
    commit: async (...given: Parameters<typeof store.commit>) => {
      if (state.write) throw state.write;
      return store.commit(...given);
    },
  };
  const health = watchStore(
    failing,
    () => state.now,
    (reason) => void told.push(reason),
  );
  const attempt = async () => {
    await health.store.rollouts().catch(() => undefined);
    await health.store.commit([]).catch(() => undefined);
  };
  return { state, told, health, attempt };
}

test("since when a store cannot be read is known until it can be", async () => {
  const { state, health, attempt } = watched();
  await attempt();
  assert.equal(health.unreadable(), undefined);
  state.read = Object.assign(new Error("connection refused"), { code: "STORE_UNREACHABLE" });
  for (state.now = 5; state.now < 9; state.now++) await attempt();
  assert.deepEqual(health.unreadable(), { since: 5, reason: "The shared store does not answer: connection refused." });
  state.read = undefined;
  await attempt();
  assert.equal(health.unreadable(), undefined);
});

test("a failed flush is told once, and a full disk, a wrong statement or a database that is away is none", async () => {
  const { state, told, health, attempt } = watched();
  const others = [
    sqlite(13, "database or disk is full"),
    sqlite(1, "no such column"),
    Object.assign(new Error("away"), { code: "COMMIT_UNDECIDED" }),
  ];
  for (const error of others) {
    state.write = error;
    await attempt();
    assert.equal(health.over(), undefined, error.message);
  }
  state.write = sqlite(10 | (4 << 8), "disk I/O error");
  await attempt();
  state.write = Object.assign(new Error("nothing is written any more"), { code: "STORE_UNSAFE" });
  await attempt();
  assert.deepEqual(told, ["The store is not durable: disk I/O error."]);
  assert.equal(health.over()?.reason, told[0]);
});
