import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Received, type Reply, refusals, startService } from "../webhook/notice-service.fixture.ts";
import { createPagerDutyChannel } from "./index.ts";

const KEY = "0123456789abcdef0123456789abcdef";
const NOTICE = { key: "sha256:1", about: "sha256:1", subject: "loans: release 2 is rolled back", text: "rising" };
const patience = () => AbortSignal.timeout(10_000);

/** The Events API v2 as PagerDuty documents it: it checks an event and answers 202 with its dedup_key. */
function eventsApi() {
  const alerts = new Map<string, Record<string, unknown>[]>();
  const invalid = (...errors: readonly string[]): Reply => ({
    status: 400,
    body: JSON.stringify({ status: "invalid event", message: "Event object is invalid", errors }),
  });
  return {
    alerts,
    answer({ path, body }: Received): Reply {
      if (path !== "/v2/enqueue") return { status: 404 };
      const event = JSON.parse(body);
      const { summary, source, severity } = event.payload ?? {};
      if (event.routing_key?.length !== 32)
        return invalid("Length of 'routing_key' is incorrect (should be 32 characters)");
      if (event.event_action !== "trigger") return invalid("'event_action' is missing or blank");
      if (!(event.dedup_key.length <= 255)) return invalid("'dedup_key' is too long");
      if (!summary || summary.length > 1024) return invalid("'payload.summary' is missing or too long");
      if (!source) return invalid("'payload.source' is missing or blank");
      if (!["critical", "error", "warning", "info"].includes(severity)) return invalid("'payload.severity' is invalid");
      alerts.set(event.dedup_key, [...(alerts.get(event.dedup_key) ?? []), event]);
      const reply = { status: "success", message: "Event processed", dedup_key: event.dedup_key };
      return { status: 202, body: JSON.stringify(reply) };
    },
  };
}

describe("the PagerDuty channel", () => {
  test("opens one alert for a notice and its repeats", async () => {
    const api = eventsApi();
    const service = await startService(api.answer);
    const channel = createPagerDutyChannel({ scheme: "pagerduty", services: { lending: KEY }, api: service.base });
    await channel.tell("pagerduty://lending", NOTICE, patience());
    await channel.tell("pagerduty://lending", NOTICE, patience());
    await channel.tell(
      "pagerduty://lending",
      { ...NOTICE, key: "k".repeat(300), about: "k".repeat(300), subject: "s".repeat(2000) },
      patience(),
    );
    await service.stop();
    assert.deepEqual(
      [...api.alerts.values()].map((events) => events.length),
      [2, 1],
    );
    assert.deepEqual(api.alerts.get("sha256:1")?.[0], {
      routing_key: KEY,
      event_action: "trigger",
      dedup_key: "sha256:1",
      payload: {
        summary: NOTICE.subject,
        source: "rollbook",
        severity: "critical",
        custom_details: { text: "rising" },
      },
    });
  });

  test("says the severity and the source that people chose", async () => {
    const api = eventsApi();
    const service = await startService(api.answer);
    const options = { scheme: "pagerduty", services: { lending: KEY }, api: service.base };
    const channel = createPagerDutyChannel({ ...options, severity: "warning", source: "rollbook-eu" });
    await channel.tell("pagerduty://lending", NOTICE, patience());
    await service.stop();
    const { severity, source } = api.alerts.get("sha256:1")![0]!["payload"] as Record<string, unknown>;
    assert.deepEqual([severity, source], ["warning", "rollbook-eu"]);
  });

  test("throws when an event was not accepted, in PagerDuty's words and without the key", async () => {
    const service = await startService(eventsApi().answer);
    const channel = createPagerDutyChannel({ scheme: "pagerduty", services: { lending: "short" }, api: service.base });
    await assert.rejects(channel.tell("pagerduty://lending", NOTICE, patience()), {
      message: /^PagerDuty answers 400: .*Length of 'routing_key' is incorrect/,
    });
    await service.stop();
    for (const [reply, said] of refusals) {
      const broken = await startService(() => reply);
      const dark = createPagerDutyChannel({
        scheme: "pagerduty",
        services: { lending: KEY },
        api: broken.base,
        timeoutMs: 400,
      });
      await assert.rejects(dark.tell("pagerduty://lending", NOTICE, patience()), { message: said });
      await broken.stop();
    }
  });

  test("serves declared services only", async () => {
    const channel = createPagerDutyChannel({ scheme: "pagerduty", services: { lending: KEY } });
    const audiences = ["pagerduty://lending", "pagerduty://payments", "pagerduty://constructor", "slack://lending"];
    assert.deepEqual(audiences.map(channel.serves), [true, false, false, false]);
    await assert.rejects(channel.tell("pagerduty://payments", NOTICE, patience()), { message: /no service/ });
  });
});
