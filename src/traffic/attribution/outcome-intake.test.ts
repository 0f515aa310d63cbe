import assert from "node:assert/strict";
import { test } from "node:test";
import { type Digest, digestOf, shortDigest } from "../../core/digest.ts";
import type { Signal } from "../../core/playbook.ts";
import { type Counter, createCounter } from "./counter.ts";
import { type OutcomeItem, reportToAny } from "./outcome-intake.ts";
import { mintRequestId, type RequestIdentity } from "./request-id.ts";
import { requestKeyOf } from "./request-key.ts";

const requestKey = new Uint8Array(32).fill(9);
const NOW = 1_800_000_000_000;
const SECOND = NOW / 1000;
const approvals: Signal = {
  name: "approvals",
  kind: "share",
  part: "approved",
  of: "decisions",
  from: "events",
  better: "up",
};
const released = { loans: digestOf("loans"), claims: digestOf("claims") };

function counterOf(system: keyof typeof released, time = { now: NOW }, memory = { span: 600_000, requests: 200_000 }) {
  const clock = { now: () => time.now, sleep: async () => {} };
  const counter = createCounter({ signals: [approvals], node: `${system}-1`, clock, requestKey, memory });
  counter.know(released[system]);
  return counter;
}

const both = (): Map<"loans" | "claims", Counter> =>
  new Map([
    ["loans", counterOf("loans")],
    ["claims", counterOf("claims")],
  ]);

let sequence = 0;
function idOf(release: Digest, second = SECOND, more: Partial<RequestIdentity> = {}): string {
  const identity = { second, variant: "candidate" as const, release: shortDigest(release), sequence: sequence++ };
  return mintRequestId(requestKeyOf(requestKey), { ...identity, ...more });
}

const arm = (more: Partial<Extract<OutcomeItem, { system: string }>> = {}): OutcomeItem => ({
  system: "loans",
  release: released.loans,
  second: SECOND,
  key: "client-1:1",
  counts: { decisions: 10, approved: 7 },
  ...more,
});

const drained = (counter: Counter) => counter.drain().map(({ bucket, release, n, k }) => [bucket, release, n, k]);

test("one endpoint serves several systems: each outcome finds the counter of its release", () => {
  const counters = both();
  const counts = { decisions: 1, approved: 1 };
  const items = [
    { request: idOf(released.loans), counts },
    { request: idOf(released.claims), counts },
    { request: idOf(released.claims, SECOND - 60), counts },
    arm(),
  ];
  assert.deepEqual(reportToAny(counters, items), { accepted: 4, rejected: 0, otherGroups: 0, flaws: [] });
  assert.deepEqual(drained(counters.get("loans")!), [[NOW, released.loans, 11, 8]]);
  assert.deepEqual(drained(counters.get("claims")!), [
    [NOW - 60_000, released.claims, 1, 1],
    [NOW, released.claims, 1, 1],
  ]);
});

test("an id that claims a release without its signature counts nowhere", () => {
  const counters = both();
  const forged = mintRequestId(requestKeyOf(new Uint8Array(32)), {
    second: SECOND,
    variant: "candidate",
    release: shortDigest(released.loans),
    sequence: 1,
  });
  const counts = { decisions: 1 };
  const { flaws } = reportToAny(counters, [
    { request: forged, counts },
    { request: "junk", counts },
    { request: idOf(digestOf("unknown")), counts },
    arm({ system: "nobody" }),
  ]);
  assert.deepEqual(flaws, [
    { index: 0, reason: "the request id is not one of ours" },
    { index: 1, reason: "the request id is not one of ours" },
    { index: 2, reason: "the release of the request is not known here" },
    { index: 3, reason: "there is no system nobody" },
  ]);
  for (const counter of counters.values()) assert.deepEqual(counter.drain(), []);
  assert.equal(reportToAny(new Map(), [{ request: forged, counts }]).rejected, 1);
});

test("what a pre-signed fallback served is accepted and counts for nobody", () => {
  const counters = both();
  const request = idOf(`sha256:${"0".repeat(64)}`, SECOND, { variant: "fallback" });
  assert.equal(reportToAny(counters, [{ request, counts: { decisions: 1 } }]).accepted, 1);
  for (const counter of counters.values()) assert.deepEqual(counter.drain(), []);
});

test("outcomes that come days later, in another process, count for the second of their request", () => {
  const asked = idOf(released.loans, SECOND);
  const later = { now: NOW + 9 * 86_400_000 };
  const restarted = new Map([["loans", counterOf("loans", later)]]);
  const items = [{ request: asked, counts: { decisions: 1, approved: 0 } }, arm()];
  assert.equal(reportToAny(restarted, items).accepted, 2);
  assert.deepEqual(drained(restarted.get("loans")!), [[NOW, released.loans, 11, 7]]);
});

test("a report of an arm counts once for each key, and keys of other seconds and releases are other reports", () => {
  const counters = both();
  for (const item of [arm(), arm(), arm({ counts: { decisions: 500 } }), arm({ second: SECOND - 1 })]) {
    reportToAny(counters, [item]);
  }
  assert.deepEqual(drained(counters.get("loans")!), [
    [NOW - 1000, released.loans, 10, 7],
    [NOW, released.loans, 10, 7],
  ]);
  assert.deepEqual(counters.get("loans")!.answers, {
    counted: 2,
    duplicate: 2,
    excluded: 0,
    rejected: 0,
    otherGroups: 0,
  });
});

test("what an arm cannot have done is rejected, with the reason", () => {
  const cases: [Partial<Extract<OutcomeItem, { system: string }>>, RegExp][] = [
    [{ release: digestOf("other") }, /release is not known/],
    [{ second: SECOND + 6 }, /in the future/],
    [{ second: 1.5 }, /whole number of seconds/],
    [{ second: -1 }, /whole number of seconds/],
    [{ key: "short" }, /8 to 100/],
    [{ key: "k".repeat(101) }, /8 to 100/],
    [{ counts: { approved: 1 } }, /came without decisions/],
    [{ counts: { decisions: 1, approved: 2 } }, /exceeds decisions/],
    [{ counts: { decisions: 2_000_000 } }, /whole number from 0/],
  ];
  const counters = both();
  for (const [flaw, reason] of cases) {
    assert.match(reportToAny(counters, [arm(flaw)]).flaws[0]?.reason ?? "accepted", reason);
  }
  assert.deepEqual(counters.get("loans")!.drain(), []);
});

test("a batch of 5,000 is counted whole, and sent again it changes nothing", () => {
  const counters = both();
  const items = Array.from({ length: 5000 }, (_, i) => ({
    request: idOf(i % 2 ? released.loans : released.claims, SECOND - (i % 7)),
    counts: { decisions: 1, approved: i % 3 ? 1 : 0 },
  }));
  assert.equal(reportToAny(counters, items).accepted, 5000);
  assert.equal(reportToAny(counters, items).accepted, 5000);
  const total = [...counters.values()].flatMap((counter) => counter.drain()).reduce((sum, { n }) => sum + n, 0);
  assert.equal(total, 5000);
});

test("beyond the memory's span and number a repeated report counts again", () => {
  const time = { now: NOW };
  const counters = new Map([["loans", counterOf("loans", time, { span: 1000, requests: 2 })]]);
  const send = (key: string) => reportToAny(counters, [arm({ key, counts: { decisions: 1 } })]);
  for (const key of ["client:1", "client:2", "client:3", "client:1"]) send(key);
  time.now += 1000;
  send("client:1");
  assert.equal(counters.get("loans")!.answers.counted, 5);
});
