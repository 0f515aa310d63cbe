import type { Instant } from "../../core/time.ts";

/** What a text holds, or why it does not hold it. */
export type Read<Value> = { readonly value: Value } | { readonly flaw: string };

const ISO = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)\s?(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i;
const EPOCH = /^\d{1,13}(?:\.\d+)?$/;
/** Of epoch numbers, from here on milliseconds: 1973 as such, 5138 as seconds. */
const MILLISECONDS_FROM = 1e11;

/**
 * A moment: ISO 8601 with a time zone, or seconds or milliseconds since 1970. Without a zone it could be any of twenty-four
 * hours, so it is refused.
 */
export function readTime(text: string): Read<Instant> {
  const bare = text.trim();
  if (bare === "") return { flaw: "the time is empty" };
  if (EPOCH.test(bare)) {
    const number = Number(bare);
    return { value: number < MILLISECONDS_FROM ? Math.round(number * 1000) : Math.floor(number) };
  }
  if (/^\d{14,}$/.test(bare))
    return { flaw: `${bare} is no time in seconds or milliseconds since 1970; divide it by 1000` };
  const match = ISO.exec(bare);
  if (!match) return { flaw: `"${bare.slice(0, 40)}" is no time: write 2026-01-31T12:00:00Z, or seconds since 1970` };
  const [, date, clock, zone] = match;
  if (zone === undefined) return { flaw: `${bare} has no time zone: write Z or +01:00 after it` };
  const full = `${date}T${clock!.replace(",", ".")}${zoneOf(zone)}`;
  const at = Date.parse(full);
  // Date.parse takes 31 February for a day in March.
  const day = Number(date!.slice(8));
  const days = new Date(Date.UTC(Number(date!.slice(0, 4)), Number(date!.slice(5, 7)), 0)).getUTCDate();
  return Number.isNaN(at) || day > days ? { flaw: `there is no such time as ${bare}` } : { value: at };
}

function zoneOf(zone: string): string {
  if (/^(Z|UTC)$/i.test(zone)) return "Z";
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

/** A count: digits, as spreadsheets and data frames write whole numbers (`12` or `12.0`). */
export function readCount(text: string): Read<number> {
  const bare = text.trim();
  if (/^\d+(?:\.0)?$/.test(bare)) {
    const value = Number(bare);
    return Number.isSafeInteger(value) ? { value } : { flaw: `${bare} is too large a count` };
  }
  if (bare === "") return { flaw: "the count is empty; write 0 where nothing was counted" };
  if (/^\d{1,3}(?:[,.'’_\s]\d{3})+$/.test(bare))
    return { flaw: `${bare} has thousands separators; write digits alone` };
  if (/^\d+,\d+$/.test(bare)) return { flaw: `${bare} has a decimal comma; a count is a whole number` };
  if (/^-/.test(bare)) return { flaw: `${bare} is negative; a count is not` };
  if (/^\d*\.\d+$/.test(bare)) return { flaw: `${bare} is no whole number: counts are wanted, no rates` };
  return { flaw: `"${bare.slice(0, 40)}" is no count` };
}

/** What happened to one answer: 1 or 0, true or false; nothing where it is not known. */
export function readOutcome(text: string): Read<0 | 1 | undefined> {
  const bare = text.trim().toLowerCase();
  if (bare === "") return { value: undefined };
  if (bare === "1" || bare === "1.0" || bare === "true") return { value: 1 };
  if (bare === "0" || bare === "0.0" || bare === "false") return { value: 0 };
  return {
    flaw: `"${bare.slice(0, 40)}" is no outcome of one answer: write 1 or 0; for counts, add a column of the whole`,
  };
}

/** A measured value, with a decimal point. */
export function readValue(text: string): Read<number | undefined> {
  const bare = text.trim();
  if (bare === "") return { value: undefined };
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(bare)) return { value: Number(bare) };
  if (/^[+-]?\d+,\d+$/.test(bare)) return { flaw: `${bare} has a decimal comma; write a point` };
  return { flaw: `"${bare.slice(0, 40)}" is no number` };
}
