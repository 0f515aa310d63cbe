import assert from "node:assert/strict";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { bundleOf, compiledPolicy, type RuleValue } from "./compiled-policy.fixture.ts";
import { createOpaWasmPolicy, type OpaWasmPolicy } from "./index.ts";

const patience = () => AbortSignal.timeout(10_000);
const RULES = {
  "lending/back": { value: ["rising is harmful"] },
  "lending/allow": { value: false },
  "lending/object": { value: { reasons: [] } },
  "lending/number": { value: 7 },
  "lending/nothing": "undefined",
  "lending/endless": "loops",
} as const satisfies Record<string, RuleValue>;

/** A policy from these bytes, in a file of a folder of its own. */
async function policyOf(t: TestContext, bytes: Uint8Array, options: { timeoutMs?: number; data?: string } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "rollbook-opa-"));
  const file = join(folder, "policy");
  await writeFile(file, bytes);
  const policy = createOpaWasmPolicy({ scheme: "opa", file, timeoutMs: 5000, ...options });
  t.after(async () => {
    await policy.close();
    await rm(folder, { recursive: true });
  });
  return { folder, file, policy };
}

/** On a busy machine a thread may take longer to start than a short time-out allows. */
async function saysInTheEnd(policy: OpaWasmPolicy, at: string) {
  for (let tries = 0; ; tries++) {
    const said = await says(policy, at);
    if (said[0] !== "unreachable" || tries === 20) return said;
  }
}

async function says(policy: OpaWasmPolicy, at: string) {
  const answer = await policy.decide(at, { risk: "high" }, patience());
  return answer.kind === "answered" ? answer.reasons : [answer.kind, answer.reason];
}

describe("a policy compiled to Wasm", () => {
  test("answers reasons, booleans and objects by its entry points, and which policy decided", async (t) => {
    const { policy } = await policyOf(
      t,
      bundleOf({
        "/data.json": "{}",
        "/lending.rego": "package lending",
        "/policy.wasm": compiledPolicy(RULES),
        "/.manifest": JSON.stringify({ revision: "r7", roots: [""] }),
      }),
    );
    const answer = await policy.decide("opa://lending/back", {}, patience());
    assert.ok(answer.kind === "answered");
    assert.deepEqual(answer.reasons, ["rising is harmful"]);
    assert.match(answer.decision ?? "", /^wasm [0-9a-f]{12}, revision r7$/);
    assert.deepEqual(await says(policy, "opa://lending/allow"), ["the policy says no (allow is false)"]);
    assert.deepEqual(await says(policy, "opa://lending/object"), []);
    assert.deepEqual(await says(policy, "opa://lending/nothing"), ["undefined", "data.lending.nothing is undefined"]);
    const [kind, reason] = await says(policy, "opa://lending/number");
    assert.deepEqual([kind, reason], ["unreachable", "number is a number, and neither reasons nor a boolean"]);
  });

  test("an entry point that was not built in is undefined, and says how to build it", async (t) => {
    const { policy } = await policyOf(t, compiledPolicy({ "lending/back": { value: [] } }));
    const [kind, reason] = await says(policy, "opa://lending/allow");
    assert.equal(kind, "undefined");
    assert.match(reason!, /no entry point lending\/allow \(it has lending\/back\); build it with -e lending\/allow/);
    assert.equal(policy.serves("opa://lending"), false);
    assert.equal((await policy.decide("opa://lending", {}, patience())).kind, "unreachable");
  });

  test("a built-in function that is missing is said before anything is decided", async (t) => {
    const { policy } = await policyOf(t, compiledPolicy(RULES, ["sprintf", "http.send", "time.now_ns"]));
    const [kind, reason] = await says(policy, "opa://lending/back");
    assert.equal(kind, "unreachable");
    assert.match(reason!, /needs http\.send, time\.now_ns, which Wasm in process does not have; ask an OPA server/);
  });

  test("an evaluation without end is ended, delays nobody, and the next question is answered again", async (t) => {
    const { policy } = await policyOf(t, compiledPolicy(RULES), { timeoutMs: 1000 });
    assert.deepEqual(await saysInTheEnd(policy, "opa://lending/back"), ["rising is harmful"]);
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 10);
    const [endless, same] = await Promise.all([
      says(policy, "opa://lending/endless"),
      says(policy, "opa://lending/back"),
    ]);
    clearInterval(ticking);
    assert.match(endless[1]!, /no answer within 1000 ms; the policy was ended/);
    assert.ok(same[0] === "unreachable" || same[0] === "rising is harmful");
    assert.ok(ticks > 5, "the event loop went on");
    assert.deepEqual(await saysInTheEnd(policy, "opa://lending/back"), ["rising is harmful"]);
  });

  test("a question that is given up is unreachable at once", async (t) => {
    const { policy } = await policyOf(t, compiledPolicy(RULES));
    await says(policy, "opa://lending/back");
    const giveUp = new AbortController();
    const asked = policy.decide("opa://lending/endless", {}, giveUp.signal);
    setTimeout(() => giveUp.abort(), 20);
    assert.equal((await asked).kind, "unreachable");
    assert.equal((await policy.decide("opa://lending/back", {}, AbortSignal.abort())).kind, "unreachable");
  });

  test("a file that changes is read anew; one that is damaged or gone makes it unreachable", async (t) => {
    const { policy, file } = await policyOf(t, compiledPolicy({ "lending/allow": { value: true } }));
    assert.deepEqual(await says(policy, "opa://lending/allow"), []);
    const replace = async (bytes: Uint8Array | string, at: number) => {
      await writeFile(file, bytes);
      await utimes(file, at, at);
      return says(policy, "opa://lending/allow");
    };
    const stricter = compiledPolicy({ "lending/allow": { value: false } });
    assert.equal((await replace(stricter, 1)).length, 1);
    assert.match((await replace("rego", 2))[1]!, /neither Wasm nor a bundle/);
    assert.match((await replace(Buffer.from("\0asmnot really"), 3))[1]!, /WebAssembly/);
    const bundle = bundleOf({ "/data.json": "{}" });
    assert.match((await replace(bundle, 4))[1]!, /has no policy\.wasm; build it with/);
    assert.match((await replace(bundle.subarray(0, 40), 5))[1]!, /unexpected end of file/);
    assert.match(
      (await replace(bundleOf({ "/policy.wasm": stricter, "/data.json": "[1]" }), 6))[1]!,
      /data\.json .* is not a JSON object/,
    );
    await rm(file);
    assert.match((await says(policy, "opa://lending/allow"))[1]!, /ENOENT/);
    await writeFile(file, stricter);
    assert.equal((await says(policy, "opa://lending/allow"))[0], "the policy says no (allow is false)");
  });

  test("a data file belongs to a bare policy.wasm, and not to a bundle", async (t) => {
    const rules = { "lending/allow": { value: true } };
    const bare = await policyOf(t, compiledPolicy(rules));
    const data = join(bare.folder, "data.json");
    await writeFile(data, JSON.stringify({ limits: { risk: 3 } }));
    const withData = await policyOf(t, compiledPolicy(rules), { data });
    assert.deepEqual(await says(withData.policy, "opa://lending/allow"), []);
    const bundle = await policyOf(t, bundleOf({ "/policy.wasm": compiledPolicy(rules) }), { data });
    assert.match((await says(bundle.policy, "opa://lending/allow"))[1]!, /brings its own data/);
  });
});
