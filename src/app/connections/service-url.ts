import { z } from "zod";

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/** Is what is sent there safe from listeners: TLS, or this machine? */
export function isConfidential(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || LOOPBACK.includes(hostname);
}

/** An http:// or https:// address without credentials, query and fragment; a slash at its end is taken away. */
export const serviceUrl = z
  .string()
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || url.username !== "" || url.password !== "" || /[?#]/.test(text)) return false;
    return url.protocol === "https:" || url.protocol === "http:";
  }, "an address, http(s)://HOST[:PORT][/PATH], without credentials, query or fragment")
  .transform((text) => text.replace(/\/+$/, ""));

/** The same, and what is sent there is confidential. */
export const confidentialUrl = serviceUrl.refine(isConfidential, "https:// is needed; http:// on this machine only");
