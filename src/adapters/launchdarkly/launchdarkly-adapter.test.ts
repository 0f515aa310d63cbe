import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Digest, digestOfJson } from "../../core/digest.ts";
import type { Observed, RestoreAdapter } from "../../core/ports.ts";
import { describeRestoreAdapter } from "../../testing/describe-restore-adapter.ts";
import type { EmulatedFlag, Patch } from "./emulated-flag.fixture.ts";
import { ENVIRONMENT } from "./emulated-world.fixture.ts";
import { type EmulatedLaunchDarkly, startLaunchDarkly } from "./emulator.fixture.ts";
import type { LaunchDarklyOptions } from "./launchdarkly-adapter.ts";
import {
  AI_AT,
  AT,
  adapterFor,
  assistantConfig,
  explanationsFlag,
  memorySnapshots,
  openFlag,
  realClock,
} from "./lending.fixture.ts";
import { createFileSnapshots } from "./snapshots.ts";

const unknown = digestOfJson("no revision");
const patience = () => AbortSignal.timeout(5000);
const serveNew: Patch = { kind: "updateFallthroughVariationOrRollout", variationId: "v-new" };

type Live = Extract<Observed, { kind: "live" }>;

interface World {
  readonly vendor: EmulatedLaunchDarkly;
  readonly flag: EmulatedFlag;
  readonly adapter: RestoreAdapter;
  readonly read: () => Promise<Live>;
  readonly revision: (reference: string, at?: string) => Promise<Digest>;
  readonly restore: (desired: Digest, before: Live, at?: string) => ReturnType<RestoreAdapter["apply"]>;
  readonly patches: () => readonly { readonly [key: string]: unknown }[];
}

async function withVendor(
  run: (world: World) => Promise<void>,
  options: Partial<LaunchDarklyOptions> = {},
): Promise<void> {
  const flag = explanationsFlag();
  const vendor = await startLaunchDarkly([flag, openFlag(), assistantConfig()]);
  const adapter = adapterFor(vendor.base, options);
  const read = async (): Promise<Live> => {
    const found = await adapter.read(AT, patience());
    assert.ok(found.kind === "live", "reason" in found ? found.reason : "");
    return found;
  };
  const revision = async (reference: string, at = AT): Promise<Digest> => {
    const found = await adapter.resolve!(at, reference, patience());
    assert.ok(found.kind === "revision", "reason" in found ? found.reason : "");
    return found.revision.digest;
  };
  const restore: World["restore"] = (desired, before, at = AT) =>
    adapter.apply({ at, desired, before, key: "saga-1/flags", fence: 3 }, patience());
  const patches = () =>
    vendor.exchanges.filter(({ method }) => method === "PATCH").map(({ body }) => body as Record<string, unknown>);
  try {
    await run({ vendor, flag, adapter, read, revision, restore, patches });
  } finally {
    await vendor.stop();
  }
}

const reasonOf = (answer: object) => ("reason" in answer ? String(answer.reason) : "");

for (const { name, at, second, instruction } of [
  { name: "LaunchDarkly flags", at: AT, second: "off", instruction: { kind: "turnFlagOff" } },
  {
    name: "LaunchDarkly AI configs",
    at: AI_AT,
    second: "helpful@2",
    instruction: { kind: "updateFallthroughVariationOrRollout", variationId: "a-2" },
  },
]) {
  describeRestoreAdapter({
    name,
    setup: async () => {
      const vendor = await startLaunchDarkly([explanationsFlag(), openFlag(), assistantConfig()]);
      const adapter = adapterFor(vendor.base);
      const first = await adapter.read(at, patience());
      const other = await adapter.resolve!(at, second, patience());
      assert.ok(first.kind === "live" && other.kind === "revision");
      const flag = vendor.flags.find(({ key }) => at.endsWith(key))!;
      const rival = async () => vendor.change(flag, ENVIRONMENT, [instruction]);
      const revisions = [first.digest, other.revision.digest] as const;
      return { adapter, at, revisions, unknown, reference: second, rival, stop: vendor.stop };
    },
  });
}

test("a bad default rule comes back by one instruction, and nothing else is touched", async () => {
  await withVendor(async ({ vendor, flag, adapter, read, restore, patches }) => {
    const good = await read();
    vendor.change(flag, ENVIRONMENT, [serveNew]);
    const bad = await read();
    assert.deepEqual([good.label, bad.label], ['version 11 (on, serves "old")', 'version 12 (on, serves "new")']);
    assert.deepEqual(await restore(good.digest, bad), { kind: "applied" });
    const [patch] = patches();
    assert.deepEqual(patch?.["instructions"], [{ kind: "updateFallthroughVariationOrRollout", variationId: "v-old" }]);
    assert.match(String(patch?.["comment"]), /key saga-1\/flags, fence 3/);
    assert.equal((await read()).digest, good.digest);
    assert.deepEqual(await adapter.seen!(AT, good.digest, patience()), { kind: "seen" });
    assert.deepEqual(await restore(good.digest, bad), { kind: "already" });
    assert.equal(patches().length, 1);
  });
});

test("rules, targets, shares, prerequisites and the off variation come back whole, other environments stay", async () => {
  await withVendor(async ({ vendor, flag, read, restore, revision }) => {
    vendor.change(flag, ENVIRONMENT, [
      { kind: "updateFallthroughVariationOrRollout", rolloutWeights: { "v-old": 90_000, "v-new": 10_000 } },
    ]);
    const good = await read();
    const before = structuredClone(flag.environments);
    vendor.change(flag, ENVIRONMENT, [
      { kind: "replaceRules", rules: [] },
      { kind: "replaceTargets", targets: [{ variationId: "v-new", values: ["ada"] }] },
      { kind: "replacePrerequisites", prerequisites: [] },
      { kind: "updateOffVariation", variationId: "v-new" },
      { kind: "turnFlagOff" },
      serveNew,
    ]);
    assert.deepEqual(await restore(good.digest, await read()), { kind: "applied" });
    const { version: _, rules, ...after } = flag.environments[ENVIRONMENT]!;
    const { version: __, rules: rulesBefore, ...wanted } = before[ENVIRONMENT]!;
    assert.deepEqual(after, wanted);
    assert.deepEqual(
      rules.map(({ variation }) => variation),
      rulesBefore.map(({ variation }) => variation),
    );
    assert.deepEqual(flag.environments["staging"], before["staging"]);
    assert.equal(await revision("12"), good.digest);
    assert.equal(await revision("version:12"), good.digest);
  });
});

test("a variation's name means that variation for everyone", async () => {
  await withVendor(async ({ flag, read, revision, restore }) => {
    assert.deepEqual(await restore(await revision("safe"), await read()), { kind: "applied" });
    const { on, fallthrough, rules, targets, contextTargets, prerequisites } = flag.environments[ENVIRONMENT]!;
    assert.deepEqual([on, fallthrough], [true, { variation: 0 }]);
    assert.deepEqual([rules, targets, contextTargets, prerequisites].flat(), []);
  });
});

test("an AI config goes back to an earlier version of its variation by targeting", async () => {
  await withVendor(async ({ vendor, adapter, revision, restore, patches }) => {
    const good = await revision("helpful@1", AI_AT);
    const config = vendor.flags.find(({ key }) => key === "loan-assistant")!;
    vendor.change(config, ENVIRONMENT, [{ kind: "updateFallthroughVariationOrRollout", variationId: "a-2" }]);
    const live = await adapter.read(AI_AT, patience());
    assert.ok(live.kind === "live");
    assert.deepEqual(await restore(good, live, AI_AT), { kind: "applied" });
    assert.deepEqual(config.environments[ENVIRONMENT]?.fallthrough, { variation: 1 });
    assert.equal(patches().length, 1);
    const off = await adapter.resolve!(AI_AT, "off", patience());
    assert.match(reasonOf(off), /no instruction that turns an AI config off/);
  });
});

test("somebody who writes between the read and the patch is noticed", async () => {
  await withVendor(async ({ vendor, flag, read, restore, revision }) => {
    const off = await revision("off");
    const seen = await read();
    vendor.beforePatch = () => {
      vendor.beforePatch = undefined;
      vendor.change(flag, ENVIRONMENT, [serveNew]);
    };
    const answer = await restore(off, seen);
    assert.equal(answer.kind, "conflict");
    assert.match(reasonOf(answer), /version 11 became 13\); it does not have the desired state/);
    vendor.change(flag, ENVIRONMENT, [{ kind: "turnFlagOn" }]);
    const late = await restore(off, seen);
    assert.equal(late.kind, "conflict");
    assert.match(reasonOf(late), /at version 14 now, and was read at 11/);
  });
});

test("a required approval is refused with what to do, and is a concern beforehand", async () => {
  await withVendor(async ({ vendor, adapter, read, restore, revision }) => {
    const off = await revision("off");
    vendor.approvalsRequired = true;
    const concerns = await adapter.concerns!(AT, off, patience());
    assert.ok(concerns.some(({ level, text }) => level === "blocking" && /need an approval \(405\)/.test(text)));
    const answer = await restore(off, await read());
    assert.equal(answer.kind, "refused");
    assert.match(reasonOf(answer), /405.*Approval is required in "production": let somebody approve/);
  });
});

test("a pending schedule is refused by name unless the settings say otherwise", async () => {
  const execution = Date.UTC(2027, 0, 2);
  for (const ignoreConflicts of [false, true]) {
    await withVendor(
      async ({ vendor, adapter, read, restore, revision }) => {
        const off = await revision("off");
        vendor.scheduled.push({ _id: "s-1", executionDate: execution, instructions: [{ kind: "turnFlagOn" }] });
        const concerns = await adapter.concerns!(AT, off, patience());
        assert.ok(concerns.some(({ level, text }) => level === "blocking" && text.includes("s-1 (turnFlagOn)")));
        const answer = await restore(off, await read());
        assert.equal(answer.kind, ignoreConflicts ? "applied" : "refused");
        if (!ignoreConflicts) assert.match(reasonOf(answer), /s-1 \(turnFlagOn\) on 2027-01-02.*ignore-conflicts/);
      },
      { ignoreConflicts },
    );
  }
});

test("a rate limit is waited for, and the flag is compared anew before the patch is repeated", async () => {
  await withVendor(async ({ vendor, read, restore, revision, patches }) => {
    const off = await revision("off");
    const before = await read();
    const started = Date.now();
    vendor.limits.push({ method: "PATCH", headers: { "x-ratelimit-reset": String(started + 150) } });
    assert.deepEqual(await restore(off, before), { kind: "applied" });
    assert.ok(Date.now() - started >= 150, "it did not wait");
    assert.equal(patches().length, 2);
    vendor.limits.push({ method: "GET", headers: { "retry-after": "0" } });
    assert.equal((await read()).digest, off);
  });
});

test("a rate limit longer than its patience is unknown, says how long, and sends nothing before it is over", async () => {
  await withVendor(
    async ({ vendor, adapter, read, restore, revision }) => {
      const off = await revision("off");
      const before = await read();
      vendor.limits.push({ method: "PATCH", headers: { "retry-after": "30" } });
      const answer = await restore(off, before);
      assert.equal(answer.kind, "unknown");
      assert.match(reasonOf(answer), /nothing was sent.*asks to wait 3[01] s/);
      const calls = vendor.exchanges.length;
      assert.match(reasonOf(await adapter.read(AT, patience())), /429/);
      assert.equal(vendor.exchanges.length, calls);
    },
    { patienceMs: 200 },
  );
});

test("an off variation that is the bad one itself blocks, and other ways back only warn", async () => {
  await withVendor(async ({ vendor, flag, adapter, revision }) => {
    const off = await revision("off");
    const said = await adapter.concerns!(AT, off, patience());
    assert.ok(said.some(({ level, text }) => level === "warning" && text === 'off serves the off variation "safe"'));
    assert.ok(said.some(({ text }) => /depends on the flag "loans-open"/.test(text)));
    vendor.change(flag, ENVIRONMENT, [
      { kind: "replaceRules", rules: [] },
      { kind: "replaceTargets", targets: [] },
      { kind: "updateFallthroughVariationOrRollout", variationId: "v-safe" },
    ]);
    const useless = await adapter.concerns!(AT, await revision("off"), patience());
    assert.ok(useless.some(({ level, text }) => level === "blocking" && /"safe".*nothing would change/.test(text)));
  });
});

test("what would undo or forbid the way back is said beforehand", async () => {
  await withVendor(async ({ vendor, flag, adapter, read, revision }) => {
    const { digest } = await read();
    vendor.expiring.push({ contextKind: "user", contextKey: "ada", expirationDate: Date.UTC(2027, 0, 3) });
    vendor.approvals.push({ _id: "p-1", status: "pending", executionDate: 0, instructions: [serveNew] });
    flag.temporary = true;
    const experimentAllocation = { type: "measuredRollout", defaultVariation: 0, canReshuffle: true };
    flag.environments[ENVIRONMENT]!.fallthrough = {
      rollout: {
        variations: [{ variation: 2, weight: 100_000 }],
        contextKind: "user",
        bucketBy: "key",
        experimentAllocation,
      },
    };
    const text = (await adapter.concerns!(AT, digest, patience())).map((one) => `${one.level}: ${one.text}`).join("\n");
    assert.match(text, /blocking: an experiment or guarded rollout runs/);
    assert.match(text, /warning: an individual target of kind user on 2027-01-03/);
    assert.match(text, /warning: the approval request p-1/);
    assert.match(text, /warning: the flag is marked temporary/);
    assert.ok(!text.includes("ada"), "a concern names no person");
    const stopped = await adapter.apply(
      { at: AT, desired: digest, before: await read(), key: "k", fence: 1 },
      patience(),
    );
    assert.equal(stopped.kind, "refused");
    flag.archived = true;
    const archived = await adapter.concerns!(AT, await revision("old"), patience());
    assert.ok(archived.some(({ level, text: said }) => level === "blocking" && /archived/.test(said)));
  });
});

test("an experiment that runs answers 409, which is a conflict", async () => {
  await withVendor(async ({ vendor, flag, read, restore, revision }) => {
    const safe = await revision("safe");
    flag.environments[ENVIRONMENT]!.fallthrough = {
      rollout: {
        variations: [{ variation: 2, weight: 100_000 }],
        contextKind: "user",
        bucketBy: "key",
        experimentAllocation: { type: "experiment", defaultVariation: 0, canReshuffle: true },
      },
    };
    const answer = await restore(safe, await read());
    assert.equal(answer.kind, "conflict");
    assert.match(reasonOf(answer), /409.*stop that first/);
    assert.equal(vendor.exchanges.at(-1)?.status, 409);
  });
});

test("a revision is held only while its snapshot is intact and its variations exist", async () => {
  const snapshots = memorySnapshots();
  await withVendor(
    async ({ flag, adapter, read, restore }) => {
      const good = await read();
      assert.equal(await adapter.holds(AT, good.digest, patience()), true);
      assert.equal(await adapter.holds("ld://lending/loans-open", good.digest, patience()), false);
      flag.variations[1]!.value = "explain in one sentence, and lie";
      assert.equal(await adapter.holds(AT, good.digest, patience()), false);
      assert.match(reasonOf(await restore(good.digest, await read())), /was removed, or has another value now/);
      flag.variations[1]!.value = "explain in one sentence";
      const text = snapshots.texts.get(good.digest)!;
      assert.ok(!text.includes("one sentence"), "a snapshot holds digests of values, not the values");
      snapshots.texts.set(good.digest, text.replace('"on":true', '"on":false'));
      assert.equal(await adapter.holds(AT, good.digest, patience()), false);
      const answer = await restore(good.digest, { ...(await read()), digest: unknown });
      assert.notEqual(answer.kind, "refused", "reading the flag again captured it again");
    },
    { snapshots },
  );
});

test("an answer that is lost after the effect is unknown, and the same request then finds it done", async () => {
  await withVendor(async ({ vendor, read, restore, revision, patches }) => {
    const off = await revision("off");
    const before = await read();
    vendor.afterPatch = (response) => {
      vendor.afterPatch = undefined;
      response.destroy();
    };
    assert.equal((await restore(off, before)).kind, "unknown");
    assert.deepEqual(await restore(off, before), { kind: "already" });
    assert.equal(patches().length, 1);
  });
});

test("a call that is aborted while it waits or writes never throws and is unknown", async () => {
  await withVendor(async ({ vendor, adapter, read, revision }) => {
    const off = await revision("off");
    const before = await read();
    const request = { at: AT, desired: off, before, key: "k", fence: 1 };
    vendor.limits.push({ method: "PATCH", headers: { "retry-after": "5" } });
    const started = Date.now();
    assert.equal((await adapter.apply(request, AbortSignal.timeout(60))).kind, "unknown");
    assert.ok(Date.now() - started < 2000, "it went on waiting");
  });
  await withVendor(async ({ vendor, adapter, read, revision }) => {
    const off = await revision("off");
    const request = { at: AT, desired: off, before: await read(), key: "k", fence: 1 };
    vendor.beforePatch = () => new Promise((resolve) => realClock.sleep(100).then(resolve));
    assert.equal((await adapter.apply(request, AbortSignal.timeout(40))).kind, "unknown");
  });
});

test("an older fence of this process is stale", async () => {
  await withVendor(async ({ adapter, read, revision, restore }) => {
    assert.equal((await restore(await revision("off"), await read())).kind, "applied");
    const late = { at: AT, desired: await revision("on"), before: await read(), key: "old", fence: 2 };
    assert.equal((await adapter.apply(late, patience())).kind, "stale");
  });
});

test("a wrong token, a wrong environment and an SDK side that lags are told apart", async () => {
  await withVendor(async ({ vendor, flag, adapter, read }) => {
    const bad = adapterFor(vendor.base, { token: "api-wrong", sdkKey: "sdk-wrong" });
    assert.match(reasonOf(await bad.read(AT, patience())), /401.*check the access token/);
    assert.match(reasonOf(await bad.seen!(AT, unknown, patience())), /401.*check `sdk-key`/);
    const elsewhere = adapterFor(vendor.base, { environment: "europe" });
    assert.match(reasonOf(await elsewhere.read(AT, patience())), /lacks the environment "europe"; check the setting/);
    assert.equal((await elsewhere.identify!(AT, patience())).kind, "unreachable");
    vendor.sdksLag = true;
    vendor.change(flag, ENVIRONMENT, [serveNew]);
    const { digest } = await read();
    assert.match(reasonOf(await adapter.seen!(AT, digest, patience())), /given version 11, which has another state/);
    vendor.catchUp();
    assert.deepEqual(await adapter.seen!(AT, digest, patience()), { kind: "seen" });
    const first = await adapter.identify!(AT, patience());
    vendor.environmentId = "65f0c0ffee0000000000e002";
    assert.notDeepEqual(await adapter.identify!(AT, patience()), first);
  });
});

test("the state does not depend on ids, names, order of targets, tracking or disabled rules", async () => {
  await withVendor(async ({ flag, read }) => {
    const { digest } = await read();
    const targeting = flag.environments[ENVIRONMENT]!;
    targeting.targets[0]!.values.reverse();
    targeting.targets.push({ variation: 2, values: [], contextKind: "user" });
    Object.assign(targeting.rules[0]!, { _id: "r-2", trackEvents: true, description: "Nordic" });
    targeting.rules.push({ _id: "r-3", clauses: [], trackEvents: false, variation: 2, ...{ disabled: true } });
    Object.assign(flag.variations[1]!, { _id: "v-old-2", name: "renamed" });
    assert.equal((await read()).digest, digest);
    targeting.rules[0]!.variation = 2;
    assert.notEqual((await read()).digest, digest);
  });
});

test("snapshots in files survive a restart, are the owner's only, and damage is found", async () => {
  const folder = await mkdtemp(join(tmpdir(), "rollbook-launchdarkly-"));
  const place = join(folder, "launchdarkly", "ld");
  try {
    await withVendor(
      async ({ vendor, read }) => {
        const { digest } = await read();
        const again = adapterFor(vendor.base, { snapshots: createFileSnapshots(place) });
        assert.equal(await again.holds(AT, digest, patience()), true);
        const found = await again.resolve!(AT, "11", patience());
        assert.ok(found.kind === "revision" && found.revision.digest === digest);
        const file = join(place, `${digest.slice(7)}.json`);
        assert.equal((await stat(file)).mode & 0o077, 0);
        assert.equal((await readdir(place)).length, 2);
        await writeFile(file, "{}");
        assert.equal(await again.holds(AT, digest, patience()), false);
      },
      { snapshots: createFileSnapshots(place) },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a snapshot that cannot be written does not hide what serves", async () => {
  const broken = { ...memorySnapshots(), put: () => Promise.reject(new Error("disk full")) };
  await withVendor(
    async ({ adapter, read }) => {
      const { digest, label } = await read();
      assert.match(label ?? "", /not captured: disk full/);
      assert.equal(await adapter.holds(AT, digest, patience()), false);
      assert.equal((await adapter.resolve!(AT, "off", patience())).kind, "unreachable");
    },
    { snapshots: broken },
  );
});
