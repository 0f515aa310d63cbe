import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { digestOf } from "../core/digest.ts";
import type { Rollout, RolloutPhase } from "../core/rollout.ts";
import type { Verdict, VerdictKind } from "../core/verdict.ts";
import { nextMove } from "./next-move.ts";
import { aPlaybook } from "./playbook.fixture.ts";

const EACH = 10_000;
const PATIENCE = 160_000;
const START = 1_000_000;
const playbook = aPlaybook([], { steps: [5, 25, 50, 95], each: EACH });
const LAST = 3;
const kinds: readonly VerdictKind[] = ["healthy", "harmful", "inconclusive", "no-data", "instrument-error"];
const phases: readonly RolloutPhase[] = ["pending", "progressing", "paused", "degraded"];

function verdict(kind: VerdictKind): Verdict {
  const because = kind === "harmful" ? ["lost-approvals"] : [];
  return { kind, at: START, because, logEvidence: 0, logThreshold: 6.9, findings: [] };
}

function rollout(fields: Partial<Rollout> = {}): Rollout {
  return {
    id: "rollout-1",
    system: "loans",
    playbook: playbook.digest,
    candidate: digestOf("candidate"),
    stable: digestOf("stable"),
    phase: "progressing",
    step: 0,
    stepSince: START,
    startedAt: START,
    exposedAt: START,
    frozen: [],
    ...fields,
  };
}

/** What is done at a step, before and after the step's own time, while patience lasts. */
const table: Readonly<Record<VerdictKind, (step: number, over: boolean) => string>> = {
  harmful: () => "roll-back harm",
  "no-data": () => "stay blind",
  "instrument-error": () => "stay",
  inconclusive: (step, over) => (over && step + 1 < LAST ? `advance ${step + 1}` : "stay"),
  healthy: (step, over) => (over ? (step === LAST ? "promote" : `advance ${step + 1}`) : "stay"),
};

function said(...args: Parameters<typeof nextMove>): string {
  const move = nextMove(...args);
  if (move.kind === "roll-back") return `roll-back ${move.cause}`;
  if (move.kind === "advance") return `advance ${move.step}`;
  return move.kind === "stay" && move.blind ? "stay blind" : move.kind;
}

describe("a place that somebody changed", () => {
  const changed = { what: "model serves another one", since: START + PATIENCE };
  const now = changed.since + PATIENCE + 1;

  it("has its own patience, proof of safety or not", () => {
    assert.equal(said(playbook, rollout(), verdict("healthy"), now - 1, PATIENCE, changed), "advance 1");
    assert.deepEqual(nextMove(playbook, rollout(), verdict("healthy"), now, PATIENCE, changed), {
      kind: "roll-back",
      cause: "undecided",
      because: ["model serves another one, for longer than its patience"],
    });
  });

  it("takes nothing back that is paused, or promoted already", () => {
    const order = { kind: "pause", by: "sara", reason: "lunch", at: START } as const;
    assert.equal(said(playbook, rollout({ order }), verdict("healthy"), now, PATIENCE, changed), "stay");
    assert.equal(said(playbook, rollout({ promotedAt: START }), verdict("healthy"), now, PATIENCE, changed), "settle");
  });
});

describe("the next move", () => {
  for (const kind of kinds)
    for (const step of [0, 1, 2, 3])
      for (const over of [false, true])
        it(`on ${kind} at step ${step}, ${over ? "when its time is over" : "within its time"}, is ${table[kind](step, over)}`, () => {
          const now = START + (over ? EACH : EACH - 1);
          assert.equal(said(playbook, rollout({ step }), verdict(kind), now, PATIENCE), table[kind](step, over));
        });

  it("goes back undecided once patience is over, and not a moment earlier", () => {
    for (const kind of ["inconclusive", "no-data", "instrument-error"] as const) {
      const at = (now: number) =>
        said(playbook, rollout({ step: 2, stepSince: START + PATIENCE }), verdict(kind), now, PATIENCE);
      assert.notEqual(at(START + PATIENCE), "roll-back undecided");
      assert.equal(at(START + PATIENCE + 1), "roll-back undecided");
    }
    const move = nextMove(playbook, rollout(), verdict("no-data"), START + PATIENCE + 1, PATIENCE);
    assert.deepEqual(move.kind === "roll-back" && move.because, ["no-data for longer than its patience"]);
  });

  it("does not give up on a candidate that is proved safe, however long its steps last", () => {
    const late = rollout({ step: LAST, stepSince: START + PATIENCE });
    assert.equal(said(playbook, late, verdict("healthy"), START + PATIENCE + 1, PATIENCE), "stay");
    assert.equal(said(playbook, late, verdict("healthy"), START + PATIENCE + EACH, PATIENCE), "promote");
  });

  it("has the patience of a rollout that was not exposed yet", () => {
    const { exposedAt: _, ...waiting } = rollout();
    assert.equal(said(playbook, waiting, verdict("no-data"), START + 10 * PATIENCE, PATIENCE), "stay blind");
  });

  it("promotes from a single step only on proof", () => {
    const single = aPlaybook([], { steps: [95], each: EACH });
    assert.equal(said(single, rollout(), verdict("inconclusive"), START + EACH, PATIENCE), "stay");
    assert.equal(said(single, rollout(), verdict("healthy"), START + EACH, PATIENCE), "promote");
  });

  it("ends the holdback when its time is over, but not on doubt, unless a person says so", () => {
    const watched = aPlaybook([], { steps: [5, 25, 50, 95], each: EACH, holdbackFor: EACH });
    const promoted = rollout({ step: LAST, promotedAt: START });
    const at = (kind: VerdictKind, now: number, one = promoted) => said(watched, one, verdict(kind), now, PATIENCE);
    for (const kind of ["healthy", "inconclusive"] as const) {
      assert.equal(at(kind, START + EACH - 1), "stay");
      assert.equal(at(kind, START + EACH), "settle");
    }
    assert.equal(at("no-data", START + 9 * PATIENCE), "stay blind");
    assert.equal(at("instrument-error", START + 9 * PATIENCE), "stay");
    const ordered = { ...promoted, order: { kind: "promote", by: "on-call", reason: "the probe is known" } } as const;
    for (const kind of kinds) assert.equal(at(kind, START, ordered), kind === "harmful" ? "roll-back harm" : "settle");
  });

  const worlds = fc.record({
    rollout: fc
      .record({
        step: fc.integer({ min: -1, max: LAST }),
        stepSince: fc.integer({ min: START, max: START + 3 * PATIENCE }),
        phase: fc.constantFrom(...phases),
        exposed: fc.boolean(),
      })
      .map(({ exposed, ...fields }) => {
        const { exposedAt, ...rest } = rollout(fields);
        return exposed ? { ...rest, exposedAt: exposedAt! } : rest;
      }),
    now: fc.integer({ min: START, max: START + 4 * PATIENCE }),
    patience: fc.integer({ min: 0, max: 2 * PATIENCE }),
  });

  it("on harm is the way back, whatever else is true: step, time, patience, phase", () => {
    fc.assert(
      fc.property(worlds, ({ rollout: one, now, patience }) => {
        assert.deepEqual(nextMove(playbook, one, verdict("harmful"), now, patience), {
          kind: "roll-back",
          cause: "harm",
          because: ["lost-approvals"],
        });
      }),
    );
  });

  it("never goes forward in doubt: not without data, not with a doubtful instrument, and to the last step only on proof", () => {
    fc.assert(
      fc.property(worlds, fc.constantFrom(...kinds), ({ rollout: one, now, patience }, kind) => {
        const move = nextMove(playbook, one, verdict(kind), now, patience);
        if (move.kind === "promote") assert.equal(kind, "healthy");
        if (move.kind === "advance") assert.ok(kind === "healthy" || (kind === "inconclusive" && move.step < LAST));
        if (move.kind === "advance") assert.equal(move.step, one.step + 1);
      }),
    );
  });
});
