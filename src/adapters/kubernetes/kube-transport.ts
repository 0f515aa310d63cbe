import { Agent } from "undici";
import type { Json } from "../../core/digest.ts";
import type { Milliseconds } from "../../core/time.ts";
import type { ClusterAccess, Credential } from "./cluster-access.ts";
import { type Fields, fields, text } from "./kube-object.ts";

/** What the API server answered, or why there is no answer that could be relied on. */
export type KubeAnswer =
  | { readonly kind: "answer"; readonly status: number; readonly body: Fields }
  | { readonly kind: "silence"; readonly reason: string };

export interface KubeCall {
  readonly method: "GET" | "PATCH" | "POST";
  /** From `/api` or `/apis` on, with its query. */
  readonly path: string;
  readonly body?: Json;
  /** Of a PATCH: RFC 6902 or RFC 7386. */
  readonly patch?: "json-patch" | "merge-patch";
}

/** Calls one API server. Never throws, but `lines` does. */
export interface KubeTransport {
  call(call: KubeCall, signal: AbortSignal): Promise<KubeAnswer>;
  /** The lines of an answer that does not end, for watches. Throws when it breaks. */
  lines(path: string, signal: AbortSignal): AsyncIterable<string>;
  close(): Promise<void>;
}

/** The largest answer that is read: a page of 500 ReplicaSets with large templates. */
const MOST_BYTES = 32 * 1024 * 1024;

export function createKubeTransport(access: ClusterAccess, timeoutMs: Milliseconds = 10_000): KubeTransport {
  const base = new URL(access.server);
  const prefix = base.pathname.replace(/\/+$/, "");
  let agent: { readonly certificate: string | undefined; readonly dispatcher: Agent } | undefined;

  function agentFor({ certificate, key }: Credential): Agent {
    if (agent !== undefined && agent.certificate === certificate) return agent.dispatcher;
    void agent?.dispatcher.close();
    const connect = {
      ...(access.authorities === undefined ? {} : { ca: access.authorities }),
      ...(access.serverName === undefined ? {} : { servername: access.serverName }),
      ...(certificate === undefined || key === undefined ? {} : { cert: certificate, key }),
      timeout: timeoutMs,
    };
    agent = { certificate, dispatcher: new Agent({ connect, bodyTimeout: 0, headersTimeout: 0 }) };
    return agent.dispatcher;
  }

  async function send(call: KubeCall, fresh: boolean, signal: AbortSignal) {
    signal.throwIfAborted();
    const credential = await access.credential(fresh, signal);
    return agentFor(credential).request({
      origin: base.origin,
      path: `${prefix}${call.path}`,
      method: call.method,
      headers: headersOf(call, credential),
      body: call.body === undefined ? null : JSON.stringify(call.body),
      signal,
    });
  }

  /** A credential that was turned down is renewed once: tokens rotate, plugins cache. */
  async function sendTwice(call: KubeCall, signal: AbortSignal) {
    const first = await send(call, false, signal);
    if (first.statusCode !== 401) return first;
    await first.body.dump();
    return send(call, true, signal);
  }

  return {
    async call(call, signal) {
      try {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
        const response = await sendTwice(call, limit);
        return { kind: "answer", status: response.statusCode, body: await jsonOf(response.body) };
      } catch (error) {
        return { kind: "silence", reason: silenceOf(error) };
      }
    },
    async *lines(path, signal) {
      const response = await sendTwice({ method: "GET", path }, signal);
      if (response.statusCode !== 200) {
        const body = await jsonOf(response.body);
        throw new Error(`${response.statusCode}: ${text(body["message"]).slice(0, 200)}`);
      }
      let rest = "";
      for await (const chunk of response.body.setEncoding("utf8")) {
        const parts = `${rest}${chunk as string}`.split("\n");
        rest = parts.pop() as string;
        yield* parts;
      }
    },
    close: async () => agent?.dispatcher.destroy(),
  };
}

function headersOf({ patch, body }: KubeCall, { token }: Credential): Record<string, string> {
  return {
    accept: "application/json",
    "user-agent": "rollbook",
    ...(body === undefined ? {} : { "content-type": patch ? `application/${patch}+json` : "application/json" }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
}

/** An answer that is no JSON object has no fields; its status still counts. */
async function jsonOf(body: AsyncIterable<Uint8Array>): Promise<Fields> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MOST_BYTES) throw new Error("the answer is larger than 32 MiB");
    chunks.push(chunk);
  }
  try {
    return fields(JSON.parse(Buffer.concat(chunks).toString("utf8")));
  } catch {
    return {};
  }
}

function silenceOf(error: unknown): string {
  if (!(error instanceof Error)) return "no answer";
  if (error.name === "TimeoutError") return "no answer in time";
  if (error.name === "AbortError") return "the call was aborted";
  const code = "code" in error && typeof error.code === "string" ? ` (${error.code})` : "";
  return `no answer${code}: ${error.message}`;
}
