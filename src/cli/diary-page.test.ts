import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Diary, diaryPage, diarySince } from "./diary-page.ts";
import { eventLine, evidenceBar, isRepeat, type ShownEvent } from "./event-line.ts";

const DAY = 86_400_000;
const entry = (rollout: string, startedAt: number) => ({
  rollout,
  candidate: `model ${rollout}`,
  unannounced: false,
  startedAt,
  end: "promoted",
});
const diary: Diary = {
  system: "loan-approval",
  authority: "observe",
  falseAlarms: 0.001,
  releases: 3,
  wouldHaveRolledBack: 2,
  keptByPeople: 1,
  expectedFalseAlarms: 0.003,
  entries: [
    {
      ...entry("14", 20 * DAY),
      unannounced: true,
      end: "rolled back | by hand",
      wouldHave: {
        at: 20 * DAY + 60_000,
        after: 60_000,
        because: ["rising-losses"],
        keptByPeople: false,
        saved: [{ signal: "losses", bad: "defaulted", n: 4000, k: 480, excess: 310 }],
      },
    },
    {
      ...entry("13", 10 * DAY),
      wouldHave: {
        at: 10 * DAY,
        after: 5000,
        because: ["slow"],
        keptByPeople: true,
        saved: [{ signal: "losses", bad: "defaulted", n: 1000, k: 40, excess: -2 }],
      },
    },
    entry("12", DAY),
  ],
  drifts: [
    {
      at: 25 * DAY,
      release: "model 13",
      because: [{ name: "rising-losses", claim: "losses rise by more than 60 %", since: 24 * DAY }],
    },
  ],
};

describe("the page of what observing has seen", () => {
  test("says in plain sentences what would have been, what it saves and costs, and what it does not say", () => {
    const page = diaryPage(diary, { markdown: false, now: 30 * DAY });
    assert.match(
      page,
      /From 1970-01-02 to 1970-01-31 Rollbook watched 3 releases and changed nothing\. It would have rolled back 2 of them\. 1 came unannounced/,
    );
    assert.match(
      page,
      /losses: after the moments at which it would have gone back, 520 of 5,000 were bad \(defaulted\); 308 more than/,
    );
    assert.match(page, /at most 1 in 1,000, however often one looks: among 3 releases, at most 0\.0030 to be expected/);
    assert.match(page, /People kept 1 of the 2 all the same/);
    assert.match(
      page,
      /model 14 \(unannounced\) {2}1970-01-21 {2}after 1 min 0 s +rising-losses +310 losses +did not keep it/,
    );
    assert.match(
      page,
      /Drift between releases\n\n {2}model 13: rising-losses \("losses rise by more than 60 %"\) since about 1970-01-25; people were told on 1970-01-26, and nothing was done\./,
    );
    assert.match(page, /settle who was right, before you write `authority: act`/);
  });

  test("is a page of Markdown with a table that nothing in it can break", () => {
    const page = diaryPage(diary, { markdown: true, now: 30 * DAY });
    const rows = page.split("\n").filter((line) => line.startsWith("|"));
    assert.equal(rows.length, 5);
    for (const row of rows) assert.equal(row.replaceAll("\\|", "").split("|").length, 9, row);
    assert.match(page, /^# What Rollbook would have done: loan-approval\n/);
  });

  test("counts anew when it is asked for less", () => {
    const less = diarySince(diary, 15 * DAY);
    assert.deepEqual(
      [less.releases, less.wouldHaveRolledBack, less.keptByPeople, less.expectedFalseAlarms],
      [1, 1, 0, 0.001],
    );
    assert.match(
      diaryPage(less, { markdown: false, now: 30 * DAY }),
      /If you would have wanted each of these rollbacks/,
    );
    assert.deepEqual(diarySince(diary, 26 * DAY).drifts, []);
    assert.match(diaryPage(diarySince(diary, 99 * DAY), { markdown: false, now: 0 }), /No release was seen/);
  });
});

describe("a line of the live stream", () => {
  const event: ShownEvent = {
    kind: "judged",
    at: 0,
    text: "no outcome yet",
    candidatePpm: 50_000,
    rollout: { id: "r", system: "s", phase: "progressing" },
  };
  const verdict = (logEvidence: number) => ({ kind: "inconclusive", logEvidence, logThreshold: 8 });

  test("shows time, kind, share, evidence and why on one line", () => {
    assert.match(
      eventLine({ ...event, verdict: verdict(4), text: "one\n  two" }, false),
      /^00:00:00Z {2}judged {12}5 % {2}\[#{10}\.{10}\] {2}50 % {2,}one two \(inconclusive\)$/,
    );
    assert.equal(eventLine({ ...event, kind: "harm" }, true).startsWith("\u001b[31m"), true);
    assert.equal(eventLine({ ...event, kind: "harm" }, false).includes("\u001b"), false);
  });

  test("fills the bar only when the evidence is there", () => {
    assert.match(evidenceBar(verdict(7.99)), /^\[#{19}\.\] {2}99 %$/);
    assert.match(evidenceBar(verdict(80)), /^\[#{20}\] 100 %$/);
    assert.match(evidenceBar(verdict(Number.NEGATIVE_INFINITY)), /^\[\.{20}\] {3}0 %$/);
    assert.match(evidenceBar(verdict(Number.NaN)), / 0 %$/);
    assert.equal(evidenceBar(undefined), "");
  });

  test("is left out when it only repeats the last one when it says nothing new", () => {
    assert.equal(isRepeat(event, { ...event, at: 500 }), true);
    assert.equal(isRepeat(event, { ...event, at: 10_500 }), false);
    assert.equal(isRepeat(event, { ...event, candidatePpm: 200_000 }), false);
    assert.equal(isRepeat(event, { ...event, text: "safety is not proved yet" }), false);
    assert.equal(isRepeat(event, { ...event, verdict: verdict(1) }), false);
    const proving = { ...event, kind: "proving" };
    assert.equal(isRepeat(proving, { ...proving, at: 500 }), true);
    assert.equal(isRepeat({ ...event, kind: "step" }, { ...event, kind: "step" }), false);
  });
});
