import type { Instant } from "../../core/time.ts";

/** One time series; the values are texts, as the server writes them (`NaN` and `+Inf` are possible). */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [at: Instant, value: string])[];
}

export type Answer<T> =
  | { readonly kind: "ok"; readonly value: T }
  | { readonly kind: "failed"; readonly reason: string };

/** The series in the `data` of an answer to a query or a range query; anything else is not for counting. */
export function seriesOf(data: object): Answer<readonly Series[]> {
  const { resultType, result } = data as { resultType?: unknown; result?: unknown };
  if ((resultType !== "vector" && resultType !== "matrix") || !Array.isArray(result)) {
    return { kind: "failed", reason: `the expression yields a ${String(resultType)}, not series` };
  }
  const found: Series[] = [];
  for (const one of result as readonly Record<string, unknown>[]) {
    const points = resultType === "vector" ? [one["value"]] : one["values"];
    // A native histogram has no `value`: it is no counter.
    if (!Array.isArray(points) || !points.every(isPoint)) {
      return { kind: "failed", reason: "a series has no plain values (a native histogram?)" };
    }
    const labels = (one["metric"] ?? {}) as Record<string, string>;
    found.push({ labels, points: points.map(([at, value]) => [Math.round(at * 1000), value]) });
  }
  return { kind: "ok", value: found };
}

/** Names what was scraped, by the labels that Prometheus gives every scraped series; undefined without them. */
export function targetOf({ job, instance }: Readonly<Record<string, string>>): string | undefined {
  return job === undefined || instance === undefined ? undefined : JSON.stringify([job, instance]);
}

function isPoint(point: unknown): point is [number, string] {
  return Array.isArray(point) && typeof point[0] === "number" && typeof point[1] === "string";
}
