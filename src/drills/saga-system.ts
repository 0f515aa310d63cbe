import type { Settings } from "../control/ports.ts";
import { digestOf } from "../core/digest.ts";
import type { Playbook } from "../core/playbook.ts";
import type { Change } from "../core/ports.ts";
import type { Rollout } from "../core/rollout.ts";
import type { Scenario } from "./scenario.ts";
import { type SeededSystem, seededSettings, seededSystem } from "./seeded-system.ts";
import type { World } from "./world.ts";

const known = new Map<string, SeededSystem>();

/** Looks that find nothing are rarer than in a world with statistics: the harm of a saga world is seen by any one of them. */
export function sagaSettings(holder: string): Settings {
  return { ...seededSettings(holder), tickMs: 2000, judgeMs: 500, pollMs: 2000, readinessMs: 30_000 };
}

/** A seeded system whose harm is there at once, or never, and whose `fixed` is proved by one look. */
export function sagaSystem(scenario: Scenario): SeededSystem {
  const key = `${scenario.components} ${scenario.changed}`;
  const made = known.get(key) ?? withoutStatistics(seededSystem(scenario));
  known.set(key, made);
  return made;
}

function withoutStatistics(system: SeededSystem): SeededSystem {
  const playbook: Playbook = {
    ...system.playbook,
    digest: digestOf(`${system.playbook.digest} without statistics`),
    signals: system.playbook.signals.filter(({ name }) => name !== "losses"),
    triggers: [],
    how: { ...system.playbook.how, steps: [10], each: 60_000 },
    fixed: { criteria: [{ kind: "below", signal: "errors", limit: 0.03 }], for: 1000 },
  };
  return { ...system, playbook };
}

/** What the store holds when the controllers of a saga world come: a rollout that was opened, or one with a share. */
export function openedRollout({ system, scenario, clock }: World): {
  readonly rollout: Rollout;
  readonly changes: readonly Change[];
} {
  const { playbook, stable, candidate } = system;
  const now = clock.now();
  const name = playbook.system;
  const exposed = scenario.crowd?.begins === "exposed";
  const rollout: Rollout = {
    id: "rollout-000000",
    system: name,
    playbook: playbook.digest,
    candidate: candidate.id,
    stable: stable.id,
    phase: exposed ? "progressing" : "pending",
    step: exposed ? 0 : -1,
    stepSince: now,
    startedAt: now,
    ...(exposed ? { exposedAt: now } : {}),
    frozen: [{ signal: "errors", n: 1_000_000, k: 10_000 }],
    place: "beside",
  };
  const route = { system: name, epoch: 2, stable: stable.id, candidate: candidate.id, candidatePpm: 100_000 };
  return {
    rollout,
    changes: [
      { kind: "release", release: stable },
      { kind: "release", release: candidate },
      { kind: "known-good", knownGood: { system: name, release: stable.id, provedAt: now } },
      { kind: "rollout", rollout },
      ...(exposed ? [{ kind: "route", route } as const] : []),
      {
        kind: "entry",
        entry: { type: "rollout-started", at: now, system: name, actor: "rollbook", rollout: rollout.id, data: {} },
      },
    ],
  };
}
