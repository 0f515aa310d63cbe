import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runLine } from "./run-line.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "rollbook-backtest-"));
after(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, content: string): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

const playbook = fileOf(
  "search.yaml",
  `rollbook: v1
system: search
owner: search-team
risk: medium
authority: observe
traffic: 100 requests/s
what: { model: { at: "http://llm/components/model", undo: redeploy }, route: "gateway://search" }
signals:
  errors: { share: failed, of: requests, from: events, better: down }
when:
  more-errors: { errors: rises, by: 50%, costs: 2 EUR }
  meltdown: { hard: errors > 20%, over: 10s, min: 50 }
false-alarms: 1 in 1000 releases
how:
  release: { canary: [5, 25, 50, 95], each: 1m, holdback: 5% }
  contain: stable
  within: 60s
fixed: { errors: { below: 1.5% }, for: 5m }
who: { now: [page://dashboard] }
`,
);

const START = Date.parse("2026-10-01T00:00:00Z") / 1000;
const row = (second: number, release: string, n: number, k: number) => `${START + second},${release},${n},${k}`;
const times = (from: number, to: number, line: (second: number) => string) =>
  Array.from({ length: to - from }, (_, index) => line(from + index));

/** Stable has one bad answer in a hundred; the first candidate is like it, the second one eight times as bad. */
const month = fileOf(
  "october.csv",
  [
    "time,release,requests,failed",
    ...times(0, 4000, (second) => row(second, "v1", 100, 1)),
    ...times(200, 1500, (second) => row(second, "v2", 10, second % 20 === 0 ? 1 : 0)),
    ...times(2000, 4000, (second) => row(second, "v3", 25, 2)),
  ].join("\n"),
);

const said = async (...args: readonly string[]) => {
  const { exit, out, say } = await runLine(["backtest", playbook, "--data", month, ...args]);
  assert.equal(exit, 0, say);
  return out;
};

test("a month of releases: how many would have gone back, when, why, and what that spares", async () => {
  const out = await said();
  for (const sentence of [
    /^search: would have rolled back 1 of 2 releases\.$/m,
    /^Of 1,000 releases that do no harm at most one is rolled back\.$/m,
    /october\.csv: CSV, a column for each outcome, 7,300 rows$/m,
    /^recorded 2026-10-01 00:00:00Z to 2026-10-01 01:06:40Z, 1 h 6 min$/m,
    /^v2 beside v1: would have been promoted after 4 min \d+ s, at 2026-10-01 00:0\d:\d\dZ$/m,
    /^v3 beside v1: WOULD HAVE BEEN ROLLED BACK after \d+\.\d s, at 2026-10-01 00:33:\d\dZ$/m,
    /compared with v1 at the same time; forecast from 200,000 observations of v1 before it/,
    /because of more-errors \(errors rise by more than 50 %\); evidence [\d,]+ : 1, and 1,000 : 1 is asked/,
    /more-errors +errors rise by more than 50 % +fires after \d+\.\d s +[\d,]+ : 1 +\d+ of \d+, stable \d+ of/,
    /meltdown +errors > 20 % +never +raw threshold/,
    /errors: {2}\d+ of \d+ \(8 %, 95 % [\d.]+ % to [\d.]+ %\) failed {2}v1 \d+ of [\d,]+ \(1 %, .*\) {2}\d+ more than at stable's rate, \d+ EUR/,
    /going back would have spared 3,\d+ failed, 6,\d+ EUR/,
  ])
    assert.match(out, sentence);
});

test("one release alone, and as data", async () => {
  const out = await said("--candidate", "v2", "--json");
  const { releases, wouldHaveRolledBack, replays } = JSON.parse(out) as {
    readonly releases: number;
    readonly wouldHaveRolledBack: number;
    readonly replays: readonly { readonly candidate: string; readonly verdict: { readonly kind: string } }[];
  };
  assert.deepEqual([releases, wouldHaveRolledBack, replays.length], [1, 0, 1]);
  assert.deepEqual([replays[0]?.candidate, replays[0]?.verdict.kind], ["v2", "healthy"]);
});

test("coarse rows, nothing beside, columns of others and missing data are told", async () => {
  const rows = [
    ...times(0, 30, (minute) => `${row(60 * minute, "v1", 6000, 60)},x`),
    ...times(30, 60, (minute) => `${row(60 * minute, "v2", 6000, 66)},x`),
  ];
  const data = fileOf("switch.csv", ["time,release,requests,failed,region", ...rows].join("\n"));
  const { out } = await runLine(["backtest", playbook, "--data", data]);
  assert.match(out, /not in the playbook: region/);
  assert.match(out, /a row stands for 1 min 0 s, and is known at its end/);
  assert.match(
    out,
    /v2 beside v1: .*\n.*nothing served beside it, so it is compared with 180,000 observations of v1 before it/,
  );
});

test("a playbook with errors is shown with them, and wrong data with its place", async () => {
  const broken = await runLine(["backtest", fileOf("broken.yaml", "rollbook: v1\n"), "--data", month]);
  assert.deepEqual([broken.exit, broken.out], [3, ""]);
  assert.match(broken.say, /system/);
  const data = fileOf("wrong.csv", "time,release,requests,failed\nnoon,v1,1,0\n");
  const wrong = await runLine(["backtest", playbook, "--data", data, "--json"]);
  assert.deepEqual([wrong.exit, wrong.out], [3, ""]);
  assert.match(wrong.say, /wrong\.csv:2:1 \(time\): "noon" is no time/);
  assert.equal((await runLine(["backtest", playbook])).exit, 2);
  assert.equal((await runLine(["backtest", playbook, "--data", month, "--from", "noon"])).exit, 2);
  assert.equal((await runLine(["backtest", playbook, "--data", month, "--fail-on-harm"])).exit, 13);
});
