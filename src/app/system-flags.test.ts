import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../core/digest.ts";
import type { Lease } from "../core/rollout.ts";
import { createMemoryStore } from "../simulation/memory-store.ts";
import { createFlags, defineFlag } from "../traffic/flags/flag-book.ts";
import { flagAdapter } from "./system-flags.ts";

const AT = "flags://assistant";
const [on, off] = ["on", "off"].map((variant) => defineFlag("assistant", { on: true, off: false }, variant));

test("a flag is changed under the newest fences of its own lease and of its system, and under no others", async () => {
  const store = createMemoryStore();
  let ours: Lease | undefined = await store.acquireLease("system:loans", "first", 1000, 0);
  const claim = { resources: [`target:${AT}`], holder: "rollout-1", ttl: 1000, now: 0 };
  await store.commit([], ours, claim);
  const flags = createFlags([on!], async (flag, guard) => {
    const kept = await store.commit([{ kind: "flag", flag }], guard);
    if (kept.kind === "fenced") throw new Error(`${kept.holder} acts now`);
  });
  const adapter = flagAdapter(flags, (own) => ({ ...own, also: ours! }));
  const turn = async (to: typeof on, fence: number) => {
    const { flag, version } = flags.get("assistant")!;
    const before = { digest: flag.digest, version };
    const request = { at: AT, desired: to!.digest, before, key: digestOf(`${to?.variant} ${fence}`), fence };
    return (await adapter.apply(request, new AbortController().signal)).kind;
  };
  assert.equal(await turn(off, 2), "applied");
  // The next holder has the seat, and has not claimed the flag yet.
  const next = await store.acquireLease("system:loans", "second", 1000, 2000);
  assert.equal(await turn(on, 2), "unknown");
  assert.equal((await store.flags())[0]?.variant, "off");
  await store.commit([], next, { ...claim, now: 2000 });
  ours = next;
  assert.equal(await turn(on, 2), "unknown");
  assert.equal(await turn(on, 3), "applied");
});

test("where one process owns the store, what was under way comes before the next holder reads the flag, or never", async () => {
  const store = createMemoryStore();
  const claim = { resources: [`target:${AT}`], holder: "rollout-1", ttl: 1000, now: 0 };
  await store.commit([], await store.acquireLease("system:loans", "first", 1000, 0), claim);
  const flags = createFlags([on!], async (flag, guard) => {
    const kept = await store.commit([{ kind: "flag", flag }], guard);
    if (kept.kind === "fenced") throw new Error(`${kept.holder} acts now`);
  });
  const adapter = flagAdapter(flags, (own) => own);
  const late = async (to: typeof on) => {
    const { flag, version } = flags.get("assistant")!;
    const request = {
      at: AT,
      desired: to!.digest,
      before: { digest: flag.digest, version },
      key: to!.digest,
      fence: 2,
    };
    return (await adapter.apply(request, new AbortController().signal)).kind;
  };
  const next = await store.acquireLease("system:loans", "first", 1000, 500);
  assert.equal(await late(off), "applied");
  await store.commit([], next, { ...claim, holder: "rollout-2", now: 1000 });
  assert.equal((await adapter.read(AT, new AbortController().signal)).kind, "live");
  assert.equal(await late(on), "unknown");
  assert.equal((await store.flags())[0]?.variant, "off");
});
