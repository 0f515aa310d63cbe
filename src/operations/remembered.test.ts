import assert from "node:assert/strict";
import { test } from "node:test";
import { candidate, createControlWorld, stable } from "../control/world.fixture.ts";
import type { Store } from "../core/ports.ts";
import type { OperationContext } from "./context.ts";
import { systemOperations } from "./system-operations.ts";

/** The same store, which cannot be read or written while it is gone. */
function goneWhile(gone: () => boolean, store: Store): Store {
  const away = Object.assign(new Error("connection refused"), { code: "STORE_UNREACHABLE" });
  const calls = Object.entries(store).map(([name, method]) => [
    name,
    async (...given: readonly unknown[]) => {
      if (gone()) throw away;
      return (method as (...all: readonly unknown[]) => unknown)(...given);
    },
  ]);
  return Object.fromEntries(calls);
}

test("while the store cannot be read, status says since when, and what is known without it", async () => {
  let gone = false;
  const world = createControlWorld({ ports: ({ store }) => ({ store: goneWhile(() => gone, store) }) });
  const { control, playbook, traffic } = world;
  const system = {
    playbook: () => playbook,
    control: () => control,
    edge: { gateway: "http://127.0.0.1:1", served: () => traffic.current("loans") },
    sources: () => ({ health: () => ({}) }),
  };
  const context = {
    store: goneWhile(() => gone, world.store),
    storeHealth: { unreadable: () => (gone ? { since: 7, reason: "away" } : undefined), over: () => undefined },
    systems: new Map([["loans", system]]),
  } as unknown as OperationContext;
  const operations = systemOperations(context);
  const ask = async (name: string) => {
    const { run } = operations.find((operation) => operation.name === name)!;
    return (await run({} as never, "anonymous")) as Record<string, unknown> & {
      readonly rollouts: readonly { readonly id: string; readonly phase: string; readonly candidateLabel?: string }[];
    };
  };
  await world.live(async () => {
    const { id } = await world.release();
    await world.until(() => world.kinds().includes("exposed"));
    gone = true;
    const unasked = await ask("status");
    assert.deepEqual(unasked["storeAway"], { since: 7, reason: "away" });
    assert.deepEqual(
      [unasked.rollouts.map((rollout) => rollout.id), unasked.rollouts[0]?.phase],
      [[id], "progressing"],
    );
    assert.equal((unasked["lastKnownGood"] as { readonly release: string }).release, stable.id);
    assert.equal((unasked["served"] as { readonly candidate: string }).candidate, candidate.id);
    gone = false;
    const before = await ask("status");
    assert.equal(before["storeAway"], undefined);
    assert.equal(before.rollouts[0]?.candidateLabel, "release 2");
    await assert.doesNotReject(world.ended(id));
    await ask("status");
    gone = true;
    const after = await ask("status");
    assert.equal(after.rollouts.length, 1);
    assert.equal((after["lastKnownGood"] as { readonly provedAt?: number }).provedAt !== undefined, true);
    const [shown] = (await ask("systems")) as unknown as readonly {
      readonly system: string;
      readonly running?: string;
    }[];
    assert.deepEqual([shown?.system, shown?.running], ["loans", undefined]);
  });
});
