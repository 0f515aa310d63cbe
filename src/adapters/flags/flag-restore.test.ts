import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOfJson } from "../../core/digest.ts";
import type { FlagState, RestoreRequest } from "../../core/ports.ts";
import { describeRestoreAdapter } from "../../testing/describe-restore-adapter.ts";
import { createFlagRestore, type FlagTarget } from "./flag-restore.ts";

const variants = { on: true, off: false };
const state = (variant: string): FlagState => {
  const key = "loan-explanations";
  return { key, variant, variants, digest: digestOfJson({ key, variant, variants }) };
};
const on = state("on");
const off = state("off");
const at = "flags://loan-explanations";
const never = new AbortController().signal;

/** A target with real conditional writes, kept by the test because adapters know no other part. */
function flagTarget(write: () => Promise<void> = async () => {}) {
  let live = { flag: on, version: "1" };
  const target: FlagTarget = {
    get: (key) => (key === on.key ? live : undefined),
    async set(flag, version) {
      if (version !== live.version) return "conflict";
      await write();
      live = { flag, version: String(Number(live.version) + 1) };
      return "set";
    },
    revisions: (key) => (key === on.key ? [on, off, { ...on, variant: "off" }] : []),
  };
  return { target, adapter: createFlagRestore(target), liveNow: () => live };
}

const request = (more: Partial<RestoreRequest> = {}): RestoreRequest => ({
  at,
  desired: off.digest,
  before: { digest: on.digest, version: "1" },
  key: "k1",
  fence: 1,
  ...more,
});

test("it serves flag addresses and reads what is live", async () => {
  const { adapter } = flagTarget();
  assert.ok(adapter.serves(at) && !adapter.serves("flags://") && !adapter.serves("http://flags"));
  assert.deepEqual(await adapter.read(at, never), {
    kind: "live",
    digest: on.digest,
    version: "1",
    label: `${on.key} on`,
  });
  assert.equal((await adapter.read("flags://nothing", never)).kind, "unreachable");
  assert.ok(await adapter.holds(at, off.digest, never));
  assert.ok(!(await adapter.holds(at, state("other").digest, never)));
});

test("a restore has one effect, however often its key is sent", async () => {
  const { adapter, liveNow } = flagTarget();
  const answers = await Promise.all([adapter.apply(request(), never), adapter.apply(request(), never)]);
  assert.deepEqual(answers, [{ kind: "applied" }, { kind: "already" }]);
  assert.deepEqual(liveNow(), { flag: off, version: "2" });
});

test("a state other than the one that was read is a conflict", async () => {
  const { adapter, liveNow } = flagTarget();
  for (const before of [
    { digest: on.digest, version: "0" },
    { digest: off.digest, version: "1" },
  ]) {
    assert.equal((await adapter.apply(request({ before }), never)).kind, "conflict");
  }
  assert.equal(liveNow().version, "1");
});

test("an older fence is stale after a newer one has written", async () => {
  const { adapter } = flagTarget();
  await adapter.apply(request({ fence: 5 }), never);
  const back = { desired: on.digest, before: { digest: off.digest, version: "2" } };
  assert.equal((await adapter.apply(request({ ...back, key: "k2", fence: 4 }), never)).kind, "stale");
  assert.equal((await adapter.apply(request({ ...back, key: "k3", fence: 5 }), never)).kind, "applied");
});

test("what is not held is refused", async () => {
  const { adapter } = flagTarget();
  assert.equal((await adapter.apply(request({ desired: state("x").digest }), never)).kind, "refused");
  assert.equal((await adapter.apply(request({ at: "flags://nothing" }), never)).kind, "refused");
});

test("a write that breaks is unknown, and may be tried again", async () => {
  let broken = true;
  const { adapter, liveNow } = flagTarget(async () => {
    if (broken) throw new Error("disk full");
  });
  assert.equal((await adapter.apply(request(), never)).kind, "unknown");
  broken = false;
  assert.equal((await adapter.apply(request(), never)).kind, "applied");
  assert.equal(liveNow().flag.variant, "off");
});

describeRestoreAdapter({
  name: "built-in flags",
  setup: async () => {
    const { target, adapter, liveNow } = flagTarget();
    return {
      adapter,
      at,
      revisions: [on.digest, off.digest],
      reference: "off",
      unknown: digestOfJson("no revision"),
      rival: async (digest) => {
        const revision = digest === on.digest ? on : off;
        await target.set(revision, liveNow().version, request());
      },
      stop: async () => {},
    };
  },
});
