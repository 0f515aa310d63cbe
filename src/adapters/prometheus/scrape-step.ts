import type { Instant, Milliseconds } from "../../core/time.ts";
import type { QueryApi } from "./query-api.ts";
import { type Series, targetOf } from "./series.ts";

/**
 * The longest scrape interval behind these series: from the server's list of targets when that is allowed, else from the
 * distance of their latest samples. Undefined when neither tells.
 */
export async function learnStep(
  api: QueryApi,
  series: readonly Series[],
  selectors: readonly string[],
  now: Instant,
  signal: AbortSignal,
): Promise<Milliseconds | undefined> {
  const intervals = await api.scrapeIntervals(signal);
  const declared = series.flatMap(({ labels }) => {
    const interval = intervals.kind === "ok" ? intervals.value.get(targetOf(labels) ?? "") : undefined;
    return interval === undefined ? [] : [interval];
  });
  if (declared.length > 0) return Math.max(...declared);
  const gaps: number[] = [];
  for (const selector of new Set(selectors)) {
    const recent = await api.query(`${selector}[10m]`, now, signal);
    if (recent.kind === "failed") continue;
    for (const { points } of recent.value) {
      const spans = points.slice(1).map(([at], index) => at - points[index]![0]);
      if (spans.length >= 2) gaps.push(spans.sort((a, b) => a - b)[Math.floor(spans.length / 2)]!);
    }
  }
  return gaps.length > 0 ? Math.max(...gaps) : undefined;
}
