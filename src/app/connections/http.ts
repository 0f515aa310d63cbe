import { z } from "zod";
import { createHttpAdapter } from "../../adapters/http/http-adapter.ts";
import type { ConnectionKind } from "./connection.ts";

const settings = z.strictObject({
  /** For each alias of an address's host the base URL that it stands for. */
  hosts: z.record(z.string().regex(/^[a-z0-9.-]+$/, "an alias is made of a-z, 0-9, dots and dashes"), z.url()),
  "timeout-ms": z.number().int().min(10).max(60_000).default(5000),
});

/** Components that speak Rollbook's own HTTP protocol; the address says `http://ALIAS/path`. */
export const http: ConnectionKind<z.infer<typeof settings>> = {
  kind: "http",
  summary: "components that speak Rollbook's HTTP protocol",
  settings,
  connect: (_name, { hosts, "timeout-ms": timeoutMs }) => ({ restore: createHttpAdapter({ hosts, timeoutMs }) }),
};
