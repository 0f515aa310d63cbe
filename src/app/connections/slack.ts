import { z } from "zod";
import { createSlackChannel } from "../../adapters/slack/index.ts";
import { RollbookError } from "../../core/errors.ts";
import { type ConnectionKind, secretReference } from "./connection.ts";
import { recordOf } from "./record-of.ts";
import { confidentialUrl } from "./service-url.ts";

const settings = z
  .strictObject({
    token: secretReference.optional(),
    webhooks: recordOf(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/, "a channel's name, without #", secretReference).optional(),
    api: confidentialUrl.default("https://slack.com/api"),
    "timeout-ms": z.number().int().min(10).max(10_000).default(5000),
  })
  .refine(({ token, webhooks }) => token !== undefined || Object.keys(webhooks ?? {}).length > 0, {
    message: "say a bot's `token`, or `webhooks` by channel",
  });

/** Slack channels by a bot's token or by incoming webhooks; see docs/adapters/notices.md. */
export const slack: ConnectionKind<z.infer<typeof settings>> = {
  kind: "slack",
  summary: "notices in Slack channels",
  settings,
  connect(name, { token, webhooks = {}, api, "timeout-ms": timeoutMs }, { secret }) {
    const addresses = Object.entries(webhooks).map(([channel, reference]) => [
      channel,
      addressIn(channel, secret(reference)),
    ]);
    return {
      channel: createSlackChannel({
        scheme: name,
        webhooks: Object.fromEntries(addresses),
        api,
        timeoutMs,
        ...(token === undefined ? {} : { token: secret(token) }),
      }),
    };
  },
};

/** The address is the secret itself, and so no error shows it. */
function addressIn(channel: string, secret: string): string {
  if (confidentialUrl.safeParse(secret).success) return secret;
  throw new RollbookError("REQUEST_INVALID", {
    reason: `the secret of the Slack webhook ${channel} is no https:// address`,
  });
}
