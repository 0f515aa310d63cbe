import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Digest, digestOf } from "../core/digest.ts";
import { type Plan, planDigest } from "../core/plan.ts";
import { defineRelease } from "../core/release.ts";
import type { Rollback, Rollout, RolloutRecord, Saga, StepRecord } from "../core/rollout.ts";
import type { Sample } from "../core/sample.ts";
import type { Finding, Verdict } from "../core/verdict.ts";
import type { BusinessSignal } from "./business-signal.ts";
import { buildReport, type ReportInput } from "./report.ts";
import { renderReport } from "./report-text.ts";

const revision = (name: string) => ({ digest: digestOf(name), label: name });
const stable = defineRelease("loans", "release 1", { model: revision("model 1"), schema: revision("schema 1") });
const candidate = defineRelease("loans", "release 2", { model: revision("model 2"), schema: revision("schema 2") });
const losses: BusinessSignal = { name: "losses", part: "defaulted", of: "loans", badIs: "part", technical: false };
const errors: BusinessSignal = { name: "errors", part: "failed", of: "requests", badIs: "part", technical: true };
const EXPOSED = 10_000;

function finding(more: Partial<Finding> = {}): Finding {
  return {
    name: "rising-losses",
    signal: "losses",
    kind: "harmful",
    claim: "losses rise by more than 50 %",
    method: "projected-bernoulli",
    candidate: { release: candidate.id, n: 200, k: 50 },
    reference: { release: stable.id, n: 1000, k: 80 },
    logHarm: Math.log(2034.5),
    logSafe: -9,
    ...more,
  };
}

function verdict(kind: Verdict["kind"], findings: readonly Finding[]): Verdict {
  return { kind, at: 14_000, because: [], logEvidence: 7.6, logThreshold: 6.9, findings };
}

function rollout(more: Partial<Rollout> = {}): Rollout {
  return {
    id: "rollout-1",
    system: "loans",
    playbook: digestOf("playbook"),
    candidate: candidate.id,
    stable: stable.id,
    phase: "aborted",
    step: 0,
    stepSince: EXPOSED,
    startedAt: 0,
    exposedAt: EXPOSED,
    endedAt: 20_000,
    frozen: [],
    verdict: verdict("harmful", [finding()]),
    ...more,
  };
}

const rollback: Rollback = {
  saga: "saga-2",
  cause: ["harm", "rising-losses"],
  decidedAt: 14_000,
  containedAt: 14_000,
  restoredAt: 14_060,
  fixedAt: 19_500,
  endedAt: 19_500,
  outcome: "verified",
  fixed: verdict("healthy", [
    finding({
      name: "fixed: losses",
      kind: "healthy",
      reference: { release: "frozen-window", n: 500, k: 40 },
      logSafe: 8,
    }),
  ]),
};

const plan: Plan = {
  system: "loans",
  kind: "rollback",
  from: candidate.id,
  to: stable.id,
  deadline: 60_000,
  steps: ["model", "schema"].map((component) => ({
    id: component,
    component,
    at: `http://lending/components/${component}`,
    desired: stable.revisions[component]!.digest,
    label: `${component} 1`,
    undo: "compensatable",
    after: [],
  })),
};
const saga: Saga = {
  id: "saga-2",
  rollout: "rollout-1",
  plan,
  planDigest: planDigest(plan),
  status: "completed",
  startedAt: 14_000,
};

function step(name: string, more: Partial<StepRecord> = {}): StepRecord {
  const desired = stable.revisions[name]!.digest;
  return {
    saga: "saga-2",
    step: name,
    status: "done",
    key: "k",
    fence: 1,
    attempts: 1,
    before: candidate.revisions[name]!.digest,
    desired,
    found: desired,
    intentAt: 14_001,
    endedAt: 14_050,
    recovered: false,
    ...more,
  };
}

/** One sample a second of each release: `bad` of 100 loans. */
function samples(release: Digest, from: number, to: number, bad: number, signal = "losses"): Sample[] {
  const found: Sample[] = [];
  for (let bucket = from; bucket < to; bucket += 1000) {
    found.push({ node: "g", sequence: found.length, bucket, signal, release, n: 100, k: bad });
  }
  return found;
}

function input(more: Partial<RolloutRecord> = {}, rest: Partial<ReportInput> = {}): ReportInput {
  const record: RolloutRecord = {
    rollout: rollout({ rollback }),
    samples: [...samples(stable.id, 0, 20_000, 8), ...samples(candidate.id, EXPOSED, 14_000, 25)],
    sagas: [saga],
    steps: [step("model"), step("schema")],
    ...more,
  };
  return {
    record,
    stable,
    candidate,
    quarantined: true,
    signals: [errors, losses],
    route: { candidatePercent: 0 },
    ledger: { size: 33, root: "root".repeat(8), verified: true, checkpoint: "note" },
    ...rest,
  };
}

describe("a report", () => {
  test("has each clock of a verified rollback", () => {
    const { outcome, clocks, because } = buildReport(input());
    assert.equal(outcome, "rolled-back-verified");
    assert.deepEqual(clocks, { detect: 4000, contain: 0, restore: 60, fix: 5500, total: 9500 });
    assert.deepEqual(because, ["rising-losses"]);
  });

  test("stops the clock of containment at the last request that reached the candidate", () => {
    const late = buildReport(input({}, { route: { candidatePercent: 0, lastCandidateDispatch: 14_012 } }));
    assert.equal(late.clocks.contain, 12);
    const early = buildReport(input({}, { route: { candidatePercent: 0, lastCandidateDispatch: 13_000 } }));
    assert.equal(early.clocks.contain, 0);
  });

  test("counts the bad answers of the candidate, and those beyond stable's share", () => {
    const { badAnswers } = buildReport(input());
    assert.deepEqual(badAnswers, { signal: "losses", meaning: "defaulted of loans", served: 100, of: 400, excess: 68 });
    const better = [...samples(stable.id, 0, 20_000, 8), ...samples(candidate.id, EXPOSED, 14_000, 3)];
    assert.equal(buildReport(input({ samples: better })).badAnswers.excess, 0);
  });

  test("says nothing of an excess where stable gave no answer to compare with", () => {
    const report = buildReport(input({ samples: samples(candidate.id, EXPOSED, 14_000, 3) }));
    assert.equal(report.badAnswers.excess, undefined);
    assert.match(renderReport(report), /12 of 400 \(defaulted of loans\); stable had no answers to compare with/);
  });

  test("gives containment no clock where there was nothing to contain, and says so", () => {
    const { exposedAt: _, ...unexposed } = rollout({ rollback });
    const early = buildReport(input({ rollout: unexposed }));
    assert.equal(early.containment, "nothing-exposed");
    assert.equal(early.clocks.contain, undefined);
    assert.match(renderReport(early), /contain +- {2}nothing to contain: no request could reach the candidate/);
    const { containedAt: __, ...inPlace } = rollback;
    const only = buildReport(input({ rollout: rollout({ rollback: inPlace }) }));
    assert.equal(only.containment, "nothing-else-served");
    assert.match(renderReport(only), /contain +- {2}nothing to contain with: nothing else serves/);
    assert.equal(buildReport(input()).containment, "moved");
    assert.equal(buildReport(input({ rollout: rollout({ phase: "healthy" }) })).containment, undefined);
  });

  test("counts what is not the good part where the good part is named", () => {
    const right: BusinessSignal = { name: "losses", part: "right", of: "answers", badIs: "rest", technical: false };
    const { badAnswers } = buildReport(input({}, { signals: [right] }));
    assert.equal(badAnswers.served, 300);
    assert.equal(badAnswers.meaning, "answers that are not right");
  });

  test("leads with the signal to blame, else with a business signal, else with what there is", () => {
    const blamed = rollout({ rollback, verdict: verdict("harmful", [finding({ signal: "errors" })]) });
    assert.equal(buildReport(input({ rollout: blamed })).badAnswers.signal, "errors");
    const calm = rollout({ rollback, verdict: verdict("inconclusive", []) });
    assert.equal(buildReport(input({ rollout: calm })).badAnswers.signal, "losses");
    assert.equal(buildReport(input({ rollout: calm }, { signals: [errors] })).badAnswers.signal, "errors");
    assert.throws(() => buildReport(input({}, { signals: [] })), /without signals/);
  });

  test("names what each component should serve and what was read back", () => {
    const stuck = step("schema", { status: "stuck", note: "somebody else changed it", recovered: true });
    const { components, planDigest: digest } = buildReport(input({ steps: [step("model"), stuck] }));
    assert.equal(digest, planDigest(plan));
    assert.equal(components[0]?.found, components[0]?.wanted);
    assert.equal(components[1]?.note, "somebody else changed it");
    const untried = buildReport(input({ steps: [] })).components[0];
    assert.deepEqual([untried?.status, untried?.attempts, untried?.found], ["not tried", 0, undefined]);
  });

  test("has a timeline in order, without the steps of other sagas", () => {
    const other = step("model", { saga: "saga-1" });
    const unfinished: StepRecord = { ...step("schema"), recovered: true };
    const { timeline } = buildReport(input({ steps: [other, unfinished] }));
    const times = timeline.map(({ at }) => at);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.equal(timeline.filter(({ what }) => what.startsWith("model")).length, 0);
    assert.ok(timeline.some(({ what }) => what === "schema done (recovered after a crash)"));
  });

  const ends: readonly (readonly [string, Rollout])[] = [
    ["running", (({ endedAt: _, ...open }) => open)(rollout())],
    ["promoted", rollout({ phase: "healthy" })],
    ["stuck", rollout({ phase: "degraded", rollback: { ...rollback, outcome: "stuck" } })],
    ["undecided", rollout({ rollback: { ...rollback, cause: ["undecided", "no-data"] } })],
    ["rolled-back-unverified", rollout({ rollback: { ...rollback, outcome: "unverified" } })],
    [
      "observed-harm",
      rollout({
        phase: "paused",
        wouldHave: {
          at: 1,
          because: ["rising-losses"],
          verdict: { kind: "harmful", at: 1, because: [], logEvidence: 9, logThreshold: 7, findings: [] },
        },
      }),
    ],
    ["undecided", rollout({ note: "a person stopped it" })],
  ];
  for (const [outcome, ended] of ends) {
    test(`says ${outcome} for a rollout that is ${ended.phase}, and can be read`, () => {
      const report = buildReport(input({ rollout: ended, sagas: [], steps: [] }));
      assert.equal(report.outcome, outcome);
      assert.ok(renderReport(report).startsWith("loans: "));
      assert.equal(/ to do .*`rollbook resume /.test(renderReport(report)), outcome === "stuck");
    });
  }

  test("says which windows an unannounced release was judged against, and a proof that rests on an earlier week", () => {
    const week = 7 * 86_400_000;
    const frozen = [
      { signal: "losses", n: 5000, k: 250, season: 0 },
      { signal: "errors", n: 1200, k: 3 },
    ];
    const unannounced = rollout({ unannounced: true, startedAt: week, frozen, rollback });
    const report = buildReport(input({ rollout: unannounced }));
    assert.deepEqual(report.windows, [
      { signal: "losses", n: 5000, of: "Thursday 00:00 UTC, a week before" },
      { signal: "errors", n: 1200, of: "the time right before" },
    ]);
    const text = renderReport(report);
    assert.match(text, /against {4}losses: frozen window of Thursday 00:00 UTC, a week before \(5,000 observations\)/);
    assert.match(text, /against {4}errors: frozen window of the time right before \(1,200 observations\)/);
    const proved = report.timeline.find(({ what }) => what.startsWith("fixed"));
    assert.equal(proved?.what, "fixed: proved against stable's own window of Thursday 00:00 UTC, a week before");
    assert.equal(buildReport(input()).windows, undefined);
  });

  test("has no clocks that were never reached", () => {
    assert.deepEqual(buildReport(input({ rollout: rollout({ phase: "healthy" }) })).clocks, { total: 10_000 });
    const {
      exposedAt: _,
      verdict: __,
      ...early
    } = rollout({ rollback: { saga: "saga-2", cause: ["person"], decidedAt: 5 } });
    const report = buildReport(input({ rollout: early, samples: [] }));
    assert.deepEqual(report.clocks, {});
    assert.deepEqual(report.evidence, []);
    const { exposedAt: ___, endedAt: ____, ...unexposed } = rollout();
    assert.deepEqual(buildReport(input({ rollout: unexposed })).clocks, {});
  });
});

describe("evidence in words", () => {
  const words = (more: Partial<Finding>) =>
    buildReport(input({ rollout: rollout({ rollback, verdict: verdict("harmful", [finding(more)]) }) })).evidence[0]
      ?.words;

  test("speaks of natural frequencies and odds", () => {
    assert.equal(
      words({}),
      '25.0 in 100 (50 of 200), against 8.0 in 100 (80 of 1000); evidence 2,034 to 1 for "losses rise by more than 50 %"',
    );
    assert.match(words({ kind: "healthy", logSafe: 80 }) ?? "", /evidence over 10\^34 to 1 against "losses rise/);
    assert.match(words({ kind: "inconclusive" }) ?? "", /not decided$/);
  });

  test("says when nothing was seen, and when a plain limit has no reference", () => {
    const none = { release: "frozen-window", n: 0, k: 0 } as const;
    assert.match(words({ kind: "no-data", candidate: none, reference: none }) ?? "", /^none seen; not decided/);
    assert.match(words({ method: "hard-limit", reference: none }) ?? "", /hard limit broken$/);
    assert.match(words({ method: "hard-limit", kind: "inconclusive" }) ?? "", /hard limit kept$/);
    const run = { release: candidate.id, n: 30, k: 12 };
    assert.equal(words({ method: "run-length", candidate: run }), "the longest run was 12; hard limit broken");
    assert.equal(
      words({ method: "run-length", kind: "inconclusive", candidate: run }),
      "the longest run was 12; hard limit kept",
    );
    const doubts = ["bursts"];
    assert.match(words({ kind: "instrument-error", doubts }) ?? "", /; doubted: bursts$/);
    const mean = { release: candidate.id, n: 30, k: 0, mean: 0.25 };
    assert.match(words({ candidate: mean, reference: none }) ?? "", /^a mean of 0\.250 \(30\)/);
    assert.match(words({ candidate: { ...run, group: "age=a" }, reference: none }) ?? "", /^age=a: 40\.0 in 100/);
  });
});

describe("the article's fixed rule on the same stream", () => {
  test("tells what it would have let out before its window was full", () => {
    const { article } = buildReport(input());
    assert.equal(
      article.onBusiness,
      "its 30 s window was not full in the 4.0 s that the candidate was exposed; at that pace it would have let about 750 bad answers out before it could speak",
    );
    assert.equal(article.fiveMinutes, "met: 9.5 s from the first exposure to proved fixed");
    assert.equal(article.onStable, "its 30 s window was not full on stable either");
  });

  test("has no five-minute bar where no request reached the candidate", () => {
    const { exposedAt: _, ...unexposed } = rollout({ rollback });
    const { article } = buildReport(input({ rollout: unexposed }));
    assert.equal(article.fiveMinutes, "does not apply: no request reached the candidate");
  });

  test("counts the whole second in which the exposure began", () => {
    const late = rollout({ rollback, exposedAt: EXPOSED + 400 });
    const { article } = buildReport(input({ rollout: late }));
    assert.match(article.onBusiness, /in the 3\.6 s that .* about 833 bad answers/);
  });

  test("fires, stays silent, and alarms falsely on stable where the counts say so", () => {
    const long = rollout({ endedAt: 700_000, rollback: { ...rollback, decidedAt: 90_000, fixedAt: 400_000 } });
    const calm = samples(candidate.id, EXPOSED, 90_000, 0, "errors");
    const record = {
      rollout: long,
      samples: [...samples(stable.id, 0, 90_000, 8), ...samples(candidate.id, EXPOSED, 90_000, 25), ...calm],
    };
    const { article } = buildReport(input(record));
    assert.equal(article.onErrors, "never fires");
    assert.equal(article.onBusiness, "fires 30 s after the exposure");
    assert.match(article.onStable, /^fires on stable itself/);
    assert.match(article.fiveMinutes, /^missed: 390.0 s/);
    const quiet = buildReport(input({ ...record, samples: samples(stable.id, 0, 90_000, 0) })).article;
    assert.equal(quiet.onStable, "stays silent on stable");
  });

  test("has nothing to say of errors where no signal counts them", () => {
    const { article } = buildReport(input({ rollout: rollout({ phase: "healthy" }) }, { signals: [losses] }));
    assert.equal(article.onErrors, "the playbook has no such signal");
    assert.equal(article.fiveMinutes, "no rollback, or not proved fixed");
  });
});

test("the text of a report holds its clocks, components, evidence and ledger", () => {
  const recovered = step("schema", { recovered: true });
  const noted = step("model", { note: "was in place already; nothing was sent", found: digestOf("else") });
  const text = renderReport(buildReport(input({ steps: [noted, recovered] }, { quarantined: false })));
  for (const part of [
    "ROLLED BACK and proved fixed",
    "detect      4.0 s",
    "contain    < 1 ms",
    "NOT READ BACK (was in place already",
    "(recovered after a crash)",
    "Fixed?",
    "Ledger: 33 entries, root rootrootrootroot..., verified",
  ]) {
    assert.ok(text.includes(part), `${part} is missing in\n${text}`);
  }
  const broken = { size: 1, root: "r", verified: false, checkpoint: "" };
  assert.match(renderReport(buildReport(input({}, { ledger: broken }))), /NOT VERIFIED/);
});

describe("the phases of a rollback", () => {
  const deadlines = { contain: 1000, restore: 50, verify: 60_000 };

  test("stand in the report with their deadlines, and what is late in its text", () => {
    const report = buildReport(input({ rollout: rollout({ rollback: { ...rollback, deadlines } }) }));
    assert.deepEqual(
      report.phases.map(({ phase, late }) => [phase, late]),
      [
        ["contain", false],
        ["restore", true],
        ["verify", false],
      ],
    );
    assert.match(renderReport(report), /LATE {5}restore: 60 ms of 50 ms, LATE/);
  });

  test("of a rollback that is not over stand where the record ends", () => {
    const { endedAt: _, fixedAt: __, outcome: ___, ...running } = rollback;
    const { endedAt: ____, ...open } = rollout({ rollback: { ...running, deadlines } });
    const verify = buildReport(input({ rollout: open })).phases.at(-1);
    assert.deepEqual(verify, { phase: "verify", from: 14_060, deadline: 60_000, late: false });
  });

  test("what was restored and is harmful too is named, with where it led then", () => {
    const tried = [{ release: stable.id, label: "release 1", harmfulAt: 15_000, because: ["fixed: losses"] }];
    const moved = { ...rollback, tried, target: candidate.id };
    const report = buildReport(input({ rollout: rollout({ rollback: moved }) }));
    assert.deepEqual(report.movedOn, { tried, to: candidate.id });
    assert.match(renderReport(report), /left {5}release 1: restored, and harmful too \(fixed: losses\)/);
    const last = buildReport(input({ rollout: rollout({ rollback: { ...rollback, tried } }) }));
    assert.deepEqual(last.movedOn, { tried });
  });
});
