import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../core/digest.ts";
import { createSimulatedClock } from "../../simulation/clock.ts";
import { createCounter } from "../attribution/counter.ts";
import { createAssignments } from "./assignments.ts";
import { createChangeStream } from "./change-stream.ts";
import { createFlagTraffic } from "./release-flag.ts";

const requestKey = new Uint8Array(32).fill(5);
const START = 1_800_000_000_000;
const route = { system: "loans", epoch: 3, stable: digestOf("a"), candidate: digestOf("b"), candidatePpm: 50_000 };

function served() {
  const clock = createSimulatedClock(START);
  const counter = createCounter({ signals: [], node: "n", clock, requestKey });
  const flag = createFlagTraffic({ system: "loans", key: "loan-release", clock, counter, requestKey });
  return { clock, flag, assignments: createAssignments(clock, [flag]) };
}

test("the state says all that a client needs, and nothing before there is a route", () => {
  const { flag, assignments } = served();
  assert.equal(assignments.answer("loans").status, 404);
  assert.equal(assignments.answer("nobody").status, 404);
  flag.traffic.set(route);
  flag.traffic.renew("loans", START + 2000);
  const { status, headers, body } = assignments.answer("loans");
  assert.deepEqual([status, headers["cache-control"]], [200, "no-store"]);
  assert.deepEqual(JSON.parse(body), {
    system: "loans",
    key: "loan-release",
    route,
    leaseUntil: START + 2000,
    values: { stable: digestOf("a").slice(7, 19), candidate: digestOf("b").slice(7, 19) },
    now: START,
  });
});

test("who applies which epoch is known, and who is not heard of any more is forgotten", async () => {
  const { clock, flag, assignments } = served();
  assert.equal(assignments.applied("loans"), undefined);
  flag.traffic.set(route);
  for (const [client, epoch] of [
    ["a", "3"],
    ["b", "2"],
    ["c", undefined],
    ["d", "junk"],
  ] as const) {
    assignments.answer("loans", { client, ...(epoch === undefined ? {} : { epoch }) });
  }
  assert.deepEqual(assignments.applied("loans"), { epoch: 3, clients: 4, behind: 3 });
  await clock.advance(60_000);
  assignments.answer("loans", { client: "b", epoch: "3" });
  await clock.advance(30_000);
  assert.deepEqual(assignments.applied("loans"), { epoch: 3, clients: 1, behind: 0 });
});

test("memory of clients is bounded", () => {
  const { flag, assignments } = served();
  flag.traffic.set(route);
  for (let i = 0; i < 20_100; i++) assignments.answer("loans", { client: `${i}`, epoch: "3" });
  assert.equal(assignments.applied("loans")?.clients, 20_000);
});

async function read(response: Response): Promise<string> {
  const { value } = await response.body!.getReader().read();
  return new TextDecoder().decode(value);
}

test("the stream begins with the state", async () => {
  const { flag, assignments } = served();
  flag.traffic.set(route);
  const text = await read(assignments.stream("loans", new AbortController().signal));
  assert.match(text, /^retry: 1000\n\ndata: \{"system":"loans"/);
  assert.equal(assignments.stream("nobody", new AbortController().signal).status, 404);
  assert.equal(assignments.listeners("loans"), 1);
  assignments.close();
  assert.equal(assignments.listeners("loans"), 0);
});

test("one listener too many is told so, one that left is none, and one that does not read is dropped", async () => {
  const stream = createChangeStream(2);
  const leaves = new AbortController();
  const stays = new AbortController();
  const slow = stream.connect(stays.signal);
  stream.connect(leaves.signal);
  assert.equal(stream.connect(stays.signal).status, 503);
  leaves.abort();
  assert.equal(stream.listeners, 1);
  const left = stream.connect(stays.signal);
  await left.body!.cancel();
  assert.equal(stream.listeners, 1);
  for (let i = 0; i < 100; i++) stream.publish("{}");
  assert.equal(stream.listeners, 0);
  assert.ok((await slow.text()).startsWith("retry: 1000\n\nid: 1\ndata: {}\n\n"));
});
