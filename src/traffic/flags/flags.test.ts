import assert from "node:assert/strict";
import { test } from "node:test";
import { createFlags, defineFlag } from "./flag-book.ts";
import { answerOfrep } from "./ofrep.ts";

const on = defineFlag("loan-explanations", { on: true, off: false }, "on");
const off = defineFlag("loan-explanations", { on: true, off: false }, "off");
const tone = defineFlag("tone", { calm: "calm", brisk: "brisk" }, "calm");
const SINGLE = "/ofrep/v1/evaluate/flags/loan-explanations";
const BULK = "/ofrep/v1/evaluate/flags";

test("one flag is evaluated as OFREP says", () => {
  const answer = answerOfrep(createFlags([on]), "POST", SINGLE, '{"context":{"targetingKey":"u1"}}');
  assert.equal(answer?.status, 200);
  assert.deepEqual(JSON.parse(answer.body), {
    key: "loan-explanations",
    value: true,
    variant: "on",
    reason: "STATIC",
    metadata: { revision: on.digest },
  });
});

test("the context is optional, the key may be percent-encoded", () => {
  const flags = createFlags([defineFlag("a b/c", { x: 1 }, "x")]);
  const answer = answerOfrep(flags, "POST", `${BULK}/a%20b%2Fc`, "");
  assert.equal(JSON.parse(answer!.body).value, 1);
});

test("an unknown flag is FLAG_NOT_FOUND with 404, also when its name is a property of objects", () => {
  for (const key of ["nothing", "__proto__", "constructor"]) {
    const answer = answerOfrep(createFlags([on]), "POST", `${BULK}/${key}`, "{}");
    assert.equal(answer?.status, 404);
    const { errorCode, ...rest } = JSON.parse(answer.body);
    assert.equal(errorCode, "FLAG_NOT_FOUND");
    assert.equal(rest.key, key);
  }
});

test("bad requests name the error codes of the specification", () => {
  const cases = [
    ["{", "PARSE_ERROR"],
    ["[]", "PARSE_ERROR"],
    ['{"context":7}', "INVALID_CONTEXT"],
    ['{"context":{"targetingKey":7}}', "INVALID_CONTEXT"],
  ] as const;
  for (const path of [SINGLE, BULK]) {
    for (const [body, code] of cases) {
      const answer = answerOfrep(createFlags([on]), "POST", path, body);
      assert.equal(answer?.status, 400);
      assert.equal(JSON.parse(answer.body).errorCode, code);
    }
  }
  assert.equal(answerOfrep(createFlags([on]), "POST", `${BULK}/%E0%A4%A`, "{}")?.status, 400);
  assert.equal(answerOfrep(createFlags([on]), "GET", BULK, "")?.status, 405);
  assert.equal(answerOfrep(createFlags([on]), "POST", "/other", "{}"), undefined);
});

test("all flags carry an ETag that stands until one changes", async () => {
  const flags = createFlags([tone, on]);
  const first = answerOfrep(flags, "POST", BULK, "{}");
  const etag = first!.headers["etag"]!;
  assert.deepEqual(
    JSON.parse(first!.body).flags.map((flag: { key: string }) => flag.key),
    ["loan-explanations", "tone"],
  );
  for (const match of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
    const again = answerOfrep(flags, "POST", BULK, "{}", match);
    assert.deepEqual([again?.status, again?.body, again?.headers["etag"]], [304, "", etag]);
  }
  await flags.set(off);
  const changed = answerOfrep(flags, "POST", BULK, "{}", etag);
  assert.equal(changed?.status, 200);
  assert.notEqual(changed.headers["etag"], etag);
  assert.equal(createFlags([on, tone]).digest(), createFlags([tone, on]).digest());
});

test("a change is kept before it takes effect, and a failure to keep leaves the old value", async () => {
  const kept: string[] = [];
  const flags = createFlags([on], async (flag) => {
    assert.equal(flags.get(flag.key)?.flag.variant, kept.length === 0 ? "on" : "off");
    if (kept.length === 1) throw new Error("disk full");
    kept.push(flag.variant);
  });
  assert.equal(await flags.set(off), "set");
  await assert.rejects(flags.set(on), /disk full/);
  assert.equal(flags.get(on.key)?.flag.variant, "off");
  assert.deepEqual(kept, ["off"]);
});

test("of two writes with the same condition one wins, even while the first is being kept", async () => {
  const flags = createFlags([on], () => new Promise((resolve) => setImmediate(resolve)));
  const { version } = flags.get(on.key)!;
  assert.deepEqual(await Promise.all([flags.set(off, version), flags.set(on, version)]), ["set", "conflict"]);
});

test("every variant of the live table can be brought back, and others after they are registered", () => {
  const flags = createFlags([on]);
  const next = defineFlag("loan-explanations", { on: true, off: false, short: true }, "short");
  const digests = () => flags.revisions(on.key).map((revision) => revision.digest);
  assert.deepEqual(digests().sort(), [on.digest, off.digest].sort());
  flags.register(next);
  assert.ok(digests().includes(next.digest));
  assert.equal(flags.get(on.key)?.flag.variant, "on");
});

test("a variant that the table does not have is an error", () => {
  assert.throws(() => defineFlag("f", { on: true }, "toString"), { code: "REQUEST_INVALID" });
});
