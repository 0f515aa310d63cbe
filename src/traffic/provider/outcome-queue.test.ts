import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { digestOf } from "../../core/digest.ts";
import { readEvents } from "./event-reader.ts";
import { createOutcomeReader } from "./outcome-mapping.ts";
import { createOutcomeQueue, type OutcomeQueueOptions } from "./outcome-queue.ts";

const release = digestOf("stable");

interface Received {
  readonly release?: string;
  readonly second?: number;
  readonly key?: string;
  readonly request?: string;
  readonly system?: string;
  readonly values?: Readonly<Record<string, readonly number[]>>;
  readonly counts: Record<string, number>;
}

/** A real endpoint that answers with the statuses given, then 200, and remembers each batch. */
async function endpoint(t: TestContext, statuses: number[] = []) {
  const batches: Received[][] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => {
      assert.equal(request.headers.authorization, "Bearer secret");
      batches.push(JSON.parse(text).outcomes);
      const status = statuses.shift() ?? 200;
      if (status === 0) response.destroy();
      else response.writeHead(status).end(JSON.stringify({ accepted: 0, rejected: 0 }));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { batches, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

async function queueTo(t: TestContext, statuses: number[] = [], more: Partial<OutcomeQueueOptions> = {}) {
  const { batches, url } = await endpoint(t, statuses);
  const queue = createOutcomeQueue({ url, token: "secret", everyMs: 60_000, ...more });
  t.after(() => queue.close());
  return { batches, queue };
}

test("outcomes of one arm, second and kind go as one sum under one key", async (t) => {
  const { batches, queue } = await queueTo(t);
  for (let i = 0; i < 100; i++) queue.addArm("loans", release, 7, { counts: { decisions: 1, approved: i % 2 } });
  queue.addArm("loans", release, 8, { counts: { decisions: 1, approved: 1 } });
  queue.addArm("loans", release, 7, { counts: { approved: 1 } });
  queue.addRequest("id", { counts: { decisions: 1 } });
  await queue.flush();
  const sums = batches[0]!.map(({ second, counts }) => [second, counts]);
  assert.deepEqual(sums, [
    [undefined, { decisions: 1 }],
    [7, { decisions: 100, approved: 50 }],
    [8, { decisions: 1, approved: 1 }],
    [7, { approved: 1 }],
  ]);
  assert.equal(new Set(batches[0]!.map(({ key }) => key)).size, 4);
  assert.deepEqual({ ...queue.stats }, { sent: 4, rejected: 0, dropped: 0, lastFlaw: undefined, waiting: 0 });
});

test("a report that may have arrived is sent again with the same key, and its sum does not grow", async (t) => {
  const { batches, queue } = await queueTo(t, [0, 503, 429, 401]);
  queue.addArm("loans", release, 7, { counts: { decisions: 1 } });
  for (let i = 0; i < 4; i++) {
    await queue.flush();
    queue.addArm("loans", release, 7, { counts: { decisions: 1 } });
  }
  await queue.flush();
  const [first] = batches[0]!;
  for (const batch of batches) assert.deepEqual(batch[0], first);
  assert.deepEqual(first!.counts, { decisions: 1 });
  assert.equal(new Set(batches.at(-1)!.map(({ key }) => key)).size, 5);
  assert.equal(queue.stats.sent, 5);
});

test("what is refused for good is not sent again, and the reason is kept", async (t) => {
  const { batches, queue } = await queueTo(t, [400]);
  queue.addRequest("id", { counts: { decisions: 1 } });
  await queue.flush();
  await queue.flush();
  assert.equal(batches.length, 1);
  assert.deepEqual([queue.stats.rejected, queue.stats.waiting], [1, 0]);
  assert.match(queue.stats.lastFlaw!, /^400 /);
});

test("memory is bounded: the oldest reports are given up, and counted", async (t) => {
  const { queue } = await queueTo(t, [503, 503], { most: 10, closeMs: 1 });
  for (let i = 0; i < 25; i++) queue.addArm("loans", release, i, { counts: { decisions: 1 } });
  await queue.flush();
  assert.ok(queue.stats.waiting <= 20, `${queue.stats.waiting}`);
  assert.ok(queue.stats.dropped >= 5);
  for (let i = 0; i < 5000; i++) queue.addRequest(`id-${i}`, { counts: { decisions: 1 } });
  assert.ok(queue.stats.waiting <= 1100, `${queue.stats.waiting}`);
});

test("closing sends what there is, tries again, and takes no more", async (t) => {
  const { batches, queue } = await queueTo(t, [503]);
  for (let i = 0; i < 2500; i++) queue.addRequest(`id-${i}`, { counts: { decisions: 1 } });
  await queue.close();
  assert.deepEqual(
    batches.slice(1).map(({ length }) => length),
    [1000, 1000, 500],
  );
  queue.addRequest("late", { counts: { decisions: 1 } });
  assert.equal(queue.stats.waiting, 0);
});

test("closing without a server ends in time", async () => {
  const queue = createOutcomeQueue({ url: "http://127.0.0.1:1", token: "x", closeMs: 150, everyMs: 60_000 });
  queue.addRequest("id", { counts: { decisions: 1 } });
  const began = Date.now();
  await queue.close();
  assert.ok(Date.now() - began < 1_000);
  assert.equal(queue.stats.dropped, 1);
});

test("a mapping says what an event reports; part and whole stay together", () => {
  const read = createOutcomeReader({ decision: { decisions: 1, approved: "approved", amount: "value" } });
  const counts = (details?: object) => read("decision", { ...details })?.counts;
  assert.deepEqual(counts({ approved: true, value: 3, who: "x" }), { decisions: 1, approved: 1, amount: 3 });
  assert.deepEqual(counts(), { decisions: 1, approved: 0, amount: 0 });
  assert.equal(read("page-view", { value: 1 }), undefined);
  assert.equal(read("toString"), undefined);
  for (const value of [0.5, -1, Number.NaN, "many", 2e6]) assert.equal(read("decision", { value }), undefined);
});

test("without a mapping an event is an outcome of its own name beside its numbers", () => {
  const read = createOutcomeReader();
  assert.deepEqual(read("decisions", { approved: 1, note: "text" }), { counts: { decisions: 1, approved: 1 } });
  assert.deepEqual(read("leaked-tokens", { value: 7 }), { counts: { "leaked-tokens": 7 } });
  assert.deepEqual(read("hang-up"), { counts: { "hang-up": 1 } });
});

test("an event carries values, groups and its unit, and none of them that is no such thing", () => {
  const more = { values: { sentiment: -0.4 }, groups: { "applicant-group": "b" }, unit: "session-9" };
  assert.deepEqual(createOutcomeReader()("chat", more), { counts: { chat: 1 }, ...more });
  const read = createOutcomeReader({ chat: {} });
  assert.deepEqual(read("chat", more), { counts: {}, ...more });
  assert.deepEqual(read("chat", { ...more, unit: { session: "9" } }), { counts: {}, ...more, unit: { session: "9" } });
  assert.equal(read("chat"), undefined, "nothing is reported");
  for (const flaw of [{ values: { sentiment: "good" } }, { values: [1, "2"] }, { groups: { age: 7 } }, { unit: 7 }]) {
    assert.equal(read("chat", { ...more, ...flaw }), undefined, JSON.stringify(flaw));
  }
});

test("outcomes of one group and unit go together, and the values of an arm in one list", async (t) => {
  const { batches, queue } = await queueTo(t);
  for (const group of ["a", "b", "a"]) {
    queue.addArm("loans", release, 7, { counts: { decisions: 1 }, values: { score: 0.5 }, groups: { age: group } });
  }
  for (const unit of ["s1", "s2", "s1"]) queue.addArm("loans", release, 7, { counts: { decisions: 1 }, unit });
  await queue.flush();
  assert.deepEqual(
    batches[0]!.map(({ key: _, system: _s, release: _r, second: _t, ...rest }) => rest),
    [
      { counts: { decisions: 2 }, values: { score: [0.5, 0.5] }, groups: { age: "a" } },
      { counts: { decisions: 1 }, values: { score: [0.5] }, groups: { age: "b" } },
      { counts: { decisions: 2 }, unit: "s1" },
      { counts: { decisions: 1 }, unit: "s2" },
    ],
  );
});

test("many values make smaller bodies, and no list longer than one report may have", async (t) => {
  const { batches, queue } = await queueTo(t);
  for (let i = 0; i < 250; i++) queue.addArm("loans", release, 7, { counts: {}, values: { score: i / 250 } });
  for (let i = 0; i < 1000; i++) queue.addRequest(`id-${i}`, { counts: {}, values: { a: 1, b: 2, c: 3, d: 4 } });
  await queue.flush();
  assert.deepEqual(
    batches.flat().flatMap(({ values }) => {
      const list = values?.["score"];
      return list ? [list.length] : [];
    }),
    [100, 100, 50],
  );
  assert.ok(batches.length > 1 && batches.every((batch) => JSON.stringify(batch).length < 200_000));
});

test("server-sent events are read however they are cut", async () => {
  const text = 'retry: 1000\n\ndata: {"a":"é"}\n\n: comment\r\n\r\nid: 7\rdata: one\rdata:two\r\rdata: unfinished';
  const bytes = new TextEncoder().encode(text);
  for (let size = 1; size < 9; size++) {
    async function* cut(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
    }
    const events: string[] = [];
    for await (const event of readEvents(cut())) events.push(event);
    assert.deepEqual(events, ['{"a":"é"}', "one\ntwo"], `in pieces of ${size}`);
  }
});
