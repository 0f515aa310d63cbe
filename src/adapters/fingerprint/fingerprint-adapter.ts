import { type Digest, digestOfJson } from "../../core/digest.ts";
import type { Observed, RestoreAdapter } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";

/** How a service that belongs to others says which version of it answers. */
export interface Fingerprint {
  readonly url: string;
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is, for services that only say it beside an answer. */
  readonly body?: string;
  /** Fields of the JSON answer, with dots between levels, or `header:NAME`. All of them together are the identity. */
  readonly fields: readonly string[];
}

export interface FingerprintOptions {
  readonly scheme: string;
  readonly components: Readonly<Record<string, Fingerprint>>;
  readonly fetch?: typeof globalThis.fetch;
  readonly timeoutMs?: Milliseconds;
}

const LARGEST = 256 * 1024;

/**
 * Watches components that nobody here can restore, such as a hosted model (`system_fingerprint` and `model` of its
 * answers): a change is noticed and judged as an unannounced release. It never writes: `apply` is refused, and a playbook
 * says `undo: none`. A service that says nothing of itself is unreachable, never unchanged.
 */
export function createFingerprintAdapter(options: FingerprintOptions): RestoreAdapter {
  const { scheme, components, fetch = globalThis.fetch, timeoutMs = 5000 } = options;
  const find = (at: string) => {
    const name = at.startsWith(`${scheme}://`) ? at.slice(scheme.length + 3) : "";
    return Object.hasOwn(components, name) ? components[name] : undefined;
  };
  const read = async (at: string, signal: AbortSignal): Promise<Observed> => {
    const component = find(at);
    if (!component) return { kind: "unreachable", reason: `the connection ${scheme} has no component at ${at}` };
    try {
      return await observe(component, fetch, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    } catch (error) {
      const { message, cause } = error as Error;
      return { kind: "unreachable", reason: cause instanceof Error ? cause.message : message };
    }
  };
  return {
    name: scheme,
    guarantee: "cas",
    // Nobody here can bring another one back.
    undo: () => "irreversible",
    serves: (at) => at.startsWith(`${scheme}://`) && at.length > scheme.length + 3,
    read,
    // What serves now can be "brought back" by doing nothing; anything else cannot.
    async holds(at, digest, signal) {
      const live = await read(at, signal);
      return live.kind === "live" && live.digest === digest;
    },
    apply: async ({ at }) => ({
      kind: "refused",
      reason: `${at} belongs to others: it is watched, and nobody here can change it`,
    }),
  };
}

async function observe(component: Fingerprint, fetch: typeof globalThis.fetch, signal: AbortSignal): Promise<Observed> {
  const { url, method = "GET", headers = {}, body, fields } = component;
  const init = { method, headers, signal, redirect: "error", ...(body === undefined ? {} : { body }) } as const;
  const answer = await fetch(url, init);
  const text = await answer.text();
  if (!answer.ok) return { kind: "unreachable", reason: `it answers ${answer.status}` };
  if (text.length > LARGEST) return { kind: "unreachable", reason: "its answer is larger than 256 KiB" };
  const found = fields.map((field) => [field, fieldIn(field, answer.headers, text)] as const);
  const missing = found.filter(([, value]) => value === undefined).map(([field]) => field);
  if (missing.length > 0) return { kind: "unreachable", reason: `its answer does not say ${missing.join(", ")}` };
  const identity = Object.fromEntries(found.map(([field, value]) => [field, value ?? ""]));
  const digest: Digest = digestOfJson(identity);
  const label = Object.values(identity).join(" ").slice(0, 120);
  return { kind: "live", digest, version: digest.slice("sha256:".length, 23), label };
}

function fieldIn(field: string, headers: Headers, text: string): string | undefined {
  if (field.startsWith("header:")) return headers.get(field.slice("header:".length)) ?? undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  for (const key of field.split(".")) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return ["string", "number", "boolean"].includes(typeof value) ? String(value) : undefined;
}
