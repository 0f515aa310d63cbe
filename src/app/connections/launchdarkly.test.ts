import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SDK_KEY, TOKEN } from "../../adapters/launchdarkly/emulated-world.fixture.ts";
import { startLaunchDarkly } from "../../adapters/launchdarkly/emulator.fixture.ts";
import { explanationsFlag, openFlag } from "../../adapters/launchdarkly/lending.fixture.ts";
import { systemClock } from "../system-clock.ts";
import { launchdarkly } from "./launchdarkly.ts";

const sound = { environment: "production", token: { env: "LD_TOKEN" } };

test("the settings are closed, and say what is wrong", () => {
  assert.ok(launchdarkly.settings.safeParse(sound).success);
  for (const [flaw, said] of [
    [{ environment: "" }, /the key of a LaunchDarkly environment/],
    [{ token: "api-123" }, /token/],
    [{ api: "http://app.launchdarkly.com" }, /http:\/\/ on this machine only/],
    [{ api: "https://app.launchdarkly.com/api/v2" }, /without a path/],
    [{ sdk: "https://me:secret@sdk.launchdarkly.com" }, /credentials/],
    [{ sdkKey: { env: "X" } }, /sdkKey/],
  ] as const) {
    const { error } = launchdarkly.settings.safeParse({ ...sound, ...flaw });
    assert.match(JSON.stringify(error?.issues ?? []), said);
  }
});

test("a connection serves its own name and keeps what it captures below the data folder", async () => {
  const data = await mkdtemp(join(tmpdir(), "rollbook-launchdarkly-"));
  const vendor = await startLaunchDarkly([explanationsFlag(), openFlag()]);
  const secrets: Record<string, string> = { LD_TOKEN: TOKEN, LD_SDK_KEY: SDK_KEY };
  try {
    const settings = launchdarkly.settings.parse({
      ...sound,
      "sdk-key": { env: "LD_SDK_KEY" },
      api: vendor.base,
      sdk: `${vendor.base}/`,
    });
    const secret = (reference: object) => ("env" in reference ? (secrets[String(reference.env)] ?? "") : "");
    const { restore } = launchdarkly.connect("ld-eu", settings, { folder: data, data, clock: systemClock, secret });
    const at = "ld-eu://lending/loan-explanations";
    assert.ok(restore);
    assert.deepEqual([restore.serves(at), restore.serves("launchdarkly://lending/loan-explanations")], [true, false]);
    const signal = AbortSignal.timeout(5000);
    const found = await restore.read(at, signal);
    assert.ok(found.kind === "live");
    assert.deepEqual(await restore.seen!(at, found.digest, signal), { kind: "seen" });
    assert.equal((await readdir(join(data, "launchdarkly", "ld-eu"))).length, 2);
  } finally {
    await vendor.stop();
    await rm(data, { recursive: true });
  }
});
