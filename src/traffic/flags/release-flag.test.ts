import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, shortDigest } from "../../core/digest.ts";
import type { Route } from "../../core/entry.ts";
import type { Signal } from "../../core/playbook.ts";
import { createSimulatedClock } from "../../simulation/clock.ts";
import { createCounter } from "../attribution/counter.ts";
import { readRequestId } from "../attribution/request-id.ts";
import { requestKeyOf } from "../attribution/request-key.ts";
import { assign } from "../routing/assignment.ts";
import { createFlags, defineFlag } from "./flag-book.ts";
import { signalsWithoutGateway } from "./flag-signals.ts";
import { answerOfrep } from "./ofrep.ts";
import { createFlagTraffic, type FlagTrafficOptions } from "./release-flag.ts";

const requestKey = new Uint8Array(32).fill(5);
const stable = digestOf("stable");
const candidate = digestOf("candidate");
const approvals: Signal = {
  name: "approvals",
  kind: "share",
  part: "approved",
  of: "decisions",
  from: "events",
  better: "up",
};
const START = 1_800_000_000_000;
const BULK = "/ofrep/v1/evaluate/flags";

function flagOf(ppm: number, more: Partial<FlagTrafficOptions> = {}) {
  const clock = createSimulatedClock(START);
  const counter = createCounter({ signals: [approvals], node: "n", clock, requestKey });
  const flag = createFlagTraffic({ system: "loans", key: "loan-release", clock, counter, requestKey, ...more });
  let epoch = 0;
  const share = (candidatePpm: number, of: Partial<Route> = {}): void =>
    flag.traffic.set({ system: "loans", epoch: ++epoch, stable, candidate, candidatePpm, ...of });
  share(ppm);
  flag.traffic.renew("loans", START + 2000);
  return { clock, counter, flag, share };
}

const users = Array.from({ length: 200 }, (_, i) => `user-${i}`);

test("each user gets the variant of the shared assignment, with the release and a request id of that arm", () => {
  const { flag } = flagOf(500_000);
  for (const user of users) {
    const said = flag.evaluate(user)!;
    assert.equal(said.variant, assign(flag.traffic.current("loans")!, user));
    assert.equal(said.metadata["release"], said.variant === "stable" ? stable : candidate);
    assert.equal(said.value, shortDigest(said.variant === "stable" ? stable : candidate));
    assert.equal(said.reason, "SPLIT");
    const { sequence, ...identity } = readRequestId(requestKeyOf(requestKey), String(said.metadata["requestId"]))!;
    assert.deepEqual(identity, { second: START / 1000, variant: said.variant, release: said.value });
    assert.ok(sequence >= 0);
  }
  assert.equal(flag.evaluations.stable + flag.evaluations.candidate, users.length);
});

test("an outcome by the evaluation's request id counts for its arm and second; the evaluation itself counts for nothing", async () => {
  const { clock, counter, flag } = flagOf(1_000_000);
  const id = String(flag.evaluate("u")!.metadata["requestId"]);
  assert.deepEqual(counter.drain(), []);
  await clock.advance(3 * 86_400_000);
  assert.equal(counter.report(id, { decisions: 1, approved: 1 }).kind, "counted");
  assert.deepEqual(
    counter.drain().map(({ bucket, release, n, k }) => [bucket, release, n, k]),
    [[START, candidate, 1, 1]],
  );
});

test("without a living controller the flag says stable, and says that it changed", async () => {
  const { clock, flag } = flagOf(1_000_000);
  const heard: string[] = [];
  flag.onChange((change) => heard.push(change));
  await clock.advance(1000);
  flag.traffic.renew("loans", clock.now() + 2000);
  await clock.advance(1999);
  assert.equal(flag.evaluate("u")?.variant, "candidate");
  await clock.advance(1);
  assert.equal(flag.evaluate("u")?.variant, "stable");
  assert.equal(flag.lastCandidateEvaluation(), START + 2999);
  assert.deepEqual(heard, ["renewed", "lapsed"]);
});

test("renewals are passed on in good time and not on each tick", async () => {
  const { clock, flag } = flagOf(500_000);
  let heard = 0;
  flag.onChange(() => heard++);
  for (let tick = 0; tick < 100; tick++) {
    await clock.advance(100);
    flag.traffic.renew("loans", clock.now() + 2000);
  }
  assert.ok(heard >= 10 && heard <= 15, `${heard} of 100`);
});

test("a lease for ever wakes nobody, and a shorter one ends it", async () => {
  const { clock, flag } = flagOf(1_000_000);
  flag.traffic.renew("loans", Number.MAX_SAFE_INTEGER);
  await clock.advance(10_000);
  assert.equal(flag.evaluate("u")?.variant, "candidate");
  flag.traffic.renew("loans", clock.now() + 10);
  await clock.advance(10);
  assert.equal(flag.evaluate("u")?.variant, "stable");
  assert.equal(clock.asleep(), 0);
});

test("a route of an older epoch changes nothing", () => {
  const { flag, share } = flagOf(1_000_000);
  share(1_000_000);
  flag.traffic.set({ system: "loans", epoch: 1, stable, candidate, candidatePpm: 0 });
  assert.equal(flag.evaluate("u")?.variant, "candidate");
});

test("values belong to releases: a promoted one says the same as stable, and containment asks for none", () => {
  const asked: string[] = [];
  const values = (release: string) => {
    asked.push(release);
    return { model: release === stable ? "credit-11" : "credit-12" };
  };
  const { flag, share } = flagOf(1_000_000, { values });
  assert.deepEqual(flag.evaluate("u")?.value, { model: "credit-12" });
  share(0);
  assert.deepEqual(flag.evaluate("u")?.value, { model: "credit-11" });
  flag.traffic.set({ system: "loans", epoch: 9, stable: candidate, candidatePpm: 0 });
  assert.deepEqual([flag.evaluate("u")?.value, flag.evaluate("u")?.reason], [{ model: "credit-12" }, "STATIC"]);
  assert.deepEqual(asked, [stable, candidate]);
});

test("a listener that throws stops neither the others nor the switch", () => {
  const { flag, share } = flagOf(1_000_000);
  let told = 0;
  flag.onChange(() => {
    throw new Error("mine");
  });
  flag.onChange(() => told++);
  share(0);
  assert.deepEqual([flag.evaluate("u")?.variant, told], ["stable", 1]);
});

const book = createFlags([defineFlag("tone", { calm: "calm" }, "calm")]);
const ask = (flag: ReturnType<typeof flagOf>["flag"], path: string, user?: string, match?: string) => {
  const body = JSON.stringify({ context: user === undefined ? {} : { targetingKey: user } });
  return answerOfrep(book, "POST", path, body, match, { releases: [flag], changes: "/ofrep/v1/events" })!;
};

test("over OFREP a missing targeting key is TARGETING_KEY_MISSING, alone and among others", () => {
  const { flag } = flagOf(500_000);
  for (const user of [undefined, ""]) {
    const one = ask(flag, `${BULK}/loan-release`, user);
    assert.deepEqual([one.status, JSON.parse(one.body).errorCode], [400, "TARGETING_KEY_MISSING"]);
    const all = ask(flag, BULK, user);
    assert.equal(all.status, 200);
    const [tone, release] = JSON.parse(all.body).flags;
    assert.deepEqual([tone.value, release.errorCode], ["calm", "TARGETING_KEY_MISSING"]);
  }
});

test("before the first route a release flag is an error and never somebody's default", () => {
  const { counter, clock } = flagOf(0);
  const fresh = createFlagTraffic({ system: "loans", key: "loan-release", clock, counter, requestKey });
  const answer = ask(fresh, `${BULK}/loan-release`, "u");
  assert.deepEqual([answer.status, JSON.parse(answer.body).errorCode], [400, "GENERAL"]);
});

test("a release flag takes the place of a built-in one of its key", () => {
  const { flag } = flagOf(0, { key: "tone" });
  assert.equal(JSON.parse(ask(flag, `${BULK}/tone`, "u").body).value, shortDigest(stable));
  assert.equal(JSON.parse(ask(flag, BULK, "u").body).flags.length, 1);
});

test("a bulk tag stands for one user and one state: 304 for it, a new answer for everything else", async () => {
  const { clock, flag, share } = flagOf(500_000);
  flag.traffic.renew("loans", START + 600_000);
  const first = ask(flag, BULK, "a");
  const etag = first.headers["etag"]!;
  assert.deepEqual(JSON.parse(first.body).eventStreams, [
    { type: "sse", endpoint: { requestUri: "/ofrep/v1/events" } },
  ]);
  const before = { ...flag.evaluations };
  assert.equal(ask(flag, BULK, "a", etag).status, 304);
  assert.deepEqual(flag.evaluations, before);
  assert.equal(ask(flag, BULK, "b", etag).status, 200);
  await clock.advance(60_000);
  assert.equal(ask(flag, BULK, "a", etag).status, 200, "a request id would get too old");
  const later = ask(flag, BULK, "a").headers["etag"]!;
  share(500_000);
  const newer = ask(flag, BULK, "a", later);
  assert.equal(newer.status, 200, "another epoch");
  flag.traffic.renew("loans", clock.now());
  assert.equal(ask(flag, BULK, "a", newer.headers["etag"]).status, 200, "the lease has lapsed");
});

test("evaluations are no requests: signals from the gateway are named, because nothing feeds them here", () => {
  const errors: Signal = { ...approvals, name: "errors", from: "gateway" };
  assert.deepEqual(signalsWithoutGateway([approvals, errors]), ["errors"]);
});
