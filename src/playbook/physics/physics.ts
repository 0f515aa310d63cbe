import type { Playbook } from "../../core/playbook.ts";
import type { Stated } from "../assumption.ts";
import { type LimitPhysics, limitPhysics } from "./limit-physics.ts";
import { type TriggerPhysics, triggerPhysics } from "./trigger-physics.ts";

/** What a playbook's triggers and hard limits can do, and what they cost, with this traffic. Plain JSON. */
export interface Physics {
  readonly system: string;
  /** Answers of both sides a second. */
  readonly perSecond: number;
  /** Of all triggers together, in the life of one release. */
  readonly falseAlarms: number;
  /** Percent of the traffic, and how long each lasts. */
  readonly steps: readonly number[];
  readonly eachSeconds: number;
  readonly triggers: readonly TriggerPhysics[];
  readonly hardLimits: readonly LimitPhysics[];
}

/** Reckons with steady traffic, independent outcomes and a constant baseline. Pure. */
export function physicsOf(playbook: Playbook, perSecond: number, stated: Stated = {}): Physics {
  const { system, falseAlarms, how, triggers, hardLimits, signals } = playbook;
  const signalOf = (name: string) => signals.filter((signal) => signal.name === name);
  return {
    system,
    perSecond,
    falseAlarms,
    steps: how.steps,
    eachSeconds: how.each / 1000,
    triggers: triggers.flatMap((trigger) =>
      signalOf(trigger.signal).map((signal) => triggerPhysics(playbook, trigger, signal, perSecond, stated)),
    ),
    hardLimits: hardLimits.flatMap((limit) =>
      signalOf(limit.signal).flatMap((signal) => limitPhysics(playbook, limit, signal, perSecond, stated) ?? []),
    ),
  };
}
