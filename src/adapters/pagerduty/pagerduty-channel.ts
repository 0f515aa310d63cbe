import { digestOf } from "../../core/digest.ts";
import type { Channel } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { nameIn } from "../webhook/audience.ts";
import { postJson } from "../webhook/post-json.ts";

export type Severity = "critical" | "error" | "warning" | "info";

export interface PagerDutyOptions {
  /** Scheme of the audiences: the connection's name. */
  readonly scheme: string;
  /** Integration keys (Events API v2) by the service's name in audiences. */
  readonly services: Readonly<Record<string, string>>;
  /** `critical` without it. */
  readonly severity?: Severity;
  /** What PagerDuty shows as the source; `rollbook` without it. */
  readonly source?: string;
  /** Base URL of the Events API; `https://events.pagerduty.com` without it. */
  readonly api?: string;
  readonly fetch?: typeof globalThis.fetch;
  /** 5 s without it. */
  readonly timeoutMs?: Milliseconds;
}

/** Limits of the Events API v2. */
const LONGEST_KEY = 255;
const LONGEST_SUMMARY = 1024;
const LONGEST_TEXT = 100_000;

/**
 * Opens alerts by PagerDuty's Events API v2 at `SCHEME://SERVICE`. The notice's key is the `dedup_key`: a repeat adds to
 * the alert that is open, and opens none. Nothing is ever acknowledged or resolved: that is for people.
 */
export function createPagerDutyChannel(options: PagerDutyOptions): Channel {
  const { scheme, services, severity = "critical", source = "rollbook" } = options;
  const { api = "https://events.pagerduty.com", fetch = globalThis.fetch, timeoutMs = 5000 } = options;
  const routingKey = (audience: string) => {
    const name = nameIn(scheme, audience);
    return name !== undefined && Object.hasOwn(services, name) ? services[name] : undefined;
  };
  return {
    name: scheme,
    serves: (audience) => routingKey(audience) !== undefined,
    async tell(audience, { about, subject, text }, signal) {
      const routing_key = routingKey(audience);
      if (routing_key === undefined) throw new Error(`${audience} is no service with an integration key`);
      const body = JSON.stringify({
        routing_key,
        event_action: "trigger",
        dedup_key: about.length <= LONGEST_KEY ? about : digestOf(about),
        payload: {
          summary: (subject || text || "a notice without words").slice(0, LONGEST_SUMMARY),
          source,
          severity,
          custom_details: { text: text.slice(0, LONGEST_TEXT) },
        },
      });
      const answer = await postJson(fetch, { url: `${api}/v2/enqueue`, headers: {}, body, timeoutMs }, signal);
      if (answer.status !== 202) throw new Error(`PagerDuty answers ${answer.status}: ${answer.text.slice(0, 200)}`);
    },
  };
}
