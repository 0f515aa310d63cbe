import { type Digest, isDigest } from "../../core/digest.ts";
import type { Undo } from "../../core/playbook.ts";
import type { Applied, Observed, Resolved, RestoreAdapter, RestoreRequest, Staged } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { createHostMap } from "./host-map.ts";
import { type HttpAnswer, send } from "./http-call.ts";

export interface HttpAdapterOptions {
  /** For each alias of an address's host the base URL that it stands for; nothing else is ever called. */
  readonly hosts: Readonly<Record<string, string>>;
  /** Scheme of the addresses: the connection's name; `http` without it. */
  readonly scheme?: string;
  /** What a change of any component behind them is; the protocol says nothing of it. */
  readonly undo?: Undo;
  /** The targets take `PUT path/staged` and `DELETE path/staged`; without it nothing is staged. */
  readonly stages?: boolean;
  readonly fetch?: typeof globalThis.fetch;
  /** Of one call, answer included; 5 s without it. */
  readonly timeoutMs?: Milliseconds;
}

/**
 * Restores components that speak Rollbook's HTTP protocol (docs/adapters/http.md), at `SCHEME://HOST-ALIAS/path`:
 *
 * - `GET path` answers `{ digest, label, version }`;
 * - `GET path/revisions/DIGEST` answers `{ intact }`, or 404;
 * - `GET path/revisions?reference=NAME` answers `{ digest, label }` of what people call so, or 404;
 * - `PUT path` with `If-Match: "VERSION"` (RFC 9110), `Idempotency-Key` and `Rollbook-Fence` takes `{ digest }` and
 *   answers `{ digest, version, already? }`, 412 when the version has moved, 409 when a newer fence has written.
 *
 * With `stages`, `PUT path/staged` takes `{ digest }` and answers it when it lies ready, or 202 while it does not yet;
 * `DELETE path/staged` lets go of it.
 *
 * Never throws, but `unstage` where that was not heard: whatever may have reached the target without a clear answer is `unknown`. Throws only when made, on a
 * base URL that is not plain HTTP or HTTPS.
 */
export function createHttpAdapter({
  hosts,
  scheme = "http",
  undo,
  stages,
  fetch,
  timeoutMs = 5000,
}: HttpAdapterOptions): RestoreAdapter {
  const hostMap = createHostMap(hosts, scheme);
  const call = (url: string, init: RequestInit, signal: AbortSignal) =>
    send(fetch ?? globalThis.fetch, url, init, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));

  return {
    name: scheme,
    guarantee: "cas",
    undo: () => undo,
    serves: (at) => at.toLowerCase().startsWith(`${scheme}://`),
    async read(at, signal) {
      const target = hostMap.resolve(at);
      if (target.kind === "undeclared") return { kind: "unreachable", reason: target.reason };
      return observedIn(await call(target.url, { method: "GET" }, signal));
    },
    async holds(at, digest, signal) {
      const target = hostMap.resolve(at);
      if (target.kind === "undeclared" || !isDigest(digest)) return false;
      const answer = await call(`${target.url}/revisions/${digest}`, { method: "GET" }, signal);
      return answer.kind === "answer" && answer.status === 200 && answer.body["intact"] === true;
    },
    async resolve(at, reference, signal) {
      const target = hostMap.resolve(at);
      if (target.kind === "undeclared") return { kind: "unreachable", reason: target.reason };
      const query = new URLSearchParams({ reference });
      return resolvedIn(await call(`${target.url}/revisions?${query}`, { method: "GET" }, signal), reference);
    },
    async apply(request, signal) {
      const target = hostMap.resolve(request.at);
      if (target.kind === "undeclared") return { kind: "refused", reason: target.reason };
      const flaw = flawOf(request);
      if (flaw !== undefined) return { kind: "refused", reason: flaw };
      return appliedIn(await call(target.url, putOf(request), signal), request);
    },
    ...(stages && {
      async stage(at: string, digest: Digest, signal: AbortSignal): Promise<Staged> {
        const target = hostMap.resolve(at);
        if (target.kind === "undeclared") return { kind: "failed", reason: target.reason };
        const init = { method: "PUT", headers: JSON_BODY, body: JSON.stringify({ digest }) };
        return stagedIn(await call(`${target.url}/staged`, init, signal), digest);
      },
      async unstage(at: string, signal: AbortSignal) {
        const target = hostMap.resolve(at);
        if (target.kind === "undeclared") throw new Error(target.reason);
        const answer = await call(`${target.url}/staged`, { method: "DELETE" }, signal);
        if (answer.kind === "silence") throw new Error(answer.reason);
        if (answer.status !== 404 && (answer.status < 200 || answer.status > 299)) throw new Error(said(answer));
      },
    }),
  };
}

const JSON_BODY = { "content-type": "application/json" };

function putOf({ desired, before, key, fence }: RestoreRequest): RequestInit {
  return {
    method: "PUT",
    headers: {
      ...JSON_BODY,
      "if-match": `"${before.version}"`,
      "idempotency-key": key,
      "rollbook-fence": String(fence),
    },
    body: JSON.stringify({ digest: desired }),
  };
}

/** What keeps a request from being written as headers; a version is an entity tag's text (RFC 9110, 8.8.3). */
function flawOf({ desired, before, key, fence }: RestoreRequest): string | undefined {
  if (!isDigest(desired)) return "the desired digest is not a digest";
  if (!ENTITY_TAG.test(before.version)) return "the version read before cannot be an entity tag";
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) return "the key cannot be a header";
  if (!Number.isSafeInteger(fence) || fence < 0) return "the fence is not a whole number";
  return undefined;
}

const ENTITY_TAG = /^[\x21\x23-\x7e]{1,255}$/;

function observedIn(answer: HttpAnswer): Observed {
  if (answer.kind === "silence") return { kind: "unreachable", reason: answer.reason };
  if (answer.status !== 200) return { kind: "unreachable", reason: said(answer) };
  const { digest, version } = answer.body;
  const tag = typeof version === "number" ? String(version) : version;
  if (!isDigest(digest) || typeof tag !== "string" || !ENTITY_TAG.test(tag)) {
    return { kind: "unreachable", reason: "the answer has no digest and version" };
  }
  const { label } = answer.body;
  return { kind: "live", digest, version: tag, ...(typeof label === "string" ? { label: label.slice(0, 120) } : {}) };
}

function resolvedIn(answer: HttpAnswer, reference: string): Resolved {
  if (answer.kind === "silence") return { kind: "unreachable", reason: answer.reason };
  const { digest, label, accepts, keeps } = answer.body;
  if (answer.status === 404) return { kind: "unknown", reason: `the target knows no revision ${reference}` };
  if (answer.status !== 200) return { kind: "unreachable", reason: said(answer) };
  if (!isDigest(digest)) return { kind: "unreachable", reason: "the answer has no digest" };
  return {
    kind: "revision",
    revision: {
      digest,
      label: typeof label === "string" ? label.slice(0, 120) : reference,
      ...(digestLists(accepts) ? { accepts } : {}),
      ...(digestLists(keeps) ? { keeps } : {}),
    },
  };
}

function digestLists(value: unknown): value is Readonly<Record<string, readonly Digest[]>> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  return Object.values(value).every((list) => Array.isArray(list) && list.every(isDigest));
}

function appliedIn(answer: HttpAnswer, { desired }: RestoreRequest): Applied {
  if (answer.kind === "silence") return { kind: "unknown", reason: answer.reason };
  const reason = said(answer);
  switch (answer.status) {
    case 200:
      if (answer.body["digest"] !== desired) return { kind: "unknown", reason: "the answer names another digest" };
      return { kind: answer.body["already"] === true ? "already" : "applied" };
    case 412:
      return { kind: "conflict", reason };
    case 409: {
      const { fence } = answer.body;
      return { kind: "stale", reason: Number.isSafeInteger(fence) ? `${reason}; its fence is ${fence}` : reason };
    }
    // Not refused for good: time-out, too early, too many.
    case 408:
    case 425:
    case 429:
      return { kind: "unknown", reason };
    default:
      return { kind: answer.status >= 300 && answer.status < 500 ? "refused" : "unknown", reason };
  }
}

function stagedIn(answer: HttpAnswer, digest: Digest): Staged {
  if (answer.kind === "silence") return { kind: "pending", reason: answer.reason };
  if (answer.status === 200 && answer.body["digest"] === digest) return { kind: "staged" };
  if (answer.status === 200) return { kind: "failed", reason: "the answer names another digest" };
  const passing = answer.status < 300 || answer.status >= 500 || [408, 425, 429].includes(answer.status);
  return { kind: passing ? "pending" : "failed", reason: said(answer) };
}

function said(answer: Extract<HttpAnswer, { kind: "answer" }>): string {
  if (answer.status >= 300 && answer.status < 400) return `it answers ${answer.status}; redirects are not followed`;
  const reason = answer.body["reason"];
  return typeof reason === "string" ? `${answer.status}: ${reason.slice(0, 200)}` : `it answers ${answer.status}`;
}
