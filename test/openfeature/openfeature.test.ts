import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature, type Provider, ProviderEvents } from "@openfeature/server-sdk";
import { Ajv } from "ajv";
import { readEvents } from "../../src/traffic/provider/event-reader.ts";
import {
  createOutcomeHook,
  createRollbookProvider,
  type RollbookProviderOptions,
  withOutcomes,
} from "../../src/traffic/provider/index.ts";
import { assign } from "../../src/traffic/routing/assignment.ts";
import { ALL, candidate, stable, startControlPlane } from "./control-plane.ts";
import { bulkFailure, bulkSuccess, evaluationFailure, evaluationSuccess, flagNotFound } from "./ofrep-schema.ts";

const users = Array.from({ length: 40 }, (_, i) => `user-${i}`);
const ajv = new Ajv({ allowUnionTypes: true });
const conforms = (schema: object, content: unknown): void => {
  const valid = ajv.validate(schema, content);
  assert.ok(valid, ajv.errorsText());
};

async function controlPlane(t: TestContext, ...how: Parameters<typeof startControlPlane>) {
  const plane = await startControlPlane(...how);
  t.after(plane.stop);
  return plane;
}

let domains = 0;

/** A client of the SDK over this provider, in a domain of its own. */
async function clientOf(t: TestContext, provider: Provider) {
  const domain = `test-${++domains}`;
  await OpenFeature.setProviderAndWait(domain, provider);
  t.after(() => provider.onClose?.());
  return OpenFeature.getClient(domain);
}

async function providerOf(t: TestContext, url: string, more: Partial<RollbookProviderOptions> = {}) {
  const provider = createRollbookProvider({ url, system: "loans", token: "secret", everyMs: 60_000, ...more });
  const client = await clientOf(t, provider satisfies Provider);
  return { provider, client };
}

async function settled(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 600 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(condition(), what);
}

const sums = (plane: Awaited<ReturnType<typeof startControlPlane>>) => {
  const total = { stable: [0, 0], candidate: [0, 0] };
  for (const { release, n, k } of plane.counter.drain()) {
    const arm = release === stable ? total.stable : total.candidate;
    arm[0]! += n;
    arm[1]! += k;
  }
  return total;
};

test("a stock SDK over the stock OFREP provider gets the shared assignment, and a switch with its next evaluation", async (t) => {
  const plane = await controlPlane(t);
  plane.share(ALL / 2);
  const client = await clientOf(t, new OFREPProvider({ baseUrl: plane.url }));
  const route = plane.flag.traffic.current("loans")!;
  for (const targetingKey of users) {
    const said = await client.getStringDetails("loan-release", "none", { targetingKey });
    assert.equal(said.variant, assign(route, targetingKey));
    assert.equal(said.value, said.variant === "stable" ? "credit-11" : "credit-12");
    assert.equal(said.reason, "SPLIT");
    assert.equal(said.flagMetadata["release"], said.variant === "stable" ? stable : candidate);
  }
  plane.share(0);
  for (const targetingKey of users) {
    assert.equal(await client.getStringValue("loan-release", "none", { targetingKey }), "credit-11");
  }
  assert.equal(await client.getStringValue("tone", "none"), "calm");
  const nobody = await client.getStringDetails("loan-release", "none");
  assert.deepEqual([nobody.value, nobody.errorCode], ["none", "TARGETING_KEY_MISSING"]);
});

test("objects and numbers are values too", async (t) => {
  const plane = await controlPlane(t, (release) => ({ model: release === stable ? "a" : "b", temperature: 0.2 }));
  plane.share(ALL);
  const client = await clientOf(t, new OFREPProvider({ baseUrl: plane.url }));
  const value = await client.getObjectValue("loan-release", {}, { targetingKey: "u" });
  assert.deepEqual(value, { model: "b", temperature: 0.2 });
});

test("every answer conforms to OFREP 0.3", async (t) => {
  const plane = await controlPlane(t);
  const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const url = `${plane.url}/ofrep/v1/evaluate/flags${path}`;
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(url, { method: "POST", body: text, headers });
    return {
      response,
      content: response.status === 304 ? undefined : ((await response.json()) as { flags?: unknown[] }),
    };
  };
  const context = { targetingKey: "u", country: "CA" };
  conforms(evaluationFailure, (await post("/loan-release", { context })).content);
  plane.share(ALL / 2);
  conforms(evaluationSuccess, (await post("/loan-release", { context })).content);
  conforms(evaluationSuccess, (await post("/tone", { context })).content);
  const unknown = await post("/nothing", { context });
  assert.equal(unknown.response.status, 404);
  conforms(flagNotFound, unknown.content);
  for (const body of [{ context: {} }, { context: 1 }, "{"]) {
    const refused = await post("/loan-release", body);
    assert.equal(refused.response.status, 400);
    conforms(evaluationFailure, refused.content);
  }
  const all = await post("", { context });
  conforms(bulkSuccess, all.content);
  assert.equal(all.content?.flags?.length, 2);
  conforms(bulkSuccess, (await post("", { context: {} })).content);
  const etag = all.response.headers.get("etag")!;
  assert.equal((await post("", { context }, { "if-none-match": etag })).response.status, 304);
  const triggered = await post(`?flagConfigEtag=${encodeURIComponent(etag)}`, { context });
  conforms(bulkSuccess, triggered.content);
  const refused = await post("", "{");
  assert.equal(refused.response.status, 400);
  conforms(bulkFailure, refused.content);
});

test("the change stream that bulk answers name tells of routes, lapses and built-in flags, and not of renewals", async (t) => {
  const plane = await controlPlane(t);
  plane.share(ALL / 2);
  const bulk = await fetch(`${plane.url}/ofrep/v1/evaluate/flags`, {
    method: "POST",
    body: '{"context":{"targetingKey":"u"}}',
  });
  const { eventStreams } = (await bulk.json()) as { eventStreams: { endpoint: { requestUri: string } }[] };
  const stop = new AbortController();
  t.after(() => stop.abort());
  const response = await fetch(`${plane.url}${eventStreams[0]!.endpoint.requestUri}`, { signal: stop.signal });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const events = readEvents(response.body!);
  const next = async () => JSON.parse((await events.next()).value as string);
  for (let i = 0; i < 5; i++) plane.flag.traffic.renew("loans", Date.now() + 60_000 + i);
  plane.share(0);
  assert.deepEqual(await next(), { type: "refetchEvaluation" });
  await plane.flags.set({ ...plane.flags.get("tone")!.flag, variant: "brisk" });
  assert.deepEqual(await next(), { type: "refetchEvaluation" });
  plane.flag.traffic.renew("loans", Date.now() + 20);
  assert.deepEqual(await next(), { type: "refetchEvaluation" });
});

test("the provider assigns as OFREP does, without asking, and switches within the stream's time", async (t) => {
  const plane = await controlPlane(t);
  plane.share(ALL / 2);
  const { provider, client } = await providerOf(t, plane.url);
  const route = plane.flag.traffic.current("loans")!;
  for (const targetingKey of users) {
    const said = await client.getStringDetails("loan-release", "none", { targetingKey });
    assert.equal(said.variant, assign(route, targetingKey));
    assert.equal(said.value, said.variant === "stable" ? "credit-11" : "credit-12");
    assert.equal(provider.assign(targetingKey)?.variant, said.variant);
  }
  assert.deepEqual(plane.flag.evaluations, { stable: 0, candidate: 0 });
  const changed: unknown[] = [];
  client.addHandler(ProviderEvents.ConfigurationChanged, (details) => void changed.push(details?.flagsChanged));
  await settled(() => plane.assignments.applied("loans")?.clients === 1, "the client is heard of");
  await settled(() => plane.assignments.listeners("loans") === 1, "the stream is up");
  plane.share(0);
  const began = performance.now();
  await settled(() => users.every((user) => provider.assign(user)?.variant === "stable"), "everybody is back");
  const took = performance.now() - began;
  assert.ok(took < 500, `${took} ms`);
  await settled(() => plane.assignments.applied("loans")?.behind === 0, "the client says that it applies the epoch");
  assert.deepEqual(changed, [["loan-release"]]);
});

test("unknown flags, wrong types and missing keys are the SDK's errors, and the caller's default is the value", async (t) => {
  const plane = await controlPlane(t);
  plane.share(ALL);
  const { client } = await providerOf(t, plane.url);
  const context = { targetingKey: "u" };
  const said = [
    await client.getStringDetails("other", "none", context),
    await client.getNumberDetails("loan-release", 7, context),
    await client.getStringDetails("loan-release", "none"),
  ];
  assert.deepEqual(
    said.map(({ value, errorCode }) => [value, errorCode]),
    [
      ["none", "FLAG_NOT_FOUND"],
      [7, "TYPE_MISMATCH"],
      ["none", "TARGETING_KEY_MISSING"],
    ],
  );
});

test("a provider that never reached anybody says the caller's default, and gets the route when there is one", async (t) => {
  const blocker = createServer().listen(0, "127.0.0.1");
  await once(blocker, "listening");
  const { port } = blocker.address() as AddressInfo;
  await new Promise((resolve) => blocker.close(resolve));
  const { client } = await providerOf(t, `http://127.0.0.1:${port}`, { fallbackPollMs: 50 });
  const before = await client.getStringDetails("loan-release", "my default", { targetingKey: "u" });
  assert.deepEqual([before.value, before.variant, before.reason], ["my default", "stable", "DEFAULT"]);
  const plane = await controlPlane(t, undefined, port);
  plane.share(ALL);
  let value = "";
  for (let i = 0; i < 200 && value !== "credit-12"; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    value = await client.getStringValue("loan-release", "my default", { targetingKey: "u" });
  }
  assert.equal(value, "credit-12");
});

test("when the control plane dies the provider falls back to stable by itself, and comes back with it", async (t) => {
  const plane = await startControlPlane();
  plane.share(ALL, 600);
  const { provider, client } = await providerOf(t, plane.url, { fallbackPollMs: 50 });
  const heard: string[] = [];
  client.addHandler(ProviderEvents.Stale, () => void heard.push("stale"));
  client.addHandler(ProviderEvents.Ready, () => void heard.push("ready"));
  assert.equal(provider.assign("u")?.variant, "candidate");
  await plane.stop();
  await settled(() => provider.assign("u")?.variant === "stable", "the lease ends");
  assert.equal(await client.getStringValue("loan-release", "none", { targetingKey: "u" }), "credit-11");
  await settled(() => heard.includes("stale"), "the SDK is told");
  const again = await controlPlane(t, undefined, Number(new URL(plane.url).port));
  again.share(ALL, 60_000, 2);
  await settled(() => provider.assign("u")?.variant === "candidate", "it is found again");
  await settled(() => heard.at(-1) === "ready", "the SDK is told");
});

test("tracked outcomes of the provider reach the counter, on the arm and in the second of their evaluation", async (t) => {
  const plane = await controlPlane(t);
  plane.share(ALL / 2);
  const outcomes = { decision: { decisions: 1, approved: "approved" } };
  const { provider, client } = await providerOf(t, plane.url, { outcomes });
  const expected = { stable: [0, 0], candidate: [0, 0] };
  for (const [i, targetingKey] of users.entries()) {
    const { variant } = await client.getStringDetails("loan-release", "none", { targetingKey });
    const arm = expected[variant as "stable"];
    arm[0]! += 1;
    arm[1]! += i % 2;
  }
  plane.share(0, 60_000);
  await settled(() => provider.assign(users[0]!)?.epoch === 2, "the switch arrives");
  for (const [i, targetingKey] of users.entries()) client.track("decision", { targetingKey }, { approved: i % 2 });
  client.track("decision", { targetingKey: "never seen" }, { approved: 1 });
  client.track("page-view", { targetingKey: users[0]! });
  await provider.flush();
  assert.deepEqual(sums(plane), expected);
  assert.equal(provider.stats.unattributed, 1);
  assert.equal(plane.reports.length, 1);
  assert.ok(plane.reports[0]!.length <= 6, "sums, not single events");
});

test("an exposure that the application kept takes its outcome hours later", async (t) => {
  const plane = await controlPlane(t);
  plane.share(ALL);
  const { provider, client } = await providerOf(t, plane.url);
  const { flagMetadata } = await client.getStringDetails("loan-release", "none", { targetingKey: "u" });
  plane.share(0);
  await settled(() => provider.assign("u")?.variant === "stable", "the switch arrives");
  await client.getStringDetails("loan-release", "none", { targetingKey: "u" });
  client.track("decisions", {}, { exposure: String(flagMetadata["exposure"]), approved: 1 });
  const direct = provider.exposureOf(provider.assign("u")!);
  provider.report(direct, { decisions: 1, approved: 0 });
  await provider.flush();
  assert.deepEqual(sums(plane), { stable: [1, 0], candidate: [1, 1] });
});

test("tracking through the stock OFREP provider attributes by request id, once for each evaluation", async (t) => {
  const plane = await controlPlane(t);
  plane.share(ALL / 2);
  const outcomes = createOutcomeHook({ url: plane.url, token: "secret", everyMs: 60_000 });
  const client = await clientOf(t, withOutcomes(new OFREPProvider({ baseUrl: plane.url }), outcomes));
  const expected = { stable: [0, 0], candidate: [0, 0] };
  for (const [i, targetingKey] of users.entries()) {
    const { variant } = await client.getStringDetails("loan-release", "none", { targetingKey });
    client.track("decisions", { targetingKey }, { approved: i % 2 });
    client.track("decisions", { targetingKey }, { approved: i % 2 });
    const arm = expected[variant as "stable"];
    arm[0]! += 1;
    arm[1]! += i % 2;
  }
  client.track("decisions", { targetingKey: "never seen" });
  await outcomes.flush();
  assert.deepEqual(sums(plane), expected);
  assert.deepEqual([outcomes.stats.unattributed, outcomes.stats.sent], [1, 80]);
  assert.equal(plane.counter.answers.duplicate, 40);
});

test("an event of either provider carries values, groups and its unit to the counter", async (t) => {
  const plane = await controlPlane(t);
  plane.share(ALL);
  const { provider, client } = await providerOf(t, plane.url, { outcomes: { chat: { chats: 1, happy: "happy" } } });
  const outcomes = createOutcomeHook({ url: plane.url, token: "secret", everyMs: 60_000 });
  const stock = await clientOf(t, withOutcomes(new OFREPProvider({ baseUrl: plane.url }), outcomes));
  for (const targetingKey of ["u", "v"]) {
    const details = { values: { sentiment: 0.5 }, groups: { age: "65+" }, unit: `session of ${targetingKey}` };
    for (const happy of [true, false]) {
      await client.getStringDetails("loan-release", "none", { targetingKey });
      client.track("chat", { targetingKey }, { ...details, happy });
    }
    await stock.getStringDetails("loan-release", "none", { targetingKey });
    stock.track("chats", { targetingKey }, { ...details, happy: 1 });
  }
  await provider.flush();
  await outcomes.flush();
  assert.deepEqual([provider.stats.rejected, outcomes.stats.rejected], [0, 0]);
  const rows = plane.counter.drain();
  const total = (signal: string, group?: string) =>
    rows
      .filter((row) => row.signal === signal && row.group === group && row.release === candidate)
      .reduce(([n, k, at], row) => [n! + row.n, k! + row.k, at! + (row.cells?.[0]?.[1] ?? 0)], [0, 0, 0]);
  assert.deepEqual(total("mood"), [6, 0, 6]);
  assert.deepEqual(total("happy"), [2, 0, 0], "two sessions, and each was unhappy once");
  assert.deepEqual(total("happy", "age=65+"), [2, 0, 0]);
});

test("what is waiting when the SDK closes is sent", async (t) => {
  const plane = await controlPlane(t);
  plane.share(ALL);
  const { provider, client } = await providerOf(t, plane.url);
  await client.getStringDetails("loan-release", "none", { targetingKey: "u" });
  client.track("decisions", { targetingKey: "u" }, { approved: 1 });
  await provider.onClose();
  assert.deepEqual(sums(plane).candidate, [1, 1]);
});
