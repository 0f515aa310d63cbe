import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../core/digest.ts";
import type { Identified, RestoreAdapter, RestoreRequest } from "../../core/ports.ts";
import { createConnections } from "./connections.ts";

const OLD = digestOf("old");
const at = "k8s://prod/lending/deployments/model";
const never = new AbortController().signal;
const request: RestoreRequest = { at, desired: OLD, before: { digest: OLD, version: "1" }, key: "k", fence: 1 };

function cluster(identity: () => Identified) {
  const applied: RestoreRequest[] = [];
  const restore: RestoreAdapter = {
    name: "k8s",
    guarantee: "cas",
    undo: () => "compensatable",
    serves: (address) => address.startsWith("k8s://"),
    read: async () => ({ kind: "live", digest: OLD, version: "1" }),
    holds: async () => true,
    apply: async (one) => {
      applied.push(one);
      return { kind: "applied" };
    },
    identify: async () => identity(),
  };
  return { restore, applied };
}

const is = (identity: string) => (): Identified => ({ kind: "identified", identity });
const production = { name: "production", is: ["k8s://prod/lending"] };

test("where the cluster is the one that was declared, everything passes", async () => {
  const { restore, applied } = cluster(is("uid-1"));
  const connections = createConnections([{ name: "k8s", connection: { restore }, identity: "uid-1" }]);
  assert.deepEqual(await connections.elsewhere(production), []);
  assert.equal((await connections.adapterFor(at).apply(request, never)).kind, "applied");
  assert.equal(applied.length, 1);
});

test("where another cluster answers, nothing is read as if it were ours and nothing is written", async () => {
  const { restore, applied } = cluster(is("staging"));
  const connections = createConnections([{ name: "k8s", connection: { restore }, identity: "uid-1" }]);
  assert.match((await connections.elsewhere(production))[0] ?? "", /is "staging", and not "uid-1" as declared/);
  const adapter = connections.adapterFor(at);
  assert.equal((await adapter.read(at, never)).kind, "unreachable");
  assert.equal(await adapter.holds(at, OLD, never), false);
  assert.equal((await adapter.apply(request, never)).kind, "refused");
  assert.deepEqual(applied, []);
});

test("a cluster that becomes another one under our hands is found out before the next write", async () => {
  let now = "uid-1";
  const { restore, applied } = cluster(() => ({ kind: "identified", identity: now }));
  const make = () => createConnections([{ name: "k8s", connection: { restore }, identity: "uid-1" }]).adapterFor(at);
  assert.equal((await make().apply(request, never)).kind, "applied");
  now = "uid-2";
  assert.equal((await make().apply(request, never)).kind, "refused");
  assert.equal(applied.length, 1);
});

test("who does not say who it is may be the right one later: unknown, and still not written to", async () => {
  const { restore, applied } = cluster(() => ({ kind: "unreachable", reason: "connection refused" }));
  const connections = createConnections([{ name: "k8s", connection: { restore }, identity: "uid-1" }]);
  const answer = await connections.adapterFor(at).apply(request, never);
  assert.equal(answer.kind, "unknown");
  assert.deepEqual(applied, []);
  assert.match((await connections.elsewhere(production))[0] ?? "", /does not say who it is/);
});

test("an environment whose identity nobody declared, or nobody can tell, is not believed", async () => {
  const { restore } = cluster(is("uid-1"));
  const undeclared = createConnections([{ name: "k8s", connection: { restore } }]);
  assert.match((await undeclared.elsewhere(production))[0] ?? "", /declares no identity/);
  assert.match((await createConnections([]).elsewhere(production))[0] ?? "", /nothing can tell/);
  assert.deepEqual(await createConnections([]).elsewhere({ name: "laptop", is: ["local"] }), []);
  assert.deepEqual(await createConnections([]).elsewhere(undefined), []);
});

const notice = { key: "k", about: "rollout-1", subject: "s", text: "t" };

test("what nobody serves is refused by name", async () => {
  const connections = createConnections([]);
  assert.throws(() => connections.adapterFor("mlflow://models/x"), {
    code: "RELEASE_REFUSED",
    message: /mlflow:\/\/models/,
  });
  assert.throws(() => connections.policyFor("opa://x/y"), { message: /opa:\/\/x\/y/ });
  await assert.rejects(connections.tell("slack://team", notice), /slack:\/\/team/);
  assert.equal(connections.reaches("slack://team"), false);
  assert.equal(connections.reaches("page://dashboard"), true);
  await connections.tell("page://dashboard", notice);
});

test("where another answers, nothing is looked up, kept or told to load either", async () => {
  const asked: string[] = [];
  const { restore } = cluster(is("uid-2"));
  const talkative = {
    ...restore,
    resolve: async () => {
      asked.push("resolve");
      return { kind: "unknown", reason: "" } as const;
    },
    seen: async () => {
      asked.push("seen");
      return { kind: "seen" } as const;
    },
    concerns: async () => {
      asked.push("concerns");
      return [];
    },
  };
  const connections = createConnections([{ name: "k8s", connection: { restore: talkative }, identity: "uid-1" }]);
  const adapter = connections.adapterFor(at);
  const signal = AbortSignal.timeout(1000);
  assert.equal((await adapter.resolve?.(at, "live", signal))?.kind, "unreachable");
  assert.equal((await adapter.seen?.(at, digestOf("x"), signal))?.kind, "unreachable");
  assert.equal((await adapter.concerns?.(at, digestOf("x"), signal))?.[0]?.level, "blocking");
  assert.deepEqual(asked, []);
});
