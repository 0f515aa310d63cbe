import { z } from "zod";
import { createFingerprintAdapter } from "../../adapters/fingerprint/fingerprint-adapter.ts";
import { type ConnectionKind, secretReference } from "./connection.ts";

const settings = z.strictObject({
  components: z.record(
    z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/, "letters, digits, dots, dashes and underscores"),
    z.strictObject({
      url: z.url({ protocol: /^https?$/ }),
      method: z.enum(["GET", "POST"]).default("GET"),
      bearer: secretReference.optional(),
      body: z.record(z.string(), z.unknown()).optional(),
      fields: z
        .array(z.string().regex(/^(header:)?[\w.-]+$/, "a field, with dots between levels, or header:NAME"))
        .min(1),
    }),
  ),
  "timeout-ms": z.number().int().min(100).max(30_000).default(5000),
});

/** Services of others that are watched and never changed: a hosted model's fingerprint. */
export const fingerprint: ConnectionKind<z.infer<typeof settings>> = {
  kind: "fingerprint",
  summary: "services of others that are watched and never changed, such as a hosted model's fingerprint",
  settings,
  connect(name, { components, "timeout-ms": timeoutMs }, { secret }) {
    const parts = Object.entries(components).map(([key, { url, method, bearer, body, fields }]) => {
      const headers = {
        ...(body ? { "content-type": "application/json" } : {}),
        ...(bearer ? { authorization: `Bearer ${secret(bearer)}` } : {}),
      };
      return [key, { url, method, headers, fields, ...(body ? { body: JSON.stringify(body) } : {}) }] as const;
    });
    return { restore: createFingerprintAdapter({ scheme: name, components: Object.fromEntries(parts), timeoutMs }) };
  },
};
