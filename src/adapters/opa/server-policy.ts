import type { Policy, PolicyAnswer } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { type HttpAnswer, send } from "../http/http-call.ts";
import { ruleAt } from "./address.ts";
import { answerOf } from "./result.ts";

export interface OpaServerOptions {
  /** Scheme of the addresses: the connection's name. */
  readonly scheme: string;
  /** Base URL of the server, `http://127.0.0.1:8181` say, without a trailing slash. */
  readonly url: string;
  /** Sent as a bearer token (`opa run --authentication=token`). */
  readonly token?: string;
  readonly fetch?: typeof globalThis.fetch;
  /** Of one decision, answer included; 1 s without it. */
  readonly timeoutMs?: Milliseconds;
}

/**
 * Asks a rule of an OPA server by its Data API: `POST /v1/data/PACKAGE/RULE` with `{ input }`. An undefined rule is a
 * 200 without `result` (OPA's REST API). Built-in functions that fail are asked to be errors: without that a set of
 * objections would only be smaller. Never throws.
 */
export function createOpaServerPolicy({ scheme, url, token, fetch, timeoutMs = 1000 }: OpaServerOptions): Policy {
  return {
    name: scheme,
    serves: (at) => ruleAt(scheme, at) !== undefined,
    async decide(at, question, signal) {
      const rule = ruleAt(scheme, at);
      if (!rule) return { kind: "unreachable", reason: `${at} is not ${scheme}://PACKAGE/RULE` };
      const path = rule.map(encodeURIComponent).join("/");
      const answer = await send(
        fetch ?? globalThis.fetch,
        `${url}/v1/data/${path}?provenance=true&strict-builtin-errors=true`,
        {
          method: "POST",
          headers: {
            "content-type": "application/json",
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
          body: JSON.stringify({ input: question }),
        },
        AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      );
      return decidedIn(rule, answer);
    },
  };
}

function decidedIn(rule: readonly string[], answer: HttpAnswer): PolicyAnswer {
  if (answer.kind === "silence") return { kind: "unreachable", reason: `the OPA server: ${answer.reason}` };
  const { status, body } = answer;
  if (status !== 200) return { kind: "unreachable", reason: `the OPA server answers ${status}${flawIn(body)}` };
  if (!("result" in body)) {
    if ("provenance" in body) return { kind: "undefined", reason: `data.${rule.join(".")} is undefined` };
    return { kind: "unreachable", reason: "the answer is not one of OPA's Data API" };
  }
  return answerOf(rule, body["result"], decisionIn(body));
}

/** OPA's own words: `{ code, message, errors: [{ message }] }`. */
function flawIn(body: Readonly<Record<string, unknown>>): string {
  const { message, errors } = body;
  const first = Array.isArray(errors) ? (errors[0] as { readonly message?: unknown } | undefined)?.message : undefined;
  const said = [message, first].filter((text) => typeof text === "string").join(": ");
  return said === "" ? "" : `: ${said.slice(0, 300)}`;
}

/** By what the decision can be found again: its id in the decision log, and the revisions of the bundles behind it. */
function decisionIn({ decision_id: id, provenance }: Readonly<Record<string, unknown>>): string | undefined {
  const { bundles, revision, version } = (provenance ?? {}) as Readonly<Record<string, unknown>>;
  const revisions = Object.entries((bundles ?? {}) as Record<string, { readonly revision?: string } | null>).map(
    ([name, bundle]) => `bundle ${name}@${bundle?.revision || "no revision"}`,
  );
  const parts = [
    ...(typeof id === "string" ? [`decision ${id}`] : []),
    ...revisions,
    ...(typeof revision === "string" ? [`revision ${revision}`] : []),
    ...(typeof version === "string" ? [`OPA ${version}`] : []),
  ];
  return parts.length > 0 ? parts.join(", ").slice(0, 500) : undefined;
}
