import type { Clock } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { silenceOf, textWithin } from "../bounded-answer.ts";

/** What the API answered. `limited`: it took nothing in, and asks to wait. `silence`: it may have taken it in. */
export type ApiAnswer =
  | { readonly kind: "answer"; readonly status: number; readonly body: unknown }
  | { readonly kind: "limited"; readonly waitMs: Milliseconds }
  | { readonly kind: "silence"; readonly reason: string };

export interface ApiCall {
  readonly method?: "GET" | "PATCH";
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiOptions {
  readonly base: string;
  readonly headers: (path: string) => Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly fetch?: typeof globalThis.fetch;
  /** Of one call, answer included. */
  readonly timeoutMs: Milliseconds;
  /** The longest wait for a rate limit; what asks for more is answered `limited`. */
  readonly patienceMs: Milliseconds;
  readonly maxBytes: number;
}

/** Calls one LaunchDarkly service; never throws. */
export interface Api {
  /** Waits for rate limits as it is told, as long as its patience lasts; a GET is then sent again. */
  get(path: string, signal: AbortSignal): Promise<ApiAnswer>;
  /** Sent once. After `limited` the caller looks again before it repeats. */
  patch(call: Omit<ApiCall, "method">, signal: AbortSignal): Promise<ApiAnswer>;
}

/** LaunchDarkly counts requests in windows of ten seconds. */
const WINDOW_MS = 10_000;

export function createApi(options: ApiOptions): Api {
  const { clock, patienceMs } = options;
  let blockedUntil = 0;

  async function send(call: ApiCall, signal: AbortSignal): Promise<ApiAnswer> {
    // All callers of this connection share its limit: nobody calls before it is over. Whoever asks again at once after
    // `limited` waits here once more, so that a caller with few attempts does not use them up.
    const waitMs = blockedUntil - clock.now();
    if (waitMs > 0) await clock.sleep(Math.min(waitMs + 1, patienceMs), signal);
    const leftMs = blockedUntil - clock.now();
    if (leftMs > 0) return { kind: "limited", waitMs: leftMs };
    const answer = await exchange(options, call, signal);
    if (answer.kind === "limited") blockedUntil = Math.max(blockedUntil, clock.now() + answer.waitMs);
    return answer;
  }

  return {
    async get(path, signal) {
      const until = clock.now() + patienceMs;
      for (;;) {
        const answer = await send({ path }, signal);
        if (answer.kind !== "limited" || signal.aborted || clock.now() + answer.waitMs > until) return answer;
      }
    },
    patch: (call, signal) => send({ ...call, method: "PATCH" }, signal),
  };
}

async function exchange(options: ApiOptions, call: ApiCall, signal: AbortSignal): Promise<ApiAnswer> {
  if (signal.aborted) return { kind: "silence", reason: "the call was aborted" };
  try {
    const response = await (options.fetch ?? globalThis.fetch)(`${options.base}${call.path}`, {
      method: call.method ?? "GET",
      headers: { ...options.headers(call.path), ...call.headers },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]),
    });
    const text = await textWithin(response, options.maxBytes);
    if (response.status === 429) return { kind: "limited", waitMs: waitIn(response.headers, options.clock.now()) };
    if (text === undefined) return { kind: "silence", reason: `the answer is larger than ${options.maxBytes} bytes` };
    return { kind: "answer", status: response.status, body: jsonOf(text) };
  } catch (error) {
    return { kind: "silence", reason: silenceOf(error) };
  }
}

/**
 * `Retry-After` in seconds (limits by address), or `X-Ratelimit-Reset` in epoch milliseconds (limits by account and by
 * route), see LaunchDarkly's API documentation, "Rate limiting". A clock that is wrong cannot make it more than a window.
 */
function waitIn(headers: Headers, now: number): Milliseconds {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  if (Number.isFinite(seconds) && seconds >= 0) return seconds * 1000 + jitter();
  const reset = Number(headers.get("x-ratelimit-reset") ?? Number.NaN);
  const wait = Number.isFinite(reset) ? reset - now : WINDOW_MS;
  return Math.min(WINDOW_MS, Math.max(0, wait)) + jitter();
}

/** So that several controllers do not come back in the same millisecond. */
const jitter = () => 10 + Math.round(Math.random() * 90);

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
