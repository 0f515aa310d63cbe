import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { digestOf } from "../../core/digest.ts";
import { assign } from "../routing/assignment.ts";
import { type AssignmentState, readAssignmentState } from "../routing/assignment-state.ts";
import { createLiveRoute } from "./live-route.ts";

const stable = digestOf("stable");
const candidate = digestOf("candidate");
const stateOf = (more: Partial<AssignmentState> = {}, ppm = 500_000, epoch = 1): AssignmentState => ({
  system: "loans",
  key: "loan-release",
  route: { system: "loans", epoch, stable, candidate, candidatePpm: ppm },
  values: { stable: "credit-11", candidate: "credit-12" },
  leaseUntil: 1_000_000,
  now: 999_000,
  ...more,
});
const users = Array.from({ length: 300 }, (_, i) => `user-${i}`);

test("before anything is known there is no assignment", () => {
  const route = createLiveRoute(() => 0);
  assert.equal(route.assign("u"), undefined);
  assert.equal(route.lapsed(), false);
});

test("it assigns exactly as the gateway does, with one object for each arm", () => {
  const route = createLiveRoute(() => 0);
  const state = stateOf();
  route.take(state, 0);
  for (const user of users) assert.equal(route.assign(user)?.variant, assign(state.route, user));
  assert.equal(new Set(users.map((user) => route.assign(user))).size, 2);
  assert.deepEqual(route.assign(users.find((user) => assign(state.route, user) === "candidate")!), {
    variant: "candidate",
    release: candidate,
    value: "credit-12",
    epoch: 1,
  });
});

test("without a renewal everybody gets stable, at the end of the lease by the server's clock", () => {
  let local = 5_000;
  const route = createLiveRoute(() => local);
  route.take(stateOf({}, 1_000_000), 4_900);
  assert.equal(route.assign("u")?.variant, "candidate");
  local = 5_899;
  assert.equal(route.assign("u")?.variant, "candidate");
  local = 5_900;
  assert.equal(route.assign("u")?.variant, "stable");
  assert.equal(route.lapsed(), true);
  route.take(stateOf({ leaseUntil: 1_001_000 }, 1_000_000));
  assert.equal(route.assign("u")?.variant, "candidate");
});

test("a lease never lasts longer here than it was granted, whatever the network and the clocks do", () => {
  const time = fc.integer({ min: 0, max: 10_000 });
  fc.assert(
    fc.property(time, time, time, time, time, (skew, sentAt, there, back, pushDelay) => {
      let local = sentAt;
      const server = (at: number): number => at + skew;
      const route = createLiveRoute(() => local);
      const answeredAt = sentAt + there;
      const first = server(answeredAt) + 2_000;
      local = answeredAt + back;
      route.take(stateOf({ now: server(answeredAt), leaseUntil: first }, 1_000_000), sentAt);
      if (route.assign("u")?.variant === "candidate") assert.ok(server(local) < first);
      const pushedAt = local;
      const second = server(pushedAt) + 2_000;
      local = pushedAt + pushDelay;
      route.take(stateOf({ now: server(pushedAt), leaseUntil: second }, 1_000_000));
      if (route.assign("u")?.variant === "candidate") assert.ok(server(local) < second);
      assert.ok(Math.abs(route.serverNow() - server(local)) <= there);
    }),
  );
});

test("a pushed state grants nothing before the server's clock was reckoned", () => {
  const route = createLiveRoute(() => 0);
  route.take(stateOf({}, 1_000_000));
  assert.equal(route.assign("u")?.variant, "stable");
});

test("a state of an older epoch is ignored", () => {
  const route = createLiveRoute(() => 0);
  assert.equal(route.take(stateOf({}, 0, 7), 0), true);
  assert.equal(route.take(stateOf({}, 1_000_000, 6), 0), false);
  assert.equal(route.assign("u")?.variant, "stable");
});

test("only a whole state is acted on", () => {
  const good = stateOf();
  assert.deepEqual(readAssignmentState(JSON.stringify(good), "loans"), good);
  const { candidate: _none, ...alone } = good.route;
  const flawed: unknown[] = [
    null,
    [],
    { ...good, system: "claims" },
    { ...good, route: { ...good.route, system: "claims" } },
    { ...good, key: 1 },
    { ...good, now: "soon" },
    { ...good, leaseUntil: -1 },
    { ...good, route: { ...good.route, epoch: 0.5 } },
    { ...good, route: { ...good.route, stable: "x" } },
    { ...good, route: { ...good.route, candidate: "x" } },
    { ...good, route: { ...good.route, candidatePpm: 1_000_001 } },
    { ...good, values: {} },
    { ...good, values: { stable: "x" } },
    { ...good, values: undefined, route: alone },
  ];
  for (const state of flawed) assert.ok("flaw" in readAssignmentState(JSON.stringify(state), "loans"));
  assert.ok("flaw" in readAssignmentState("{", "loans"));
});
