import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatDuration, minuteOfWeek, parseDuration, seasonWords } from "./time.ts";

describe("a duration", () => {
  const readings = {
    "250ms": 250,
    "30s": 30_000,
    "15m": 900_000,
    "1h": 3_600_000,
    "14d": 1_209_600_000,
    "1.5s": 1500,
    " 2s ": 2000,
    "0s": 0,
  };
  for (const [text, span] of Object.entries(readings))
    it(`reads ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), span));

  for (const text of ["", "5", "s", "-5s", "5 s", "5S", "5min", "1h30m", ".5s", "1.s", "1e3s", "5s5s", "٣s"])
    it(`does not read ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), undefined));

  const sayings: readonly (readonly [number, string])[] = [
    [0, "0 ms"],
    [999, "999 ms"],
    [1000, "1.0 s"],
    [12_345, "12.3 s"],
    [999.6, "1.0 s"],
    [59_960, "1 min 0 s"],
    [60_000, "1 min 0 s"],
    [119_700, "2 min 0 s"],
    [3_599_800, "1 h 0 min"],
    [310_000, "5 min 10 s"],
    [3_600_000, "1 h 0 min"],
    [7_500_000, "2 h 5 min"],
    [14 * 86_400_000, "14 d 0 h"],
  ];
  for (const [span, text] of sayings) it(`says ${text}`, () => assert.equal(formatDuration(span), text));
});

describe("an hour of an earlier week", () => {
  const tuesday = Date.UTC(2026, 5, 2, 14);
  const week = 604_800_000;

  it("is named by its day, its time and how many weeks ago it was", () => {
    assert.equal(minuteOfWeek(tuesday + 59_999), "Tuesday 14:00 UTC");
    assert.equal(minuteOfWeek(tuesday + 5 * 86_400_000 + 60_000), "Sunday 14:01 UTC");
    assert.equal(seasonWords(tuesday, tuesday + week), "Tuesday 14:00 UTC, a week before");
    assert.equal(seasonWords(tuesday, tuesday + week + 3_599_999), "Tuesday 14:00 UTC, a week before");
    assert.equal(seasonWords(tuesday, tuesday + 3 * week), "Tuesday 14:00 UTC, 3 weeks before");
  });
});
