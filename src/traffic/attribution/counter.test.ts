import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { digestOf, shortDigest } from "../../core/digest.ts";
import type { Signal } from "../../core/playbook.ts";
import type { Sample } from "../../core/sample.ts";
import { createCounter } from "./counter.ts";
import { mintRequestId, type RequestIdentity } from "./request-id.ts";
import { requestKeyOf } from "./request-key.ts";

const requestKey = new Uint8Array(32).fill(3);
const release = digestOf("candidate");
const signal = (name: string, part: string, of: string, more: Partial<Signal> = {}): Signal => ({
  name,
  kind: "share",
  part,
  of,
  from: "events",
  better: "up",
  ...more,
});
const signals = [
  signal("approvals", "approved", "decisions"),
  signal("complaints", "complained", "decisions"),
  signal("leaks", "leaked", "decisions", { kind: "count" }),
  signal("errors", "failed", "requests", { from: "gateway" }),
  signal("tokens", "leaked-tokens", "requests", { from: "gateway", kind: "count" }),
];

function counterAt(time = { now: 1_000_000 }, memory = { span: 600_000, requests: 1000 }) {
  const clock = { now: () => time.now, sleep: async () => {} };
  const counter = createCounter({ signals, node: "n1", clock, requestKey, memory });
  counter.know(release);
  return counter;
}

let sequence = 0;
function idOf(second = 1000, more: Partial<RequestIdentity> = {}): string {
  const identity = { second, variant: "candidate" as const, release: shortDigest(release), sequence: sequence++ };
  return mintRequestId(requestKeyOf(requestKey), { ...identity, ...more });
}

const sums = (samples: readonly Sample[]): Record<string, [number, number]> =>
  Object.fromEntries(samples.map((block) => [`${block.bucket} ${block.signal}`, [block.n, block.k]]));

test("an outcome belongs to the second and the release of its request", () => {
  const counter = counterAt();
  assert.deepEqual(counter.report(idOf(1000), { decisions: 1, approved: 1 }), { kind: "counted" });
  counter.report(idOf(1000), { decisions: 1, approved: 0, leaked: 3 });
  counter.report(idOf(900), { decisions: 1, complained: 1 });
  const samples = counter.drain();
  assert.deepEqual(sums(samples), {
    "900000 approvals": [1, 0],
    "900000 complaints": [1, 1],
    "900000 leaks": [1, 0],
    "1000000 approvals": [2, 1],
    "1000000 complaints": [2, 0],
    "1000000 leaks": [2, 3],
  });
  assert.ok(samples.every((block) => block.release === release && block.node === "n1"));
});

test("the gateway's own names count per request", () => {
  const counter = counterAt();
  counter.count(1000, release, { failed: false, cancelled: false }, "key");
  counter.count(1000, release, { failed: true, cancelled: false }, "key");
  counter.report(idOf(1000), { "leaked-tokens": 2 });
  assert.deepEqual(sums(counter.drain()), { "1000000 errors": [2, 1], "1000000 tokens": [2, 2] });
});

test("what is drained together has one sequence, sequences rise, and an empty drain is empty", () => {
  const counter = counterAt();
  assert.deepEqual(counter.drain(), []);
  const sequences: number[] = [];
  for (let round = 0; round < 3; round++) {
    counter.report(idOf(), { decisions: 1 });
    sequences.push(...counter.drain().map((block) => block.sequence));
  }
  assert.deepEqual(counter.drain(), []);
  assert.deepEqual(sequences, [1, 1, 1, 2, 2, 2, 3, 3, 3]);
});

const reports = fc.uniqueArray(
  fc.record({
    request: fc.nat(4),
    names: fc.subarray(["approved", "complained", "leaked"]),
  }),
  { minLength: 1, maxLength: 5, selector: ({ request }) => request },
);

test("reports commute and repeating them changes nothing", () => {
  fc.assert(
    fc.property(reports, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (list, chance) => {
      const ids = [0, 1, 2, 3, 4].map((request) => idOf(1000 + (request % 2)));
      const tell = (order: typeof list): Sample[] => {
        const counter = counterAt();
        for (const { request, names } of order) {
          const counts = { decisions: 1, ...Object.fromEntries(names.map((name) => [name, 1])) };
          counter.report(ids[request]!, counts);
        }
        return [...counter.drain()];
      };
      const shuffled = [...list, ...list]
        .map((report) => ({ report, at: chance.next().value }))
        .sort((a, b) => a.at - b.at)
        .map(({ report }) => report);
      assert.deepEqual(sums(tell(shuffled)), sums(tell(list)));
    }),
  );
});

test("a repeated report counts once, and a part that comes after its whole is rejected with what to do", () => {
  const counter = counterAt();
  const id = idOf();
  assert.equal(counter.report(id, { decisions: 1, approved: 1 }).kind, "counted");
  assert.equal(counter.report(id, { decisions: 1, approved: 1 }).kind, "duplicate");
  const late = counter.report(id, { complained: 1 });
  assert.equal(late.kind === "rejected" && late.reason.includes("report it together with complained"), true);
  assert.equal(counter.report(id, { complained: 0 }).kind, "counted");
  assert.deepEqual(sums(counter.drain())["1000000 complaints"], [1, 0]);
});

test("what cannot be true is rejected whole, and counted as rejected", () => {
  const counter = counterAt();
  const impossible: Record<string, number>[] = [
    { decisions: 1, approved: 2 },
    { approved: 1 },
    { decisions: -1 },
    { decisions: Number.NaN },
    { decisions: 1e12 },
    { decisions: 0.5 },
    { decisions: 1, approved: 1, unheard: Number.POSITIVE_INFINITY },
    { unheard: 1 },
    { failed: 1, requests: 1 },
    {},
    Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`n${i}`, 1])),
  ];
  for (const counts of impossible) assert.equal(counter.report(idOf(), counts).kind, "rejected");
  assert.equal(counter.report("junk", { decisions: 1 }).kind, "rejected");
  assert.equal(counter.report(idOf(1000, { release: "000000000000" }), { decisions: 1 }).kind, "rejected");
  assert.deepEqual(counter.answers, {
    counted: 0,
    duplicate: 0,
    excluded: 0,
    rejected: impossible.length + 2,
    otherGroups: 0,
  });
  assert.deepEqual(counter.drain(), []);
});

test("a request that stable served in the candidate's place speaks for neither", () => {
  const counter = counterAt();
  assert.equal(counter.report(idOf(1000, { variant: "fallback" }), { decisions: 1 }).kind, "excluded");
  assert.deepEqual(counter.drain(), []);
});

test("an id outlives the process that made it", () => {
  const id = idOf();
  const later = counterAt();
  assert.equal(later.report(id, { decisions: 1 }).kind, "counted");
});

test("memory is bounded in time and in number", () => {
  const time = { now: 1_000_000 };
  const counter = counterAt(time, { span: 1000, requests: 2 });
  const [first, second, third] = [idOf(), idOf(), idOf()];
  counter.report(first, { decisions: 1 });
  counter.report(second, { decisions: 1 });
  assert.equal(counter.report(first, { decisions: 1 }).kind, "duplicate");
  counter.report(third, { decisions: 1 });
  assert.equal(counter.report(first, { decisions: 1 }).kind, "counted");
  time.now += 1000;
  assert.equal(counter.report(third, { decisions: 1 }).kind, "counted");
});
