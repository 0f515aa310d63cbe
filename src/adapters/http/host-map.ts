import { RollbookError } from "../../core/errors.ts";

export type ResolvedAddress =
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "undeclared"; readonly reason: string };

/** Which base URL each host alias stands for. The only way from an address in a playbook to a network address. */
export interface HostMap {
  /** The URL of an address without a trailing slash, or why there is none. */
  resolve(at: string): ResolvedAddress;
}

/** Throws `REQUEST_INVALID` on a base URL that is not HTTP or HTTPS, or that carries credentials, query or fragment. */
export function createHostMap(hosts: Readonly<Record<string, string>>, scheme = "http"): HostMap {
  const bases = new Map(Object.entries(hosts).map(([alias, base]) => [alias.toLowerCase(), baseOf(alias, base)]));
  const declared = [...bases.keys()].join(", ") || "none";

  return {
    resolve(at) {
      // Read as an HTTP address whatever its scheme: paths are normalised by one set of rules, here and when it is called.
      const text = `http${at.slice(scheme.length)}`;
      if (!at.toLowerCase().startsWith(`${scheme}://`) || !URL.canParse(text))
        return { kind: "undeclared", reason: `${at} is no ${scheme}:// address` };
      const url = new URL(text);
      if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
        return {
          kind: "undeclared",
          reason: "an address has a host and a path, and no credentials, query or fragment",
        };
      }
      const base = bases.get(url.host);
      if (base === undefined) {
        const reason = `the host "${url.host}" is not declared (declared: ${declared}); declare it with its base URL`;
        return { kind: "undeclared", reason };
      }
      return { kind: "url", url: `${base}${url.pathname.replace(/\/+$/, "")}` };
    },
  };
}

function baseOf(alias: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new RollbookError("REQUEST_INVALID", { reason: `the host ${alias} needs a base URL with http or https` });
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new RollbookError("REQUEST_INVALID", {
      reason: `the base URL of the host ${alias} must not carry credentials, a query or a fragment`,
    });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
