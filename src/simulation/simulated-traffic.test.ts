import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { digestOf } from "../core/digest.ts";
import type { Route } from "../core/entry.ts";
import type { Sample } from "../core/sample.ts";
import { createSimulatedClock } from "./clock.ts";
import { createSeededRandom } from "./random.ts";
import { createSimulatedTraffic, type SimulatedTrafficOptions } from "./simulated-traffic.ts";

const STABLE = digestOf("stable");
const CANDIDATE = digestOf("candidate");
const route = (candidatePpm: number, epoch = 1): Route => {
  return { system: "loans", epoch, stable: STABLE, candidate: CANDIDATE, candidatePpm };
};

function world(options: Partial<SimulatedTrafficOptions> = {}, seed: number | string = 1) {
  const clock = createSimulatedClock(10_000);
  const random = createSeededRandom(seed);
  const signals = [{ name: "errors", rates: { [STABLE]: 0.01, [CANDIDATE]: 0.2 } }];
  const traffic = createSimulatedTraffic({
    clock,
    random,
    route: route(250_000),
    requestsPerSecond: 1000,
    signals,
    ...options,
  });
  return { clock, traffic };
}

const total = (samples: readonly Sample[], release: string, field: "n" | "k") =>
  samples.filter((one) => one.release === release).reduce((sum, one) => sum + one[field], 0);
const near = (actual: number, expected: number, variance: number) =>
  assert.ok(Math.abs(actual - expected) <= 5 * Math.sqrt(variance), `${actual}, expected about ${expected}`);

describe("simulated traffic", () => {
  test("splits by the route and counts by the true rates", async () => {
    const { clock, traffic } = world();
    traffic.renew("loans", 1e9);
    await clock.advance(60_000);
    const samples = traffic.drain();
    near(total(samples, CANDIDATE, "n"), 15_000, 15_000);
    near(total(samples, STABLE, "n"), 45_000, 45_000);
    near(total(samples, CANDIDATE, "k"), 3000, 3000);
    near(total(samples, STABLE, "k"), 450, 450);
    assert.deepEqual(traffic.drain(), []);
    assert.equal(traffic.served(CANDIDATE).requests, total(samples, CANDIDATE, "n"));
    assert.equal(traffic.served(CANDIDATE).counts["errors"], total(samples, CANDIDATE, "k"));
  });

  test("without a lease, and after it, everyone is served by stable", async () => {
    const { clock, traffic } = world();
    await clock.advance(5000);
    assert.equal(traffic.served(CANDIDATE).requests, 0);
    traffic.renew("loans", clock.now() + 2500);
    await clock.advance(60_000);
    near(traffic.served(CANDIDATE).requests, 625, 625);
    assert.equal(traffic.lastServed(CANDIDATE), 17_000);
    assert.equal(traffic.current("loans")?.candidatePpm, 250_000);
  });

  test("a new route counts from the moment it is set, and an older epoch never", async () => {
    const { clock, traffic } = world();
    traffic.renew("loans", 1e9);
    await clock.advance(1500);
    traffic.set(route(0, 3));
    const before = traffic.served(CANDIDATE).requests;
    traffic.set(route(900_000, 2));
    await clock.advance(10_000);
    assert.ok(before > 0);
    assert.equal(traffic.served(CANDIDATE).requests, before);
    assert.equal(traffic.current("loans")?.epoch, 3);
    assert.equal(traffic.current("claims"), undefined);
    assert.throws(() => traffic.set({ ...route(1), system: "claims" }), { code: "NOT_FOUND" });
  });

  test("a rate that changes does so in the middle of a second", async () => {
    const rates = {
      [STABLE]: [
        { from: 0, rate: 0 },
        { from: 12_500, rate: 1 },
      ],
    };
    const { clock, traffic } = world({
      route: { system: "loans", epoch: 1, stable: STABLE, candidatePpm: 0 },
      signals: [{ name: "errors", rates }],
    });
    await clock.advance(5000);
    const share = new Map(traffic.drain().map(({ bucket, n, k }) => [bucket, k / n]));
    assert.deepEqual([share.get(11_000), share.get(13_000)], [0, 1]);
    assert.ok(Math.abs((share.get(12_000) ?? 0) - 0.5) < 0.1);
  });

  test("late outcomes arrive late, in new blocks of the old bucket", async () => {
    const signals = [
      { name: "fraud", delay: 3_600_000, kind: "count" as const, rates: { [STABLE]: 2, [CANDIDATE]: 2 } },
    ];
    const { clock, traffic } = world({ signals });
    await clock.advance(3_600_000);
    assert.deepEqual(traffic.drain(), []);
    await clock.advance(2500);
    const late = traffic.drain();
    assert.deepEqual([...new Set(late.map((one) => one.bucket))], [10_000, 11_000]);
    near(total(late, STABLE, "k"), 2 * total(late, STABLE, "n"), 2 * total(late, STABLE, "n"));
  });

  test("however often it is drained, keys never repeat and nothing is lost", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.array(fc.integer({ min: 1, max: 2500 }), { minLength: 1, maxLength: 20 }),
        async (seed, pauses) => {
          const { clock, traffic } = world({ requestsPerSecond: 50 }, seed);
          traffic.renew("loans", 1e9);
          const samples: Sample[] = [];
          for (const pause of pauses) {
            await clock.advance(pause);
            samples.push(...traffic.drain());
          }
          const keys = samples.map((one) => `${one.node} ${one.sequence} ${one.bucket} ${one.signal} ${one.release}`);
          assert.equal(new Set(keys).size, keys.length);
          for (const release of [STABLE, CANDIDATE]) {
            assert.equal(total(samples, release, "n"), traffic.served(release).requests);
          }
          assert.ok(samples.every((one) => one.k <= one.n && one.n > 0 && one.bucket % 1000 === 0));
        },
      ),
      { numRuns: 50 },
    );
  });

  test("a release without a true rate is an error", async () => {
    const { clock, traffic } = world({ signals: [{ name: "errors", rates: {} }] });
    await clock.advance(1000);
    assert.throws(() => traffic.drain(), { code: "REQUEST_INVALID" });
  });
});
