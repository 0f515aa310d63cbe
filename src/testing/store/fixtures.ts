import { digestOf } from "../../core/digest.ts";
import type { EntryDraft, Route } from "../../core/entry.ts";
import { type Plan, planDigest } from "../../core/plan.ts";
import type { Change } from "../../core/ports.ts";
import { defineRelease, type Release } from "../../core/release.ts";
import type { Rollout, Saga, SeasonHour, StepRecord } from "../../core/rollout.ts";
import type { Sample } from "../../core/sample.ts";

export const NOON = Date.UTC(2026, 0, 1, 12);
export const TTL = 3000;

export function aRelease(label: string, system = "loans"): Release {
  return defineRelease(system, label, {
    model: { digest: digestOf(`model ${label}`), label: `model ${label}` },
    data: { digest: digestOf(`data ${label}`), label: `data ${label}`, accepts: { model: [digestOf("any")] } },
  });
}

export function aRollout(id: string, fields: Partial<Rollout> = {}): Rollout {
  return {
    id,
    system: "loans",
    playbook: digestOf("playbook"),
    candidate: digestOf("candidate"),
    stable: digestOf("stable"),
    phase: "progressing",
    step: 0,
    stepSince: NOON,
    startedAt: NOON,
    frozen: [{ signal: "approvals", n: 1000, k: 600 }],
    ...fields,
  };
}

export function aSaga(id: string, rollout: string, fields: Partial<Saga> = {}): Saga {
  const plan: Plan = {
    system: "loans",
    kind: "rollback",
    from: digestOf("candidate"),
    to: digestOf("stable"),
    deadline: 60_000,
    steps: [
      {
        id: "model",
        component: "model",
        at: "http://127.0.0.1/model",
        desired: digestOf("model 1"),
        label: "model 1",
        undo: "compensatable",
        after: [],
      },
    ],
  };
  return { id, rollout, plan, planDigest: planDigest(plan), status: "running", startedAt: NOON, ...fields };
}

export function aStep(saga: string, step: string, fields: Partial<StepRecord> = {}): StepRecord {
  return {
    saga,
    step,
    status: "intent",
    key: `${saga}/${step}`,
    fence: 1,
    attempts: 1,
    before: digestOf("before"),
    desired: digestOf("desired"),
    intentAt: NOON,
    recovered: false,
    ...fields,
  };
}

export function aSample(fields: Partial<Sample> = {}): Sample {
  return {
    node: "node-1",
    sequence: 1,
    bucket: NOON,
    signal: "approvals",
    release: digestOf("candidate"),
    n: 10,
    k: 6,
    ...fields,
  };
}

export function anHour(fields: Partial<SeasonHour> = {}): SeasonHour {
  return { hour: NOON, signal: "approvals", n: 5000, k: 3000, ...fields };
}

export function anEntry(note: string, fields: Partial<EntryDraft> = {}): EntryDraft {
  return { type: "verdict", at: NOON, system: "loans", actor: "rollbook", data: { note }, ...fields };
}

export function aRoute(epoch: number, fields: Partial<Route> = {}): Route {
  return { system: "loans", epoch, stable: digestOf("stable"), candidatePpm: 0, ...fields };
}

/** The change that appends one entry. */
export function recording(note: string): Change {
  return { kind: "entry", entry: anEntry(note) };
}

/** A change that no store can write: JSON has no bigint. */
export function impossible(): Change {
  const data = { amount: 1n } as unknown as EntryDraft["data"];
  return { kind: "entry", entry: anEntry("impossible", { data }) };
}

/** The notes of leaves made by `recording`. */
export function notesOf(entries: readonly { readonly leaf: string }[]): readonly string[] {
  return entries.map(({ leaf }) => (JSON.parse(leaf) as { data: { note: string } }).data.note);
}
