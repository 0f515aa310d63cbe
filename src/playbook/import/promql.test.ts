import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { runs } from "../../testing/runs.fixture.ts";
import { readQuery, readSelector, sayCounter } from "./promql.ts";

/** What is measured, in short. */
function measured(query: string): string {
  const found = readQuery(query);
  if (!found) return "unknown";
  if (found.kind === "quantile") return `${found.quantile} of ${sayCounter(found.buckets)}`;
  const share = `${sayCounter(found.part)} of ${sayCounter(found.of)}`;
  return `${found.complement ? "1 - " : ""}${share}${found.scale === 1 ? "" : ` * ${found.scale}`}`;
}

const ratio = 'sum(rate(r{a="x", code!~"5.*"}[5m])) / sum(rate(r{a="x"}[5m]))';
const share = 'r{a="x", code!~"5.*"} of r{a="x"}';

const queries: readonly (readonly [query: string, says: string])[] = [
  [ratio, share],
  [`${ratio} * 100`, `${share} * 100`],
  [`100 * (${ratio})`, `${share} * 100`],
  [`100 * sum(rate(a[1m])) / sum(rate(b[1m]))`, "a of b * 100"],
  [`100 - ${ratio} * 100`, `1 - ${share} * 100`],
  [`1 - (${ratio})`, `1 - ${share}`],
  [`1 - (1 - (${ratio}))`, share],
  ["(sum(rate(all[1m])) - sum(rate(good[1m]))) / sum(rate(all[1m]))", "1 - good of all"],
  ["(sum(rate(x[1m])) - sum(rate(good[1m]))) / sum(rate(all[1m]))", "unknown"],
  ["sum(increase(a[1m])) by (job) / sum by (job) (increase(b[1m]))", "a of b"],
  ["(sum(irate(a[1m])) or vector(0)) / sum(irate(b[1m]))", "a of b"],
  ["sum(irate(a[1m])) / sum(irate(b[1m])) or vector(0)", "a of b"],
  ["sum(irate(a[1m])) or vector(0) / sum(irate(b[1m]))", "unknown"],
  ['# bad by all\nscalar(sum(rate(a{m=~"[/]-*"}[{{interval}}]))) / sum(rate(b[5m]))', 'a{m=~"[/]-*"} of b'],
  ["histogram_quantile(0.99, sum(rate(t_bucket{x='y'}[30s])) by (le))", '0.99 of t_bucket{x="y"}'],
  ["histogram_quantile(.5, rate(t_bucket[30s]))", "0.5 of t_bucket"],
  ["histogram_quantile(0.99, sum(rate(t[30s])) by (le))", "unknown"],
  ["histogram_quantile(0.99, sum(rate(t_bucket[30s])) by (le)) * 1000", "unknown"],
  ["sum(rate(a[1m]))", "unknown"],
  ["a / b", "unknown"],
  ["avg_over_time(a[5m])", "unknown"],
  ["99 - sum(rate(a[1m])) / sum(rate(b[1m])) * 100", "unknown"],
  ["100 - sum(rate(a[1m])) / sum(rate(b[1m]))", "unknown"],
  ["sum(rate(a[1m])) / sum(rate(b[1m])) * 60", "unknown"],
  ["x".repeat(6000), "unknown"],
];

for (const [query, says] of queries) {
  test(`a query measures ${says}: ${query.slice(0, 60)}`, () => assert.equal(measured(query), says));
}

test("selectors are read and written alike; what is none is none", () => {
  const text = 'm:x{a="1", b!="2", c=~"3|}", d!~"4,"}';
  assert.equal(sayCounter(readSelector(text)), text);
  assert.equal(sayCounter(readSelector(" up ")), "up");
  assert.equal(readSelector("up{a}"), undefined);
  assert.equal(readSelector("sum(up)"), undefined);
  assert.equal(sayCounter(undefined), "");
});

test("no text throws, or takes long", () => {
  const pieces = fc.constantFrom(
    "sum(",
    "rate(",
    "a",
    '{x="y"}',
    "[5m]",
    ")",
    "/",
    "*",
    "100",
    "-",
    "histogram_quantile(0.9,",
    " ",
    "or vector(0)",
    "'",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 200 }), (parts) => {
      assert.equal(typeof measured(parts.join("")), "string");
    }),
    { numRuns: runs(1000) },
  );
});
