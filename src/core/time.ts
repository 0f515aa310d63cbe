/** A span of time in milliseconds. */
export type Milliseconds = number;

/** A moment, in milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number;

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Reads `30s`, `15m`, `1h`, `14d`, `250ms`; answers undefined for anything else. */
export function parseDuration(text: string): Milliseconds | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  return match ? Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] : undefined;
}

/** Writes a span as people say it: `0.4 s`, `12.3 s`, `5 min 10 s`, `2 h 5 min`. */
export function formatDuration(span: Milliseconds): string {
  // Rounded before it is split, so that no part reaches its whole: never `1000 ms`, `60.0 s` or `1 min 60 s`.
  if (Math.round(span) < 1000) return `${Math.round(span)} ms`;
  if (span < 59_950) return `${(span / 1000).toFixed(1)} s`;
  const seconds = Math.round(span / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
const WEEK: Milliseconds = 7 * UNITS.d;

/** `Tuesday 14:00 UTC`. */
export function minuteOfWeek(at: Instant): string {
  const date = new Date(at);
  return `${DAYS[date.getUTCDay()]} ${date.toISOString().slice(11, 16)} UTC`;
}

/** An hour of an earlier week, as people say it: `Tuesday 14:00 UTC, a week before`. */
export function seasonWords(season: Instant, at: Instant): string {
  const weeks = Math.floor((at - season) / WEEK);
  return `${minuteOfWeek(season)}, ${weeks === 1 ? "a week" : `${weeks} weeks`} before`;
}
