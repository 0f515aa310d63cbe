import { resolve } from "node:path";
import { z } from "zod";
import { createOpaServerPolicy, createOpaWasmPolicy } from "../../adapters/opa/index.ts";
import { type ConnectionKind, secretReference } from "./connection.ts";
import { isConfidential, serviceUrl } from "./service-url.ts";

const settings = z
  .strictObject({
    /** Of an OPA server. */
    url: serviceUrl.optional(),
    token: secretReference.optional(),
    /** A policy.wasm, or a bundle of `opa build -t wasm`; relative to the connections file. */
    wasm: z.string().min(1).optional(),
    data: z.string().min(1).optional(),
    "timeout-ms": z.number().int().min(10).max(1900).default(1000),
  })
  .superRefine(({ url, token, wasm, data }, context) => {
    const flaw = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    if ((url === undefined) === (wasm === undefined)) flaw("url", "say either `url` (a server) or `wasm` (a file)");
    if (token !== undefined && url === undefined) flaw("token", "a token belongs to a server: say its `url`");
    if (token !== undefined && url !== undefined && !isConfidential(url))
      flaw("url", "a token is sent over https:// only, or to this machine");
    if (data !== undefined && wasm === undefined) flaw("data", "a data file belongs to `wasm`");
  });

/** Policies in Rego, on an OPA server or compiled to Wasm; see docs/adapters/opa.md. */
export const opa: ConnectionKind<z.infer<typeof settings>> = {
  kind: "opa",
  summary: "policies in Rego that add reasons to go back and gate going forward",
  settings,
  connect(name, { url, token, wasm, data, "timeout-ms": timeoutMs }, { folder, secret }) {
    if (url !== undefined) {
      const credentials = token === undefined ? {} : { token: secret(token) };
      return { policy: createOpaServerPolicy({ scheme: name, url, timeoutMs, ...credentials }) };
    }
    const policy = createOpaWasmPolicy({
      scheme: name,
      file: resolve(folder, wasm ?? ""),
      timeoutMs,
      ...(data === undefined ? {} : { data: resolve(folder, data) }),
    });
    return { policy, close: () => policy.close() };
  },
};
