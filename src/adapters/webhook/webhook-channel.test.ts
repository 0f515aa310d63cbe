import assert from "node:assert/strict";
import { createHmac, timingSafeEqual } from "node:crypto";
import { describe, test } from "node:test";
import { createWebhookChannel } from "./index.ts";
import { type Received, refusals, startService } from "./notice-service.fixture.ts";
import { signatureOf, signingKey } from "./signature.ts";

const NOW = Date.UTC(2027, 0, 1);
const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const OLD_SECRET = `whsec_${Buffer.alloc(24, 9).toString("base64")}`;
const NOTICE = {
  key: "sha256:ab.cd",
  about: "sha256:ab.cd",
  subject: "loans: release 2 is rolled back",
  text: "rising <5 %> & more",
};
const patience = () => AbortSignal.timeout(10_000);

/** As the specification tells receivers to verify; answers the payload. */
function verify({ headers, body }: Received, secret: string, now: number) {
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((name) =>
    String(headers[`webhook-${name}`]),
  );
  assert.ok(Math.abs(now / 1000 - Number(timestamp)) <= 300, "too old");
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest();
  const matches = signatures!.split(" ").some((one) => {
    const [version, signature] = one.split(",");
    return version === "v1" && timingSafeEqual(Buffer.from(signature!, "base64"), expected);
  });
  return matches ? { id, payload: JSON.parse(body) } : undefined;
}

async function channelTo(base: string, secrets: readonly [string, ...string[]] = [SECRET]) {
  let now = NOW;
  const clock = { now: () => (now += 60_000) };
  return createWebhookChannel({ scheme: "hooks", url: `${base}/in`, secrets, clock, timeoutMs: 400 });
}

describe("the webhook channel", () => {
  test("signs what it sends as Standard Webhooks says", async () => {
    const service = await startService(() => ({ status: 204 }));
    await (await channelTo(service.base)).tell("hooks://risk", NOTICE, patience());
    await service.stop();
    const [one] = service.received;
    const verified = verify(one!, SECRET, NOW + 60_000);
    assert.deepEqual(verified?.payload, { type: "rollbook.notice", data: { audience: "hooks://risk", ...NOTICE } });
    assert.match(verified?.id ?? "", /^msg_[0-9a-f]{32}$/, "no full stop in an id");
    assert.equal(one?.headers["idempotency-key"], verified?.id);
    assert.equal(verify(one!, OLD_SECRET, NOW + 60_000), undefined);
    assert.equal(verify({ ...one!, body: one!.body.replace("rising", "falling") }, SECRET, NOW + 60_000), undefined);
  });

  test("signs the example of the specification's own libraries as they do", () => {
    const key = signingKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    const signature = signatureOf([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", '{"test": 2432232314}');
    assert.equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  test("a repeat has the same id and body and a new time; another audience or notice another id", async () => {
    const service = await startService(() => ({ status: 200 }));
    const channel = await channelTo(service.base);
    await channel.tell("hooks://risk", NOTICE, patience());
    await channel.tell("hooks://risk", NOTICE, patience());
    await channel.tell("hooks://legal", NOTICE, patience());
    await channel.tell("hooks://risk", { ...NOTICE, key: "other", about: "other" }, patience());
    await service.stop();
    const ids = service.received.map(({ headers }) => headers["webhook-id"]);
    assert.equal(ids[0], ids[1]);
    assert.equal(new Set(ids).size, 3);
    assert.equal(service.received[0]?.body, service.received[1]?.body);
    const times = service.received.map(({ headers }) => headers["webhook-timestamp"]);
    assert.notEqual(times[0], times[1]);
  });

  test("signs with the old secret too while people change it", async () => {
    const service = await startService(() => ({ status: 200 }));
    await (await channelTo(service.base, [SECRET, OLD_SECRET])).tell("hooks://risk", NOTICE, patience());
    await service.stop();
    for (const secret of [SECRET, OLD_SECRET]) assert.ok(verify(service.received[0]!, secret, NOW + 60_000));
  });

  test("throws when a notice was not accepted, so that it is sent again, and goes nowhere else", async () => {
    for (const [reply, said] of refusals) {
      const service = await startService(() => reply);
      const channel = await channelTo(service.base);
      await assert.rejects(channel.tell("hooks://risk", NOTICE, patience()), { message: said });
      await service.stop();
      assert.equal(service.received.length, 1);
      await assert.rejects(channel.tell("hooks://risk", NOTICE, patience()), { message: "no answer (ECONNREFUSED)" });
    }
  });

  test("serves its own audiences, and refuses secrets that are none", async () => {
    const { serves } = await channelTo("http://127.0.0.1:1");
    assert.deepEqual(["hooks://risk", "hooks://", "hooks://a/b", "slack://risk"].map(serves), [
      true,
      false,
      false,
      false,
    ]);
    for (const secret of ["", "secret", "whsec_c2hvcnQ=", `whsec_${Buffer.alloc(65).toString("base64")}`])
      await assert.rejects(channelTo("http://127.0.0.1:1", [secret]), { code: "REQUEST_INVALID" }, secret);
  });
});
