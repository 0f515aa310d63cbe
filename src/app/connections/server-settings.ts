import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import type { ServerAccess } from "../../adapters/prometheus/index.ts";
import { RollbookError } from "../../core/errors.ts";
import { parseDuration } from "../../core/time.ts";
import { type ConnectionWorld, secretReference } from "./connection.ts";
import { isConfidential, serviceUrl } from "./service-url.ts";

export const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, "must be a time such as 5s")
  .transform((text) => parseDuration(text) as number);

/** How a monitoring server is reached: the keys that Prometheus and Alertmanager share. */
export const serverKeys = {
  auth: z
    .union(
      [
        z.strictObject({ bearer: secretReference }),
        z.strictObject({ user: z.string().min(1).max(200), password: secretReference }),
      ],
      { error: "is either { bearer: ... } or { user: ..., password: ... }" },
    )
    .optional(),
  /** A PEM file; relative to the connections file. */
  ca: z.string().min(1).max(1000).optional(),
  timeout: duration.refine((span) => span <= 9000, "must be at most 9s").optional(),
  headers: z
    .record(
      z.string().regex(/^[\w-]{1,100}$/, "is no name of a header"),
      z.union([z.string().regex(/^[\t\x20-\x7e]{0,1000}$/, "is no value of a header"), secretReference]),
    )
    .default({}),
  every: duration.refine((span) => span >= 1000, "must be at least 1s").optional(),
};

const shared = z.object({ url: serviceUrl, ...serverKeys });
type Shared = z.infer<typeof shared>;
type Exposed = Pick<Shared, "auth" | "headers"> & { readonly url?: string | undefined };

/** What must not be read on the way, and would be; or undefined. */
export function exposure({ url, auth, headers }: Exposed): string | undefined {
  const secret = auth !== undefined || Object.values(headers ?? {}).some((value) => typeof value !== "string");
  return secret && url !== undefined && !isConfidential(url)
    ? "a secret is sent over https:// only, or to this machine"
    : undefined;
}

/** @throws FILE_UNREADABLE when the certificates cannot be read */
export function accessOf(given: Shared, { folder, secret }: ConnectionWorld): ServerAccess {
  const { url, auth, ca, timeout, headers } = given;
  const values = Object.entries(headers).map(([key, value]) => [
    key,
    typeof value === "string" ? value : secret(value),
  ]);
  return {
    url,
    headers: { ...Object.fromEntries(values), ...(auth ? { authorization: authorization(auth, secret) } : {}) },
    ...(ca === undefined ? {} : { ca: certificates(resolve(folder, ca)) }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
  };
}

function authorization(auth: NonNullable<Shared["auth"]>, secret: ConnectionWorld["secret"]): string {
  if ("bearer" in auth) return `Bearer ${secret(auth.bearer)}`;
  return `Basic ${Buffer.from(`${auth.user}:${secret(auth.password)}`, "utf8").toString("base64")}`;
}

function certificates(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new RollbookError("FILE_UNREADABLE", { file, reason: (error as Error).message });
  }
}
