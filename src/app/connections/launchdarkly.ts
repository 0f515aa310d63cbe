import { join } from "node:path";
import { z } from "zod";
import { createFileSnapshots, createLaunchDarklyAdapter } from "../../adapters/launchdarkly/index.ts";
import { type ConnectionKind, secretReference } from "./connection.ts";

const baseUrl = z.string().refine((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== "" || url.pathname !== "/" || /[?#]/.test(text)) return false;
  return url.protocol === "https:" || (url.protocol === "http:" && LOOPBACK.includes(url.hostname));
}, "a base URL, https://HOST, without a path or credentials; http:// on this machine only");

/** Tokens go there: only this machine may be asked without TLS. */
const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

const settings = z.strictObject({
  environment: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "the key of a LaunchDarkly environment, `production` say"),
  token: secretReference,
  "sdk-key": secretReference.optional(),
  api: baseUrl.default("https://app.launchdarkly.com"),
  sdk: baseUrl.default("https://sdk.launchdarkly.com"),
  "ignore-conflicts": z.boolean().default(false),
  "bypasses-approvals": z.boolean().default(false),
});

/** LaunchDarkly's flags and AI configs in one environment; see docs/adapters/launchdarkly.md. */
export const launchdarkly: ConnectionKind<z.infer<typeof settings>> = {
  kind: "launchdarkly",
  summary: "restores the targeting of LaunchDarkly flags and AI configs in one environment",
  settings,
  connect(name, given, { data, clock, secret }) {
    const sdkKey = given["sdk-key"];
    return {
      restore: createLaunchDarklyAdapter({
        scheme: name,
        environment: given.environment,
        token: secret(given.token),
        ...(sdkKey === undefined ? {} : { sdkKey: secret(sdkKey) }),
        snapshots: createFileSnapshots(join(data, "launchdarkly", name)),
        clock,
        api: given.api.replace(/\/+$/, ""),
        sdk: given.sdk.replace(/\/+$/, ""),
        ignoreConflicts: given["ignore-conflicts"],
        bypassesApprovals: given["bypasses-approvals"],
      }),
    };
  },
};
