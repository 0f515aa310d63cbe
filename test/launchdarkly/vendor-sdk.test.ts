import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { init, type LDClient } from "@launchdarkly/node-server-sdk";
import { ENVIRONMENT, SDK_KEY } from "../../src/adapters/launchdarkly/emulated-world.fixture.ts";
import { type EmulatedLaunchDarkly, startLaunchDarkly } from "../../src/adapters/launchdarkly/emulator.fixture.ts";
import {
  AI_AT,
  AT,
  adapterFor,
  assistantConfig,
  explanationsFlag,
  openFlag,
} from "../../src/adapters/launchdarkly/lending.fixture.ts";
import type { Digest } from "../../src/core/digest.ts";
import type { RestoreAdapter } from "../../src/core/ports.ts";
import { flawsIn, flawsOf } from "./vendor-schema.ts";

const carla = { kind: "user", key: "carla", country: "DE" } as const;
const silent = { error() {}, warn() {}, info() {}, debug() {} };
const patience = () => AbortSignal.timeout(5000);

describe("LaunchDarkly's own server SDK", () => {
  let vendor: EmulatedLaunchDarkly;
  let adapter: RestoreAdapter;
  let client: LDClient;

  before(async () => {
    vendor = await startLaunchDarkly([]);
    const { base } = vendor;
    client = init(SDK_KEY, {
      ...{ baseUri: base, streamUri: base, eventsUri: base, sendEvents: false, diagnosticOptOut: true },
      logger: silent,
    });
    await client.waitForInitialization({ timeout: 5 });
  });

  beforeEach(() => {
    vendor.flags.splice(0, vendor.flags.length, explanationsFlag(), openFlag(), assistantConfig());
    adapter = adapterFor(vendor.base);
    vendor.broadcast();
  });

  after(async () => {
    client.close();
    await vendor.stop();
  });

  const flagAt = (at: string) => vendor.flags.find(({ key }) => at.endsWith(`/${key}`))!;
  const evaluate = async (at: string): Promise<unknown> => {
    const value: unknown = await client.variation(flagAt(at).key, carla, "the code's default");
    return typeof value === "object" && value !== null && "messages" in value ? value.messages : value;
  };
  /** Milliseconds until the SDK evaluates to this. */
  const until = async (at: string, wanted: unknown): Promise<number> => {
    const started = performance.now();
    while (JSON.stringify(await evaluate(at)) !== JSON.stringify(wanted)) {
      assert.ok(performance.now() - started < 1000, `it still evaluates to ${JSON.stringify(await evaluate(at))}`);
      await setTimeout(1);
    }
    return performance.now() - started;
  };
  const live = async (at: string) => {
    const found = await adapter.read(at, patience());
    assert.ok(found.kind === "live");
    return found;
  };
  const restore = async (at: string, desired: Digest) =>
    adapter.apply({ at, desired, before: await live(at), key: "k", fence: 1 }, patience());

  const system = (content: string) => [{ role: "system", content }];
  for (const { what, at, old, bad, badId } of [
    { what: "a flag", at: AT, old: "explain in one sentence", bad: "explain at length", badId: "v-new" },
    { what: "an AI config", at: AI_AT, old: system("Be helpful."), bad: system("Be very helpful."), badId: "a-2" },
  ]) {
    test(`evaluates ${what} old, bad, and restored within a second`, async () => {
      await until(at, old);
      const good = await live(at);
      vendor.change(flagAt(at), ENVIRONMENT, [{ kind: "updateFallthroughVariationOrRollout", variationId: badId }]);
      await until(at, bad);
      const started = performance.now();
      assert.deepEqual(await restore(at, good.digest), { kind: "applied" });
      await until(at, old);
      assert.ok(performance.now() - started < 1000);
      assert.deepEqual(await adapter.seen!(at, good.digest, patience()), { kind: "seen" });
    });
  }

  test("serves the off variation after `off`, and rules and targets again after the way back", async () => {
    const ada = { kind: "user", key: "ada" } as const;
    const good = await live(AT);
    const off = await adapter.resolve!(AT, "off", patience());
    assert.ok(off.kind === "revision");
    assert.deepEqual(await restore(AT, off.revision.digest), { kind: "applied" });
    await until(AT, "no explanation");
    assert.deepEqual(await restore(AT, good.digest), { kind: "applied" });
    await until(AT, "explain in one sentence");
    assert.equal(await client.variation("loan-explanations", ada, ""), "no explanation");
    assert.equal(await client.variation("loan-explanations", { ...carla, country: "SE" }, ""), "no explanation");
  });

  test("gets the rival's state when somebody toggles in the same second, and the adapter says so", async () => {
    const good = await live(AT);
    const flag = flagAt(AT);
    vendor.change(flag, ENVIRONMENT, [{ kind: "updateFallthroughVariationOrRollout", variationId: "v-new" }]);
    vendor.beforePatch = () => {
      vendor.beforePatch = undefined;
      vendor.change(flag, ENVIRONMENT, [{ kind: "turnFlagOff" }]);
    };
    const answer = await restore(AT, good.digest);
    assert.equal(answer.kind, "conflict");
    await until(AT, "no explanation");
    assert.deepEqual(await restore(AT, good.digest), { kind: "applied" });
    await until(AT, "explain in one sentence");
  });

  test("polls what it streams", async () => {
    const { base } = vendor;
    const polling = init(SDK_KEY, {
      ...{ baseUri: base, stream: false, sendEvents: false, diagnosticOptOut: true },
      logger: silent,
    });
    try {
      await polling.waitForInitialization({ timeout: 5 });
      assert.equal(await polling.variation("loan-explanations", carla, ""), "explain in one sentence");
    } finally {
      polling.close();
    }
  });

  test("every answer of the emulator, and every refusal, is what the vendor's document describes", async () => {
    const good = await live(AT);
    const off = await adapter.resolve!(AT, "off", patience());
    assert.ok(off.kind === "revision");
    vendor.approvals.push({ _id: "p-1", status: "pending", executionDate: 0, instructions: [{ kind: "turnFlagOff" }] });
    vendor.scheduled.push({ _id: "s-1", executionDate: 1, instructions: [{ kind: "turnFlagOn" }] });
    vendor.expiring.push({ contextKind: "user", contextKey: "ada", expirationDate: 1 });
    await adapter.concerns!(AT, good.digest, patience());
    assert.equal((await restore(AT, off.revision.digest)).kind, "refused");
    vendor.approvals.length = vendor.scheduled.length = vendor.expiring.length = 0;
    vendor.approvalsRequired = true;
    assert.equal((await restore(AT, off.revision.digest)).kind, "refused");
    vendor.approvalsRequired = false;
    vendor.limits.push({ method: "GET", headers: { "retry-after": "0" } });
    await adapter.read(AI_AT, patience());
    await adapter.read(`${AT}-that-is-not-there`, patience());
    await adapterFor(vendor.base, { token: "api-wrong" }).read(AT, patience());
    await adapter.identify!(AT, patience());
    const statuses = new Set(vendor.exchanges.map(({ status }) => status));
    for (const status of [200, 400, 401, 404, 405, 429]) assert.ok(statuses.has(status), `${status} was not met`);
    assert.deepEqual(vendor.exchanges.flatMap(flawsIn), []);
    assert.notDeepEqual(flawsOf("FeatureFlag", { ...explanationsFlag(), environments: {} }), []);
  });

  test("the vendor's document knows no semantic patch of a flag: it describes JSON patches only", async () => {
    await restore(
      AT,
      ((await adapter.resolve!(AT, "off", patience())) as { revision: { digest: Digest } }).revision.digest,
    );
    const { body } = vendor.exchanges.findLast(({ method }) => method === "PATCH")!;
    assert.deepEqual(flawsOf("PatchWithComment", body), ["PatchWithComment must have required property 'patch'"]);
    assert.deepEqual(flawsOf("AIConfigTargetingPatch", body), []);
  });
});
