import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { compiledPolicy } from "../../adapters/opa/compiled-policy.fixture.ts";
import { startService } from "../../adapters/webhook/notice-service.fixture.ts";
import { digestOf } from "../../core/digest.ts";
import { createConnections } from "./connections.ts";
import { readConnections } from "./connections-file.ts";

const SECRETS: Readonly<Record<string, string>> = {
  HOOK: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
  SHORT: "whsec_c2hvcnQ=",
  SLACK: "xoxb-1",
  KEY: "0123456789abcdef0123456789abcdef",
};

/** The connections of a file with this text below `connections:`. */
async function connected(t: TestContext, text: string) {
  const folder = await mkdtemp(join(tmpdir(), "rollbook-connections-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "connections.yaml");
  await writeFile(file, `rollbook: connections/v1\nconnections:\n${text}`);
  const read = () => readConnections(file, (name) => SECRETS[name]);
  return { folder, read, connections: () => createConnections(read().connections) };
}

describe("a connections file", () => {
  test("connects programs: relative ones begin at the file, and secrets reach their environment", async (t) => {
    const { folder, connections } = await connected(
      t,
      `  programs:
    kind: command
    environment: { REGION: eu, TOKEN: { env: SLACK } }
    components:
      model: { read: [./read.sh, a b], apply: ["false"], timeout-ms: 5000 }
`,
    );
    const answer = `printf '{"digest":"%s","version":"%s"}' ${digestOf("x")} "$REGION $TOKEN $1 \${PATH:+path}"`;
    await writeFile(join(folder, "read.sh"), `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
    const at = "programs://model";
    const adapter = connections().adapterFor(at);
    assert.deepEqual(await adapter.read(at, AbortSignal.timeout(5000)), {
      kind: "live",
      digest: digestOf("x"),
      version: "eu xoxb-1 a b path",
    });
    assert.equal(adapter.guarantee, "blind", "nothing is promised that was not declared");
  });

  test("connects a compiled policy that lies beside it", async (t) => {
    const { folder, connections } = await connected(t, "  law: { kind: opa, wasm: policy.wasm }\n");
    await writeFile(join(folder, "policy.wasm"), compiledPolicy({ "lending/allow": { value: false } }));
    const all = connections();
    const ask = () => all.policyFor("law://lending/allow").decide("law://lending/allow", {}, AbortSignal.timeout(5000));
    let answer = await ask();
    // A machine that is busy may need longer for the first answer than a policy is given.
    for (const until = performance.now() + 40_000; answer.kind === "unreachable" && performance.now() < until; )
      answer = await ask();
    await all.close();
    assert.deepEqual(answer.kind === "answered" && answer.reasons, ["the policy says no (allow is false)"]);
  });

  test("tells people through every channel that it names, and through no other", async (t) => {
    const service = await startService(({ path }) => ({
      status: path === "/v2/enqueue" ? 202 : 200,
      body: '{"ok":true}',
    }));
    t.after(service.stop);
    const { connections } = await connected(
      t,
      `  hooks: { kind: webhook, url: "${service.base}/in/", secret: { env: HOOK }, previous-secret: { env: HOOK } }
  slack: { token: { env: SLACK }, api: "${service.base}/api" }
  pagerduty: { services: { lending: { env: KEY } }, api: "${service.base}", severity: error }
`,
    );
    const all = connections();
    for (const audience of ["hooks://risk", "slack://credit-incidents", "pagerduty://lending"]) {
      assert.ok(all.reaches(audience), audience);
      await all.tell(audience, { key: "k", about: "rollout-1", subject: "loans: rolled back", text: "rising" });
    }
    assert.deepEqual(
      service.received.map(({ path }) => path),
      ["/in", "/api/chat.postMessage", "/v2/enqueue"],
    );
    assert.equal(String(service.received[0]?.headers["webhook-signature"]).split(" ").length, 2);
    assert.equal(all.reaches("pagerduty://payments"), false);
    await assert.rejects(all.tell("email://risk", { key: "k", about: "k", subject: "a", text: "b" }), {
      message: /nothing serves the audience/,
    });
  });

  const flaws: readonly (readonly [string, RegExp])[] = [
    ["opa: {}", /say either `url` \(a server\) or `wasm`/],
    ["opa: { url: http://127.0.0.1, wasm: a.wasm }", /say either/],
    ["opa: { wasm: a.wasm, token: { env: KEY } }", /token: a token belongs to a server/],
    ["opa: { url: http://opa.example, token: { env: KEY } }", /a token is sent over https/],
    ["opa: { url: http://127.0.0.1, data: d.json }", /a data file belongs to `wasm`/],
    ["opa: { url: http://127.0.0.1, timeout-ms: 5000 }", /1900/],
    ["command: { components: {} }", /name at least one component/],
    ["command: { components: { model: { read: cat x, apply: [x] } } }", /components\.model\.read/],
    ["command: { components: { model: { read: [], apply: [x] } } }", /no shell reads it/],
    [
      "command: { components: { model: { read: [x], apply: [x] } }, environment: { ROLLBOOK_KEY: a } }",
      /Rollbook's own/,
    ],
    ["webhook: { url: http://hooks.example, secret: { env: HOOK } }", /https:\/\/ is needed/],
    ["webhook: { url: https://a:b@hooks.example, secret: { env: HOOK } }", /without credentials/],
    ["webhook: { url: https://hooks.example, secret: whsec_x }", /secret/],
    ["webhook: { url: https://hooks.example, secret: { env: SHORT } }", /24 to 64 random bytes/],
    ["slack: {}", /say a bot's `token`, or `webhooks` by channel/],
    ["slack: { webhooks: { risk: { env: KEY } } }", /the Slack webhook risk is no https:\/\/ address/],
    ["slack: { token: { env: SLACK }, api: http://slack.example }", /https:\/\/ is needed/],
    ["pagerduty: { services: {} }", /name at least one service/],
    ["pagerduty: { services: { lending: { env: KEY } }, severity: high }", /severity/],
  ];
  for (const [text, said] of flaws) {
    test(`says what is wrong with ${text}`, async (t) => {
      const { read } = await connected(t, `  ${text}\n`);
      assert.throws(read, (error: Error) => {
        assert.match(error.message, said);
        assert.doesNotMatch(error.message, /xoxb|0123456789abcdef/, "no secret is said");
        return true;
      });
    });
  }
});
