import type { Settings } from "../control/ports.ts";
import { type Digest, digestOf } from "../core/digest.ts";
import type { Playbook } from "../core/playbook.ts";
import { defineRelease, type Release, type Revision } from "../core/release.ts";
import { MARGIN, type Scenario } from "./scenario.ts";

/** The AI system of a seeded world, its playbook and the two releases. */
export interface SeededSystem {
  readonly playbook: Playbook;
  readonly stable: Release;
  readonly candidate: Release;
}

const SYSTEM = "loans";
const NAMES = ["schema", "data", "model", "config", "flag"] as const;
/** Who reads whom: gives the plans an order. */
const READS: Readonly<Record<string, readonly string[]>> = { model: ["schema", "data"], config: ["model"] };

export function seededSystem(scenario: Scenario): SeededSystem {
  const names = NAMES.slice(0, scenario.components);
  const changes = (name: string) => names.indexOf(name as (typeof NAMES)[number]) < scenario.changed;
  const digest = (name: string, release: 1 | 2): Digest => digestOf(`${name} ${changes(name) ? release : 1}`);
  const revision = (name: string, release: 1 | 2): Revision => {
    const read = (READS[name] ?? []).filter((other) => (names as readonly string[]).includes(other));
    const accepts = read.map((other) => [other, [digest(other, 1), digest(other, 2)]] as const);
    return {
      digest: digest(name, release),
      label: `${name} ${release}`,
      ...(read.length > 0 ? { accepts: Object.fromEntries(accepts) } : {}),
    };
  };
  const release = (version: 1 | 2) =>
    defineRelease(
      SYSTEM,
      `release ${version}`,
      Object.fromEntries(names.map((name) => [name, revision(name, version)])),
    );
  return { playbook: playbookOf(names, scenario.authority), stable: release(1), candidate: release(2) };
}

function playbookOf(names: readonly string[], authority: Playbook["authority"]): Playbook {
  return {
    digest: digestOf(`seeded playbook of ${names.length}`),
    system: SYSTEM,
    owner: "credit-risk",
    risk: "high",
    authority,
    components: names.map((name) => ({ name, at: `sim:${name}`, undo: "compensatable" })),
    signals: [
      { name: "losses", kind: "share", part: "defaulted", of: "loans", from: "events", better: "down" },
      { name: "errors", kind: "share", part: "failed", of: "requests", from: "gateway", better: "down" },
      { name: "leaks", kind: "count", part: "leaked", of: "requests", from: "gateway", better: "down" },
    ],
    triggers: [
      {
        kind: "compare",
        name: "rising-losses",
        signal: "losses",
        move: "rises",
        by: { kind: "relative", value: MARGIN },
      },
      { kind: "limit", name: "failing", signal: "errors", side: "above", limit: 0.05 },
    ],
    hardLimits: [{ name: "leak", signal: "leaks", comparison: ">=", limit: 1, min: 1 }],
    falseAlarms: 0.001,
    how: { steps: [10, 50, 95], each: 3000, holdback: 5, contain: "stable", within: 60_000 },
    fixed: {
      criteria: [
        { kind: "within", signal: "losses", margin: { kind: "relative", value: 0.5 } },
        { kind: "below", signal: "errors", limit: 0.03 },
      ],
      for: 5000,
    },
    who: { now: ["page://dashboard"] },
  };
}

/** The cadences of production, with a slower tick: a simulated second costs four ticks. */
export function seededSettings(holder: string): Settings {
  return {
    tickMs: 250,
    judgeMs: 250,
    exposureMs: 2000,
    leaseMs: 3000,
    baselineMs: 6000,
    blindMs: 5000,
    patienceMs: 60_000,
    pollMs: 1000,
    readinessMs: 10_000,
    proofMs: 40_000,
    holder,
  };
}

/** True shares of stable; the candidate's follow from the scenario. */
export function trueRates({ truth, ratio }: Scenario, { stable, candidate }: SeededSystem) {
  const losses = 0.06;
  const errors = 0.01;
  return {
    losses: { [stable.id]: losses, [candidate.id]: losses * ratio },
    errors: { [stable.id]: errors, [candidate.id]: errors },
    leaks: { [stable.id]: 0, [candidate.id]: truth === "leaking" ? 0.002 : 0 },
  };
}
