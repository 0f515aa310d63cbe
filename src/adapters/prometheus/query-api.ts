import type { Instant, Milliseconds } from "../../core/time.ts";
import { type Answer, type Series, seriesOf, targetOf } from "./series.ts";
import { createServer, type ServerAccess, type ServerAnswer } from "./server-call.ts";

/** What is asked of a Prometheus-compatible server (Prometheus, Thanos, Mimir, VictoriaMetrics). None of it throws. */
export interface QueryApi {
  /** The server's clock: sample times are compared with it and never with ours. */
  now(signal: AbortSignal): Promise<Answer<Instant>>;
  /** An expression at one moment; a range selector answers raw samples with their own timestamps. */
  query(promql: string, at: Instant, signal: AbortSignal): Promise<Answer<readonly Series[]>>;
  queryRange(
    promql: string,
    span: { readonly from: Instant; readonly to: Instant; readonly step: Milliseconds },
    signal: AbortSignal,
  ): Promise<Answer<readonly Series[]>>;
  /** The scrape interval of each active target by `targetOf` its labels; needs leave to read /api/v1/targets. */
  scrapeIntervals(signal: AbortSignal): Promise<Answer<ReadonlyMap<string, Milliseconds>>>;
  close(): Promise<void>;
}

/**
 * The HTTP API of Prometheus: https://prometheus.io/docs/prometheus/latest/querying/api/
 * An answer with warnings counts as failed: it may lack series, and a series that comes back would look new.
 */
export function createQueryApi(access: ServerAccess): QueryApi {
  const server = createServer(access);
  const timeout = `${server.timeoutMs}ms`;

  async function series(path: string, query: Record<string, string>, signal: AbortSignal) {
    const data = dataOf(await server.call(path, new URLSearchParams({ ...query, timeout }), signal));
    return data.kind === "failed" ? data : seriesOf(data.value);
  }

  return {
    async now(signal) {
      const query = new URLSearchParams({ query: "time()", timeout });
      const data = dataOf(await server.call("/api/v1/query", query, signal));
      if (data.kind === "failed") return data;
      const result = (data.value as { result?: unknown }).result;
      const seconds = Array.isArray(result) ? Number(result[1]) : Number.NaN;
      return Number.isFinite(seconds)
        ? { kind: "ok", value: Math.round(seconds * 1000) }
        : { kind: "failed", reason: "the server does not tell its time: is it a Prometheus query API?" };
    },
    query: (promql, at, signal) => series("/api/v1/query", { query: promql, time: seconds(at) }, signal),
    queryRange: (promql, { from, to, step }, signal) =>
      series(
        "/api/v1/query_range",
        { query: promql, start: seconds(from), end: seconds(to), step: seconds(step) },
        signal,
      ),
    async scrapeIntervals(signal) {
      const query = new URLSearchParams({ state: "active" });
      const data = dataOf(await server.call("/api/v1/targets", query, signal));
      return data.kind === "failed" ? data : { kind: "ok", value: intervalsIn(data.value) };
    },
    close: () => server.close(),
  };
}

const seconds = (span: number): string => (span / 1000).toFixed(3);

function dataOf(answer: ServerAnswer): Answer<object> {
  if (answer.kind === "silence") return { kind: "failed", reason: answer.reason };
  const { status, data, error, errorType, warnings } = (answer.body ?? {}) as Record<string, unknown>;
  if (answer.status !== 200 || status !== "success") {
    const said = typeof error === "string" ? `: ${typeof errorType === "string" ? `${errorType}: ` : ""}${error}` : "";
    return { kind: "failed", reason: `the server answers ${answer.status}${said}`.slice(0, 400) };
  }
  if (Array.isArray(warnings) && warnings.length > 0) {
    return { kind: "failed", reason: `the answer may be incomplete: ${warnings.join("; ")}`.slice(0, 400) };
  }
  if (typeof data !== "object" || data === null) return { kind: "failed", reason: "the answer has no data" };
  return { kind: "ok", value: data };
}

function intervalsIn(data: object): ReadonlyMap<string, Milliseconds> {
  const intervals = new Map<string, Milliseconds>();
  const { activeTargets } = data as { activeTargets?: unknown };
  if (!Array.isArray(activeTargets)) return intervals;
  for (const { labels, scrapeInterval } of activeTargets as readonly Record<string, unknown>[]) {
    const target = targetOf((labels ?? {}) as Record<string, string>);
    const interval = typeof scrapeInterval === "string" ? goDuration(scrapeInterval) : undefined;
    if (target !== undefined && interval !== undefined) intervals.set(target, interval);
  }
  return intervals;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `15s`, `1m30s`, `500ms`. */
function goDuration(text: string): Milliseconds | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  const span = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * UNITS[unit!]!,
    0,
  );
  return span > 0 ? span : undefined;
}
