import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { statusText } from "./actions/status.ts";
import { runLine } from "./run-line.fixture.ts";
import type { Status } from "./systems.ts";

const HOUR = 3_600_000;
const status: Status = {
  system: "loans",
  owner: "credit-risk",
  risk: "high",
  authority: "act",
  playbook: "sha256:0",
  sources: {},
  rollouts: [],
};

describe("the status between releases", () => {
  test("says what is watched for drift, and since when nothing was found", () => {
    const text = statusText({ ...status, drift: { since: 0, watched: ["rising", "slow"] } }, 2 * HOUR);
    assert.match(text, /drift +none since 2 h 0 min: rising, slow/);
    assert.doesNotMatch(statusText({ ...status, drift: { since: 0, watched: [] } }, HOUR), /drift/);
    assert.doesNotMatch(statusText(status, HOUR), /drift/);
  });

  test("shows what people were told, until somebody acknowledges it", () => {
    const told = { at: 5 * HOUR, because: [{ name: "rising", since: 4 * HOUR }] };
    const text = statusText({ ...status, drift: { since: 0, watched: ["rising"], told } }, 6 * HOUR);
    assert.match(text, /DRIFT +rising since about 2 h 0 min ago; told 1 h 0 min ago, see `rollbook acknowledge`/);
  });
});

test("a rollback under way is shown with the clock and the deadline of each phase", () => {
  const deadlines = { contain: 1000, restore: 60_000, verify: 600_000 };
  const rollback = { saga: "saga-1", cause: ["harm"], decidedAt: HOUR, containedAt: HOUR + 5, deadlines };
  const rollout = { id: "r", system: "loans", phase: "degraded", step: 0, candidate: "sha256:2", stable: "sha256:1" };
  const text = statusText({ ...status, rollouts: [{ ...rollout, startedAt: 0, rollback }] }, HOUR + 61_000);
  assert.match(text, /contain: 5 ms of 1\.0 s {2}restore: for 1 min 1 s of 1 min 0 s, LATE {2}verify: not begun/);
});

test("a restore that a person halts, and how a rollback ended, stand beside the rollout", () => {
  const back = { saga: "saga-1", cause: ["harm"], decidedAt: HOUR };
  const rollout = { id: "r", system: "loans", phase: "degraded", step: 0, candidate: "sha256:2", stable: "sha256:1" };
  const said = (rollback: object, more: object = {}) =>
    statusText(
      { ...status, rollouts: [{ ...rollout, startedAt: 0, rollback: { ...back, ...rollback }, ...more }] },
      HOUR,
    );
  const halted = { kind: "pause", by: "ada", reason: "not that one" };
  assert.match(said({ halted }), /being halted by ada: not that one/);
  assert.match(said({ outcome: "verified" }, { endedAt: HOUR }), /ended .*went back, proved fixed/);
  assert.match(said({ outcome: "unverified" }, { endedAt: HOUR }), /went back, NOT proved fixed/);
  assert.doesNotMatch(said({ outcome: "stuck" }, { endedAt: HOUR }), /went back/);
});

test("what ended is said by who ended it: aborted is what a person stopped, and harm is what harm took back", () => {
  const rollout = { id: "r", system: "loans", step: 0, candidate: "sha256:2", stable: "sha256:1", startedAt: 0 };
  const said = (more: object) =>
    statusText({ ...status, rollouts: [{ ...rollout, phase: "aborted", endedAt: HOUR, ...more }] }, HOUR);
  const back = (cause: string) => ({
    rollback: { saga: "s", cause: [cause, "rising"], decidedAt: 1, outcome: "verified" },
  });
  const by = (kind: string) => ({ order: { kind, by: "ada", reason: "x" } });
  assert.match(said(back("harm")), /r {2}rolled back for harm {2}candidate .*proved fixed/);
  assert.doesNotMatch(said(back("harm")), /aborted/);
  assert.match(said(back("undecided")), /r {2}rolled back undecided {2}/);
  assert.match(said({ ...back("person"), ...by("abort") }), /r {2}aborted by ada {2}/);
  assert.match(said({ ...back("person"), ...by("rollback") }), /r {2}rolled back by ada {2}/);
  assert.match(said({ note: "the release could not be deployed: x" }), /r {2}not deployed {2}/);
  assert.match(said({ phase: "healthy" }), /r {2}healthy {2}/);
});

test("a containment beside the route is shown as what it is", () => {
  const text = statusText({ ...status, route: { candidatePpm: 0, epoch: 7, contained: "else" } }, HOUR);
  assert.match(text, /traffic +all of it goes to `else` \(epoch 7\)/);
});

describe("the status of the way back", () => {
  const plan = { system: "loans", kind: "rollback", from: "sha256:2", to: "sha256:1", steps: [], deadline: 60_000 };
  const back = {
    ready: true,
    checkedAt: HOUR,
    from: { id: "sha256:2", label: "release 2" },
    to: { id: "sha256:1", label: "release 1" },
    plan,
    digest: "sha256:0123456789abcdef",
    faults: [],
    warnings: ["release 1 is kept until Friday"],
    price: { steps: [], verifyAtLeast: 60_000, capacity: { percent: 5 }, cannotBeUndone: [] },
  } as unknown as NonNullable<Status["wayBack"]>;

  test("says where it leads, by which plan, what it costs, and what to know", () => {
    const text = statusText({ ...status, wayBack: back }, HOUR + 5000);
    assert.match(text, /way back +ready: to release 1, plan 0123456789ab, checked 5\.0 s ago/);
    assert.match(text, /capacity: 5 % of traffic\n +release 1 is kept until Friday/);
  });

  test("is red with every reason", () => {
    const faults = [{ about: "model", text: "model 1 is not held intact" }];
    const text = statusText({ ...status, wayBack: { ...back, ready: false, faults } }, HOUR);
    assert.match(
      text,
      /WAY BACK +NOT READY, checked 0 ms ago; nothing goes forward on that\n +model: model 1 is not held/,
    );
  });
});

test("resume without a name means the running rollout, or else the newest one if its restore is stuck", async (t) => {
  const ended = (id: string, outcome: string) => ({ id, endedAt: 5, rollback: { outcome } });
  const orders: string[] = [];
  let rollouts: readonly object[] = [];
  const server = createServer((request, response) => {
    const { url = "" } = request;
    if (url.startsWith("/v1/rollouts/")) orders.push(url);
    const answer = url === "/v1/systems" ? [{ system: "loans" }] : { ...status, phase: "degraded", rollouts };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const resume = () => runLine(["resume"], { server: url, token: "t" });
  for (const known of [
    [{ id: "r2" }, ended("r1", "stuck")],
    [ended("r3", "stuck"), ended("r2", "verified")],
  ]) {
    rollouts = known;
    assert.equal((await resume()).exit, 0);
  }
  rollouts = [ended("r3", "verified"), ended("r2", "stuck")];
  const { exit, say } = await resume();
  assert.notEqual(exit, 0);
  assert.match(say, /no running or stuck rollout of loans/);
  assert.deepEqual(orders, ["/v1/rollouts/r2/resume", "/v1/rollouts/r3/resume"]);
});

test("what stands in memory only is said before what the store knows", () => {
  const unrecorded = { what: "contained, and nothing can be recorded", since: 0, reason: "disk is full" };
  const route = { candidatePpm: 500_000, epoch: 7 };
  const text = statusText({ ...status, route, served: { candidatePpm: 0, contained: "safe" }, unrecorded }, HOUR);
  assert.match(text, /UNRECORDED +contained, and nothing can be recorded, since 1 h 0 min: disk is full/);
  assert.match(text, /traffic +all of it goes to `safe`/);
  assert.doesNotMatch(statusText(status, HOUR), /UNRECORDED/);
});

test("a rollout that breaks inside Rollbook is shown with why", () => {
  const broken = { what: "rollout r broke", since: 0, reason: "TypeError: of undefined" };
  assert.match(statusText({ ...status, broken }, HOUR), /BROKEN +rollout r broke, since 1 h 0 min: TypeError: of/);
  assert.doesNotMatch(statusText(status, HOUR), /BROKEN/);
});

test("a store that is away, or failed for ever, is said before what it would know", () => {
  const storeAway = { since: 0, reason: "The shared store does not answer: connection refused." };
  const storeOver = { since: 0, reason: "The store is not durable: disk I/O error." };
  const good = { release: "sha256:1", label: "release 1" };
  const text = statusText({ ...status, storeAway, storeOver, lastKnownGood: good }, HOUR);
  assert.match(text, /STORE AWAY +since 1 h 0 min: The shared store .* refused\. What follows is from memory\./);
  assert.match(text, /STORE FAILED +since 1 h 0 min: .* Start Rollbook again; nothing is recorded until then\./);
  assert.match(text, /last known good +release 1 \(\S+\)$/m);
  assert.doesNotMatch(statusText(status, HOUR), /STORE/);
});
