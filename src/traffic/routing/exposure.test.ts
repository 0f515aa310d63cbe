import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../core/digest.ts";
import type { Route } from "../../core/entry.ts";
import { createExposure } from "./exposure.ts";

const route = (epoch: number, candidatePpm: number): Route => ({
  system: "loans",
  epoch,
  stable: digestOf("stable"),
  candidate: digestOf("candidate"),
  candidatePpm,
});

function exposureAt(start: number) {
  const time = { now: start };
  return { time, exposure: createExposure("loans", { now: () => time.now, sleep: async () => {} }) };
}

test("before the first lease everything is stable", () => {
  const { exposure } = exposureAt(5_000);
  assert.equal(exposure.effective(), undefined);
  exposure.set(route(1, 1_000_000));
  assert.equal(exposure.effective()?.candidatePpm, 0);
});

test("traffic falls back to stable by itself when nobody renews, and comes back when somebody does", () => {
  const { time, exposure } = exposureAt(0);
  exposure.set(route(1, 250_000));
  exposure.renew("loans", 1_000);
  assert.equal(exposure.effective()?.candidatePpm, 250_000);
  time.now = 1_000;
  assert.equal(exposure.effective()?.candidatePpm, 0);
  assert.equal(exposure.current("loans")?.candidatePpm, 250_000);
  exposure.renew("loans", 2_000);
  assert.equal(exposure.effective()?.candidatePpm, 250_000);
});

test("the effective route is one object until something changes", () => {
  const { time, exposure } = exposureAt(0);
  exposure.set(route(1, 250_000));
  exposure.renew("loans", 10);
  assert.equal(exposure.effective(), exposure.effective());
  time.now = 10;
  assert.equal(exposure.effective(), exposure.effective());
});

test("a route of an older epoch is ignored", () => {
  const { exposure } = exposureAt(0);
  exposure.renew("loans", 10);
  exposure.set(route(7, 0));
  exposure.set(route(6, 500_000));
  assert.equal(exposure.effective()?.epoch, 7);
});

test("another system and an impossible share are errors", () => {
  const { exposure } = exposureAt(0);
  assert.throws(() => exposure.set({ ...route(1, 0), system: "claims" }), { code: "NOT_FOUND" });
  for (const ppm of [-1, 1.5, 1_000_001, Number.NaN]) {
    assert.throws(() => exposure.set(route(1, ppm)), { code: "REQUEST_INVALID" });
  }
  exposure.renew("claims", 99);
  assert.equal(exposure.leaseUntil, 0);
  assert.equal(exposure.current("claims"), undefined);
});

test("a clock that is set back lengthens no lease, but for what people gave for ever", () => {
  const { time, exposure } = exposureAt(20_000_000);
  exposure.set(route(1, 250_000));
  exposure.renew("loans", time.now + 2000);
  time.now -= 900;
  assert.equal(exposure.effective()?.candidatePpm, 250_000);
  time.now -= 3_600_000;
  assert.equal(exposure.effective()?.candidatePpm, 0);
  exposure.renew("loans", Number.MAX_SAFE_INTEGER);
  time.now -= 3_600_000;
  assert.equal(exposure.effective()?.candidatePpm, 250_000);
});
