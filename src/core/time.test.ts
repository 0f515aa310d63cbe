import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatDuration, parseDuration } from "./time.ts";

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
