import { z } from "zod";
import { createWebhookChannel } from "../../adapters/webhook/index.ts";
import { type ConnectionKind, secretReference } from "./connection.ts";
import { confidentialUrl } from "./service-url.ts";

const settings = z.strictObject({
  url: confidentialUrl,
  secret: secretReference,
  /** The secret before; signs too until it is taken away. */
  "previous-secret": secretReference.optional(),
  "timeout-ms": z.number().int().min(10).max(10_000).default(5000),
});

/** Signed webhooks to a receiver of yours; see docs/adapters/notices.md. */
export const webhook: ConnectionKind<z.infer<typeof settings>> = {
  kind: "webhook",
  summary: "notices as signed webhooks (Standard Webhooks)",
  settings,
  connect(name, { url, secret: current, "previous-secret": previous, "timeout-ms": timeoutMs }, { clock, secret }) {
    const older = previous === undefined ? [] : [secret(previous)];
    return {
      channel: createWebhookChannel({ scheme: name, url, secrets: [secret(current), ...older], clock, timeoutMs }),
    };
  },
};
