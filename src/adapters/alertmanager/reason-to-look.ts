import { createHash } from "node:crypto";
import type { Instant } from "../../core/time.ts";

/** An alert of somebody else's rules: worth a look, and never a verdict. */
export interface ReasonToLook {
  /** The protected system that the alert's label names; undefined without that label. */
  readonly system: string | undefined;
  /** The alert's name. */
  readonly name: string;
  readonly status: "firing" | "resolved";
  readonly startsAt: Instant;
  readonly summary: string;
  /** Of group key, fingerprint and start: the same for every repeat of one alert, another once it starts anew. */
  readonly key: string;
  /** The alert itself, as webhook and API both know it: fingerprint and start. */
  readonly alert: string;
}

/** Which system an alert speaks of: always this one, or the one that a label names. */
export type AlertSystem = { readonly always: string } | { readonly label: string };

export type ParsedAlerts =
  | { readonly kind: "reasons"; readonly reasons: readonly ReasonToLook[] }
  | { readonly kind: "flawed"; readonly reason: string };

const LONGEST_TEXT = 300;

/**
 * Reads what Alertmanager posts to a webhook, payload version 4:
 * https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
 */
export function readWebhook(body: unknown, system: AlertSystem): ParsedAlerts {
  const { version, groupKey, alerts, truncatedAlerts } = record(body);
  if (version !== "4") return flawed(`the payload's version is ${JSON.stringify(version)}, and only "4" is understood`);
  if (typeof groupKey !== "string" || groupKey === "") return flawed("it has no groupKey");
  const cut = typeof truncatedAlerts === "number" ? truncatedAlerts : 0;
  return reasonsOf(alerts, (alert) => record(alert)["status"], groupKey, system, cut);
}

/** Reads the answer of `GET /api/v2/alerts`, in which no group is named. */
export function readActiveAlerts(body: unknown, system: AlertSystem): ParsedAlerts {
  return reasonsOf(body, (alert) => (record(record(alert)["status"])["state"] ? "firing" : undefined), "", system, 0);
}

function reasonsOf(
  alerts: unknown,
  statusOf: (alert: unknown) => unknown,
  groupKey: string,
  system: AlertSystem,
  cut: number,
): ParsedAlerts {
  if (!Array.isArray(alerts)) return flawed("it has no list of alerts");
  const reasons: ReasonToLook[] = [];
  for (const [index, alert] of alerts.entries()) {
    const { labels, annotations, startsAt, fingerprint } = record(alert);
    const status = statusOf(alert);
    const since = typeof startsAt === "string" ? Date.parse(startsAt) : Number.NaN;
    if (status !== "firing" && status !== "resolved") return flawed(`alerts[${index}] is neither firing nor resolved`);
    if (Number.isNaN(since)) return flawed(`alerts[${index}].startsAt is no time`);
    if (typeof fingerprint !== "string" || fingerprint === "") return flawed(`alerts[${index}] has no fingerprint`);
    const texts = record(annotations);
    const name = text(record(labels)["alertname"]) ?? "an alert without a name";
    const more = cut > 0 && index === 0 ? ` (${cut} more alerts of this group were cut off)` : "";
    reasons.push({
      system: "always" in system ? system.always : text(record(labels)[system.label]),
      name,
      status,
      startsAt: since,
      summary: `${text(texts["summary"]) ?? text(texts["description"]) ?? name}${more}`,
      key: keyOf(groupKey, fingerprint, since),
      alert: `${fingerprint} ${since}`,
    });
  }
  return { kind: "reasons", reasons };
}

/** A digest, because group keys and fingerprints are as long as somebody's labels. */
function keyOf(groupKey: string, fingerprint: string, startsAt: Instant): string {
  return createHash("sha256")
    .update(JSON.stringify([groupKey, fingerprint, startsAt]))
    .digest("hex")
    .slice(0, 32);
}

function flawed(reason: string): ParsedAlerts {
  return { kind: "flawed", reason };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim().slice(0, LONGEST_TEXT) : undefined;
}
