import { z } from "zod";
import { createPagerDutyChannel } from "../../adapters/pagerduty/index.ts";
import { type ConnectionKind, secretReference } from "./connection.ts";
import { recordOf } from "./record-of.ts";
import { confidentialUrl } from "./service-url.ts";

const settings = z.strictObject({
  services: recordOf(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/, "a name without spaces", secretReference).refine(
    (all) => Object.keys(all).length > 0,
    "name at least one service with its integration key",
  ),
  severity: z.enum(["critical", "error", "warning", "info"]).default("critical"),
  source: z.string().min(1).max(200).default("rollbook"),
  api: confidentialUrl.default("https://events.pagerduty.com"),
  "timeout-ms": z.number().int().min(10).max(10_000).default(5000),
});

/** PagerDuty services by their Events API v2 keys; see docs/adapters/notices.md. */
export const pagerduty: ConnectionKind<z.infer<typeof settings>> = {
  kind: "pagerduty",
  summary: "notices as PagerDuty alerts",
  settings,
  connect(name, { services, severity, source, api, "timeout-ms": timeoutMs }, { secret }) {
    const keys = Object.entries(services).map(([service, reference]) => [service, secret(reference)]);
    const options = { severity, source, api, timeoutMs };
    return { channel: createPagerDutyChannel({ scheme: name, services: Object.fromEntries(keys), ...options }) };
  },
};
