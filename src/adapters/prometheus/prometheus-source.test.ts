import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { shortDigest } from "../../core/digest.ts";
import type { SourceHealth } from "../../core/ports.ts";
import { describeSignalSource } from "../../testing/index.ts";
import { runs } from "../../testing/runs.fixture.ts";
import type { PrometheusSourceOptions } from "./prometheus-source.ts";
import type { Line } from "./prometheus-twin.fixture.ts";
import { approvals, candidate, createSourceWorld, lines, stable } from "./source-world.fixture.ts";

async function worldOf(t: TestContext, more: Partial<PrometheusSourceOptions> = {}) {
  const world = await createSourceWorld(more);
  t.after(() => world.twin.stop());
  return world;
}

/** A world whose counting has begun at these values of the candidate. */
async function begun(t: TestContext, n = 100, k = 50, more: Partial<PrometheusSourceOptions> = {}) {
  const world = await worldOf(t, more);
  world.scrape({ a: lines(n, k), s: lines(0, 0, "stable") });
  await world.poll();
  return world;
}

const says = (health: SourceHealth, kind: SourceHealth["kind"], pattern: RegExp) => {
  assert.equal(health.kind, kind, JSON.stringify(health));
  assert.match("reason" in health ? health.reason : "", pattern);
};
const steady = { s: lines(0, 0, "stable") };

describeSignalSource({
  name: "the Prometheus source",
  async setup() {
    const world = await createSourceWorld();
    const counters = { n: 40, k: 10 };
    const scrape = () => world.scrape({ a: lines(counters.n, counters.k), ...steady });
    scrape();
    return {
      source: world.source,
      signal: "approvals",
      release: candidate.id,
      happen(n, k) {
        counters.n += n;
        counters.k += k;
        scrape();
        world.twin.now += 2000;
      },
      silence() {
        world.twin.broken = { status: 503, body: {} };
      },
      speak() {
        world.twin.broken = undefined;
      },
      stop: () => world.twin.stop(),
    };
  },
});

test("only what a counter grew by since the first poll counts, by release and scrape step", async (t) => {
  const world = await begun(t);
  world.scrape({ a: lines(110, 55), s: lines(7, 6, "stable") });
  const at = Math.floor(world.twin.now / 1000) * 1000;
  assert.deepEqual(await world.poll(), { kind: "ok" });
  const told = world.told.map(({ bucket, release, n, k }) => [bucket, release, n, k]);
  assert.deepEqual(told, [
    [at, candidate.id, 10, 5],
    [at, stable.id, 7, 6],
  ]);
});

test("a step is told when it is over, and both arms of it together, whenever they were scraped", async (t) => {
  const world = await begun(t, 100, 50, { intervalMs: 4000 });
  world.twin.now = Math.ceil(world.twin.now / 4000) * 4000;
  world.scrape({ a: lines(110, 55) }, -900);
  await world.source.poll(AbortSignal.timeout(1000));
  assert.deepEqual(world.source.drain(), []);
  world.scrape({ s: lines(7, 6, "stable") }, 900);
  world.twin.now += 4000;
  await world.source.poll(AbortSignal.timeout(1000));
  const told = world.source.drain();
  assert.deepEqual(told.map(({ n }) => n).sort(), [10, 7]);
  assert.equal(new Set(told.map(({ bucket }) => bucket)).size, 1);
});

test("a reset of one instance is seen among others, and a vanished one is no reset", async (t) => {
  const world = await worldOf(t);
  world.scrape({ a: lines(1000, 500), b: lines(1000, 500), ...steady });
  await world.poll();
  world.scrape({ a: lines(4, 2), b: lines(1010, 505), ...steady });
  world.scrape({ b: lines(1011, 505), ...steady });
  world.scrape({ b: lines(1013, 506), ...steady });
  world.scrape({ a: lines(9, 2), b: lines(1013, 506), ...steady });
  await world.poll();
  assert.deepEqual(world.total(), [4 + 10 + 1 + 2 + 5, 2 + 5 + 0 + 1 + 0]);
});

test("a new instance's first values are no increments, but its created time makes them some", async (t) => {
  for (const created of [undefined, "process_start_time_seconds"]) {
    const world = await begun(t, 100, 50, { signals: [{ ...approvals, ...(created ? { created } : {}) }] });
    const born: Line = ["process_start_time_seconds", {}, world.twin.now / 1000];
    const old: Line = ["process_start_time_seconds", {}, world.twin.now / 1000 - 5000];
    const late: Line = ["process_start_time_seconds", {}, world.twin.now / 1000 + 5000];
    const rest = { a: lines(100, 50), ...steady };
    world.scrape({ ...rest, b: [...lines(7, 3), born], c: [...lines(900, 90), old], d: [...lines(800, 80), late] });
    world.scrape({ ...rest, b: [...lines(9, 4), born], c: [...lines(900, 90), old], d: [...lines(800, 80), late] });
    await world.poll();
    assert.deepEqual(world.total(), created ? [9, 4] : [2, 1]);
  }
});

test("a newer created time is a reset even where the value rose", async (t) => {
  const world = await worldOf(t, { signals: [{ ...approvals, created: "process_start_time_seconds" }] });
  const start = (seconds: number): Line => ["process_start_time_seconds", {}, seconds];
  const t0 = world.twin.now / 1000;
  world.scrape({ a: [...lines(10, 5), start(t0 - 50)], ...steady });
  await world.poll();
  world.scrape({ a: [...lines(30, 20), start(t0 + 2)], ...steady });
  world.scrape({ a: [...lines(31, 20), start(t0 + 2)], ...steady });
  await world.poll();
  assert.deepEqual(world.total(), [31, 20]);
});

test("a label value that appears at a target scraped without it began at zero", async (t) => {
  const signal = { ...approvals, of: "r_total", part: 'r_total{code=~"5.."}', missing: "zero" as const };
  const world = await worldOf(t, { signals: [signal] });
  const requests = (ok: number, bad?: number): Line[] => [
    ["r_total", { track: "candidate", code: "200" }, ok],
    ...(bad === undefined ? [] : ([["r_total", { track: "candidate", code: "500" }, bad]] as Line[])),
  ];
  world.scrape({ a: requests(100), ...steady });
  await world.poll();
  world.scrape({ a: requests(105, 3), ...steady });
  await world.poll();
  assert.deepEqual(world.total(), [8, 3]);
});

test("old counters under new names are not taken for new counters", async (t) => {
  const world = await begun(t, 100, 50);
  world.scrape({ a: lines(101, 50), ...steady });
  const renamed = (n: number, k: number) => lines(n, k).map(([name, own, v]): Line => [name, { ...own, env: "p" }, v]);
  world.scrape({ a: renamed(103, 51), ...steady });
  world.scrape({ a: renamed(106, 52), ...steady });
  await world.poll();
  assert.deepEqual(world.total(), [1 + 3, 1]);
});

test("a series that was silent at the start counts nothing of before", async (t) => {
  const world = await worldOf(t);
  world.scrape({ a: lines(10, 5), ...steady });
  world.scrape({ a: [], ...steady });
  await world.poll();
  world.scrape({ a: lines(1000, 500), ...steady });
  world.scrape({ a: lines(1001, 500), ...steady });
  await world.poll();
  assert.deepEqual(world.total(), [1, 0]);
});

test("nothing is well by absence", async (t) => {
  const world = await begun(t);
  says(await world.poll(), "no-data", /no sample of candidate since it is out/);
  world.scrape({ a: lines(100, 50), ...steady });
  assert.deepEqual(await world.poll(), { kind: "ok" });
  world.twin.now += 3000;
  world.scrape(steady);
  says(await world.poll(), "no-data", /approvals: the newest sample of candidate is/);
  world.twin.wipe();
  world.twin.now += 600_000;
  says(await world.poll(), "no-data", /"decisions_total" has no series/);
  world.scrape({ a: lines(5, 5, "canary"), ...steady });
  says(await world.poll(), "no-data", /the label track has: canary, stable/);
  const nobody = await worldOf(t, { arms: () => ({}) });
  nobody.scrape({ a: lines(1, 1) });
  await nobody.poll();
  says(await nobody.poll(), "no-data", /no release is out/);
});

test("without a series of part the whole waits, and nothing of it is lost", async (t) => {
  const world = await worldOf(t);
  const only = (n: number): Line[] => [["decisions_total", { track: "candidate" }, n]];
  world.scrape({ a: only(5), ...steady });
  await world.poll();
  world.scrape({ a: only(9), ...steady });
  says(await world.poll(), "no-data", /"approved_total" has no series of candidate.*missing: zero/);
  assert.deepEqual(world.total(), [0, 0]);
  world.scrape({ a: [...only(12), ["approved_total", { track: "candidate" }, 2]], ...steady });
  assert.equal((await world.poll()).kind, "ok");
  assert.deepEqual(world.total(), [7, 2]);
});

test("a part that a target stopped to tell is not zero: its whole waits until it is told again", async (t) => {
  const world = await begun(t);
  const rest = { b: lines(1, 1), ...steady };
  world.scrape({ a: lines(110, 55), ...rest });
  await world.poll();
  assert.deepEqual(world.total(), [10, 5]);
  const only = (n: number): Line[] => [["decisions_total", { track: "candidate" }, n]];
  for (const n of [120, 130, 140, 150, 160]) {
    world.scrape({ a: only(n), ...rest });
    if (n > 140) says(await world.poll(), "no-data", /is not told of candidate any more/);
  }
  world.scrape({ a: lines(161, 80), ...rest });
  assert.deepEqual(await world.poll(), { kind: "ok" });
  assert.deepEqual(world.total(), [61, 30]);
});

test("values that are no counts are an error and change nothing", async (t) => {
  const flawed = { NaN: /NaN/, "+Inf": /\+Inf/, "-3": /gauge/, "7.5": /whole number/, "9007199254740994": /2\^53/ };
  for (const [value, pattern] of Object.entries(flawed)) {
    const world = await begun(t, 100, 50);
    world.scrape({ a: lines(value, 50), b: lines(value, 0), ...steady });
    says(await world.poll(), "error", pattern);
    world.scrape({ a: lines(103, 51), b: lines(500, 100), ...steady });
    world.scrape({ a: lines(103, 51), b: lines(501, 100), ...steady });
    await world.poll();
    assert.deepEqual(world.total(), [4, 1], value);
  }
});

test("what the server refuses is said with what was asked, and nothing is lost by it", async (t) => {
  const world = await begun(t);
  const error = (status: number, errorType: string, text: string) => ({
    status,
    body: { status: "error", errorType, error: text },
  });
  world.scrape({ a: lines(104, 51), ...steady });
  for (const [status, type] of [
    [400, "bad_data"],
    [422, "execution"],
    [503, "timeout"],
  ] as const) {
    world.twin.before = (query) => {
      world.twin.broken = query.startsWith("approved") ? error(status, type, "parse error at char 7") : undefined;
    };
    says(
      await world.poll(),
      "error",
      new RegExp(`approvals: part: "approved_total".*${status}: ${type}: parse error at char 7`),
    );
  }
  for (const body of [
    undefined,
    [],
    "text",
    { status: "success" },
    { status: "success", data: { result: [{}], resultType: "vector" } },
  ]) {
    world.twin.before = (query) => {
      world.twin.broken = query === "time()" ? undefined : { status: 200, body };
    };
    assert.equal((await world.poll()).kind, "error");
  }
  world.twin.before = undefined;
  world.twin.broken = undefined;
  world.twin.warnings = ["a store was not reached"];
  says(await world.poll(), "error", /may be incomplete: a store was not reached/);
  world.twin.warnings = [];
  world.scrape({ a: lines(105, 52), ...steady });
  assert.deepEqual(await world.poll(), { kind: "ok" });
  assert.deepEqual(world.total(), [5, 2]);
  assert.ok(world.twin.asked.every(({ headers }) => headers["x-scope-orgid"] === "lending"));
});

test("a scrape between the two queries does not part a pair", async (t) => {
  const world = await begun(t);
  world.scrape({ a: lines(110, 55), ...steady });
  let late = 0;
  world.twin.before = (query) => {
    if (!query.startsWith("approved") || late++ > 0) return;
    world.twin.now -= 1500;
    world.twin.scrape("a", lines(120, 65));
    world.twin.now += 1500;
  };
  await world.poll();
  assert.deepEqual(world.total(), [10, 5]);
  await world.poll();
  assert.deepEqual(world.total(), [20, 15]);
});

test("more of part than of the whole waits for room and is told as an error", async (t) => {
  const world = await begun(t);
  world.scrape({ a: lines(102, 55), ...steady });
  says(await world.poll(), "error", /3 more of "approved_total" than of "decisions_total"/);
  assert.deepEqual(world.total(), [2, 2]);
  world.scrape({ a: lines(112, 55), ...steady });
  assert.deepEqual(await world.poll(), { kind: "ok" });
  assert.deepEqual(world.total(), [12, 5]);
});

test("a role that moves to another release takes none of the old one's counts along", async (t) => {
  let out = candidate;
  const next = { ...candidate, id: stable.id };
  const world = await begun(t, 100, 50, { arms: () => ({ candidate: out }) });
  world.scrape({ a: lines(110, 60) });
  out = next;
  await world.poll();
  assert.deepEqual(world.told, []);
  world.scrape({ a: lines(111, 61) });
  await world.poll();
  assert.deepEqual(world.told, [], "it began before the poll that saw the new release");
  world.scrape({ a: lines(113, 62) });
  await world.poll();
  assert.deepEqual(world.total(stable), [2, 1]);
});

test("a label names a release by role, mapped role, label, revision or digest, and never both", async (t) => {
  const names = ["canary", "r2", "credit-model r2", candidate.id, candidate.id.slice(7), shortDigest(candidate.id)];
  const digest = candidate.revisions["model"]!.digest;
  for (const name of [...names, digest, shortDigest(digest)]) {
    const world = await worldOf(t, { roles: { canary: "candidate" } });
    world.scrape({ a: lines(1, 1, name), ...steady });
    await world.poll();
    world.scrape({ a: lines(3, 2, name), ...steady });
    assert.deepEqual(await world.poll(), { kind: "ok" }, name);
    assert.deepEqual(world.total(), [2, 1], name);
  }
  const world = await worldOf(t);
  world.scrape({ a: lines(1, 1, "the prompt") });
  await world.poll();
  world.scrape({ a: lines(2, 2, "the prompt") });
  says(await world.poll(), "error", /track="the prompt" names stable and candidate alike/);
});

test("two replicas that tell the same series are refused", async (t) => {
  const world = await begun(t);
  const replica = (name: string) =>
    lines(5, 5).map(([n, own, v]): Line => [n, { ...own, prometheus_replica: name }, v]);
  world.scrape({ a: [...replica("x"), ...replica("y")], ...steady });
  says(await world.poll(), "error", /several replicas/);
  assert.deepEqual(world.told, []);
});

test("of an expression that hides its instances only rises above the highest value count", async (t) => {
  const signal = { ...approvals, of: "1 * decisions_total", part: "1 * approved_total" };
  const world = await begun(t, 100, 50, { signals: [signal] });
  world.scrape({ a: lines(110, 55), ...steady });
  assert.deepEqual(await world.poll(), { kind: "ok" });
  world.scrape({ a: lines(20, 10), ...steady });
  says(await world.poll(), "error", /a sum fell/);
  world.scrape({ a: lines(113, 57), ...steady });
  await world.poll();
  assert.deepEqual(world.total(), [13, 7]);
});

test("clocks that are far apart are said, and the server's counts", async (t) => {
  const world = await begun(t, 100, 50, { clock: { now: () => 1_700_000_000_000 - 3_600_000, sleep: async () => {} } });
  world.scrape({ a: lines(101, 51), ...steady });
  says(await world.poll(), "error", /clock and ours are 1 h 0 min apart/);
  assert.deepEqual(world.total(), [1, 1]);
});

test("how often to ask comes from the targets, or from the samples when those may not be read", async (t) => {
  const world = await begun(t);
  assert.equal(world.source.everyMs, 1000);
  const silent = await worldOf(t);
  silent.twin.intervals = false;
  for (let turn = 0; turn < 5; turn++) {
    silent.twin.now += 6000;
    silent.scrape({ a: lines(turn, 0), ...steady });
  }
  await silent.poll();
  assert.equal(silent.source.everyMs, 3500);
});

test("the interval is learnt once there is something to learn it from", async (t) => {
  const world = await worldOf(t, { signals: [{ ...approvals, created: "process_start_time_seconds" }] });
  await world.poll();
  assert.equal(world.source.everyMs, 1000);
  const born: Line = ["process_start_time_seconds", {}, world.twin.now / 1000];
  world.scrape({ a: [...lines(7, 3), born], s: lines(0, 0, "stable") });
  await world.poll();
  await world.poll();
  assert.deepEqual(world.total(), [7, 3]);
});

test("a second source that starts later counts nothing twice", async (t) => {
  const world = await begun(t);
  world.scrape({ a: lines(110, 55), ...steady });
  await world.poll();
  const second = world.sourceOf("n2");
  await second.poll(AbortSignal.timeout(1000));
  world.scrape({ a: lines(111, 56), ...steady });
  world.twin.now += 2000;
  await second.poll(AbortSignal.timeout(1000));
  assert.deepEqual(
    [...world.told, ...second.drain()].reduce((sum, { n }) => sum + n, 0),
    11,
  );
});

test("an expression that yields no counter is refused when it is made", async () => {
  const make = (more: object) => createSourceWorld({ signals: [{ ...approvals, ...more }] });
  await assert.rejects(make({ of: "sum by (track) (rate(decisions_total[5m]))" }), /approvals: of: .*rate\(\)/);
  await assert.rejects(make({ part: "sum by (job) (approved_total)" }), /the sum drops the label track/);
});

const event = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("count" as const), n: fc.nat(40), share: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const), n: fc.nat(9), share: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("vanish" as const), n: fc.nat(5), share: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("fail" as const), n: fc.nat(9), share: fc.nat(100) }) },
);
const history = fc.array(fc.record({ instance: fc.constantFrom("a", "b", "c"), event, poll: fc.boolean() }), {
  minLength: 1,
  maxLength: 30,
});

test("over any history of counts, restarts, vanished instances and failed polls the sum is the truth", async (t) => {
  const world = await worldOf(t, { signals: [{ ...approvals, created: "process_start_time_seconds" }] });
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      world.twin.wipe();
      world.told.length = 0;
      world.twin.now += 4 * 3_600_000;
      const source = world.sourceOf("p");
      const now = () => Math.floor(world.twin.now / 1000) * 1000 + 1050;
      const process = () => ({ n: 100, k: 40, start: now(), gone: false, hidden: { n: 0, k: 0 } });
      const app: Record<string, ReturnType<typeof process>> = { a: process(), b: process(), c: process() };
      const truth = { n: 0, k: 0 };
      const scrape = () => {
        const shown = Object.entries(app).map(([instance, { n, k, start, gone }]) => [
          instance,
          gone ? [] : [...lines(n, k), ["process_start_time_seconds", {}, start / 1000] as Line],
        ]);
        world.scrape({ ...Object.fromEntries(shown), ...steady });
      };
      const poll = async () => {
        world.twin.now += 2000;
        await source.poll(AbortSignal.timeout(5000));
        world.told.push(...source.drain());
      };
      scrape();
      await poll();
      for (const { instance, event: what, poll: asks } of steps) {
        const one = app[instance]!;
        const k = Math.round((what.n * what.share) / 100);
        if (what.kind === "restart") {
          // Nobody scraped these before their process ended: they cannot be known.
          truth.n -= one.hidden.n;
          truth.k -= one.hidden.k;
          Object.assign(one, { n: 0, k: 0, start: now(), hidden: { n: 0, k: 0 } });
        }
        one.gone = what.kind === "vanish";
        one.hidden = one.gone ? { n: one.hidden.n + what.n, k: one.hidden.k + k } : { n: 0, k: 0 };
        one.n += what.n;
        one.k += k;
        truth.n += what.n;
        truth.k += k;
        scrape();
        world.twin.broken = what.kind === "fail" ? { status: 503, body: {} } : undefined;
        if (asks || what.kind === "fail") await poll();
        world.twin.broken = undefined;
      }
      for (const one of Object.values(app)) one.gone = false;
      scrape();
      await poll();
      assert.deepEqual(world.total(), [truth.n, truth.k]);
      assert.ok(world.told.every(({ n, k }) => k <= n));
    }),
    { numRuns: runs(40) },
  );
});
