import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Received, type Reply, refusals, startService } from "../webhook/notice-service.fixture.ts";
import { createSlackChannel } from "./index.ts";

const TOKEN = "xoxb-1";
const NOTICE = { key: "k1", about: "k1", subject: "loans: rolled back", text: "5 < 7 & <!channel> *bold*" };
const ESCAPED = "loans: rolled back\n5 &lt; 7 &amp; &lt;!channel&gt; *bold*";
const patience = () => AbortSignal.timeout(10_000);

/** chat.postMessage as Slack documents it: no with 200 and `ok: false`, yes with the message's `ts`. */
function workspace(members: readonly string[]) {
  const messages: Record<string, unknown>[] = [];
  const say = (body: object): Reply => ({ status: 200, body: JSON.stringify(body) });
  return {
    messages,
    answer({ path, headers, body }: Received): Reply {
      if (path !== "/chat.postMessage") return { status: 404 };
      if (headers.authorization !== `Bearer ${TOKEN}`) return say({ ok: false, error: "invalid_auth" });
      if (!/^application\/json; charset=utf-8$/.test(headers["content-type"] ?? ""))
        return say({ ok: false, error: "no_text" });
      const message = JSON.parse(body) as Record<string, unknown>;
      if (!members.includes(String(message["channel"]))) return say({ ok: false, error: "not_in_channel" });
      const ts = `1798761600.00000${messages.push(message)}`;
      return say({ ok: true, channel: "C1", ts });
    },
  };
}

describe("the Slack channel", () => {
  test("posts by token with control characters escaped, to a channel by name or id", async () => {
    const slack = workspace(["#credit-incidents", "C012AB3CD"]);
    const service = await startService(slack.answer);
    const channel = createSlackChannel({ scheme: "slack", token: TOKEN, api: service.base });
    await channel.tell("slack://credit-incidents", NOTICE, patience());
    await channel.tell("slack://C012AB3CD", NOTICE, patience());
    await service.stop();
    const plain = { text: ESCAPED, mrkdwn: false, link_names: false, unfurl_links: false, unfurl_media: false };
    assert.deepEqual(slack.messages, [
      { channel: "#credit-incidents", ...plain },
      { channel: "C012AB3CD", ...plain },
    ]);
  });

  test("posts a repeat once, and another text with the same key into its thread", async () => {
    const slack = workspace(["#credit-incidents"]);
    const service = await startService(slack.answer);
    const channel = createSlackChannel({ scheme: "slack", token: TOKEN, api: service.base });
    for (const text of ["first", "first", "second", "third", "first"])
      await channel.tell("slack://credit-incidents", { ...NOTICE, text }, patience());
    await service.stop();
    assert.deepEqual(
      slack.messages.map(({ text, thread_ts }) => [String(text).split("\n")[1], thread_ts]),
      [
        ["first", undefined],
        ["second", "1798761600.000001"],
        ["third", "1798761600.000001"],
      ],
    );
  });

  test("throws what Slack says no with, and posts again when it is told again", async () => {
    const slack = workspace(["#other"]);
    const service = await startService(slack.answer);
    const tell = (token: string, audience: string) =>
      createSlackChannel({ scheme: "slack", token, api: service.base }).tell(audience, NOTICE, patience());
    await assert.rejects(tell("xoxb-2", "slack://other"), { message: "Slack answers invalid_auth" });
    await assert.rejects(tell(TOKEN, "slack://credit-incidents"), { message: "Slack answers not_in_channel" });
    await service.stop();
    let up = false;
    const flaky = await startService((received) => (up ? workspace(["#other"]).answer(received) : { status: 503 }));
    const channel = createSlackChannel({ scheme: "slack", token: TOKEN, api: flaky.base });
    await assert.rejects(channel.tell("slack://other", NOTICE, patience()));
    up = true;
    await channel.tell("slack://other", NOTICE, patience());
    await flaky.stop();
    assert.equal(flaky.received.length, 2);
  });

  test("posts by an incoming webhook, whose address is never said", async () => {
    let reply: Reply = { status: 200, body: "ok" };
    const service = await startService(() => reply);
    const webhooks = { "credit-incidents": `${service.base}/services/T0/B0/very-secret` };
    const channel = createSlackChannel({ scheme: "slack", webhooks, timeoutMs: 400 });
    await channel.tell("slack://credit-incidents", NOTICE, patience());
    assert.equal(service.received[0]?.path, "/services/T0/B0/very-secret");
    assert.equal(JSON.parse(service.received[0]?.body ?? "").text, ESCAPED);
    assert.equal(service.received[0]?.headers.authorization, undefined);
    for (const [index, [refusal, said]] of refusals.entries()) {
      reply = refusal;
      await assert.rejects(
        channel.tell("slack://credit-incidents", { ...NOTICE, key: `${index}`, about: `${index}` }, patience()),
        (error: Error) => {
          assert.match(error.message, said);
          assert.doesNotMatch(error.message, /secret/);
          return true;
        },
      );
    }
    await service.stop();
  });

  test("serves the channels that it can reach, and cuts what is too long", async () => {
    const some = createSlackChannel({ scheme: "slack", webhooks: { risk: "http://127.0.0.1:1" } });
    assert.deepEqual(["slack://risk", "slack://law", "slack://toString", "hooks://risk"].map(some.serves), [
      true,
      false,
      false,
      false,
    ]);
    await assert.rejects(some.tell("slack://law", NOTICE, patience()), { message: /neither a webhook nor a token/ });
    const slack = workspace(["#risk"]);
    const service = await startService(slack.answer);
    const channel = createSlackChannel({ scheme: "slack", token: TOKEN, api: service.base });
    assert.equal(channel.serves("slack://law"), true);
    await channel.tell("slack://risk", { ...NOTICE, text: "x".repeat(50_000) }, patience());
    await service.stop();
    assert.match(String(slack.messages[0]?.["text"]), /^.{3000,3999}\(cut\)$/s);
  });
});
