import { setTimeout as sleep } from "node:timers/promises";
import { isDigest } from "../../src/core/digest.ts";
import type { ComponentStore, PutRequest, PutResult } from "./component-store.ts";
import { type Answer, type Call, headerOf, notFound } from "./http-service.ts";

/** The HTTP protocol of restorable components; docs/demo.md describes it. */
export interface ComponentApi {
  /** Answers calls below `/components`; undefined for all others. */
  answer(call: Call): Promise<Answer | undefined>;
}

interface ApiOptions {
  /** Milliseconds to wait before and again after the effect of a write, so that a test can kill in between. */
  readonly slowApply?: number;
  /** Called after each write that had an effect. */
  readonly changed?: (component: string) => void;
}

const STATUS = { stale: 409, mismatch: 412, refused: 422, "unknown-digest": 404 } as const;

export function componentApi(store: ComponentStore, options: ApiOptions = {}): ComponentApi {
  const { slowApply = 0, changed } = options;

  const read = (component: string): Answer => {
    const live = store.live(component);
    return live
      ? { status: 200, body: live, headers: { etag: `"${live.version}"` } }
      : notFound(`component ${component}`);
  };

  const revision = (component: string, digest: string): Answer => {
    const label = store.labelOf(component, digest);
    if (label === undefined || !isDigest(digest)) return notFound(`revision ${digest} of ${component}`);
    return { status: 200, body: { digest, label, intact: store.intact(digest) } };
  };

  const write = async (component: string, call: Call): Promise<Answer> => {
    if (!store.live(component)) return notFound(`component ${component}`);
    const request = parsePut(component, call);
    if ("status" in request) return request;
    if (slowApply > 0) await sleep(slowApply);
    const result = store.put(request);
    if (result.kind === "applied") changed?.(component);
    if (slowApply > 0) await sleep(slowApply);
    return answerOf(result, store.live(component) ?? {});
  };

  return {
    async answer(call) {
      const [root, component, revisions, digest, ...rest] = call.path;
      if (root !== "components" || component === undefined || rest.length > 0) return undefined;
      if (revisions === undefined && call.method === "GET") return read(component);
      if (revisions === undefined && call.method === "PUT") return write(component, call);
      if (revisions === "revisions" && digest !== undefined && call.method === "GET")
        return revision(component, digest);
      return undefined;
    },
  };
}

function parsePut(component: string, call: Call): PutRequest | Answer {
  const ifMatch = /^"([^"]+)"$/.exec(headerOf(call.headers, "if-match") ?? "")?.[1];
  if (ifMatch === undefined) return { status: 428, body: { reason: 'a write needs If-Match: "version"' } };
  const key = headerOf(call.headers, "idempotency-key");
  if (!key) return { status: 400, body: { reason: "a write needs an Idempotency-Key" } };
  const fence = headerOf(call.headers, "rollbook-fence") ?? "";
  if (!/^\d{1,15}$/.test(fence))
    return { status: 400, body: { reason: "a write needs a Rollbook-Fence, a whole number" } };
  const digest = (call.body as { digest?: unknown } | null | undefined)?.digest;
  if (!isDigest(digest)) return { status: 400, body: { reason: 'the body must be { "digest": "sha256:..." }' } };
  return { component, digest, ifMatch, key, fence: Number(fence) };
}

function answerOf(result: PutResult, current: object): Answer {
  if ("reason" in result) {
    const body = result.kind === "mismatch" ? { reason: result.reason, ...current } : { reason: result.reason };
    return { status: STATUS[result.kind], body };
  }
  const { kind, digest, version } = result;
  const body = kind === "already" ? { digest, version, already: true } : { digest, version };
  return { status: 200, body, headers: { etag: `"${version}"` } };
}
