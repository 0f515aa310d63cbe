import { createHmac, type KeyObject } from "node:crypto";
import type { ReleaseId } from "../../core/release.ts";
import type { Instant, Milliseconds } from "../../core/time.ts";
import { createAgingMemory } from "./aging-memory.ts";

/** One session, user or whatever a signal's `per` names, as it was counted: where, for which groups, and how it did. */
export interface CountedUnit {
  readonly second: number;
  readonly groups: readonly string[];
  bad: boolean;
}

/** Remembers which units have been counted, so that each is one observation however many requests it makes. */
export interface Units {
  /** The unit's name here: nobody can read the unit in it without the key. */
  nameOf(per: string, unit: string, release: ReleaseId): string;
  /** What was counted of a unit for a signal and a request of this second. */
  recall(name: string, signal: number, second: number, now: Instant): CountedUnit | undefined;
  keep(name: string, signal: number, counted: CountedUnit, now: Instant): void;
  /** From this second on requests count their unit anew. */
  restart(second: number): void;
  readonly size: number;
}

export interface UnitLimits {
  /** How long a unit is remembered after its first outcome: 24 h. */
  readonly span: Milliseconds;
  /** How many are remembered at most, for each signal one; beyond it the oldest are forgotten: 200,000. */
  readonly most: number;
}

const RESTARTS = 32;

/**
 * A unit belongs to the stretch between two restarts that its request lies in: after a change of shares both arms begin
 * with nobody, else the arm that grew would have all the busy units and the other one only those that were not yet there.
 */
export function createUnits(key: KeyObject, { span, most }: UnitLimits = { span: 86_400_000, most: 200_000 }): Units {
  const units = createAgingMemory<CountedUnit>(span, most);
  const restarts: number[] = [];
  const idOf = (name: string, signal: number, second: number): string => {
    const began = restarts.findLast((restart) => restart <= second) ?? 0;
    return `${name} ${signal} ${began}`;
  };
  return {
    nameOf: (per, unit, release) =>
      createHmac("sha256", key).update(`unit ${release} ${per} ${unit}`).digest("base64url").slice(0, 22),
    recall: (name, signal, second, now) => units.get(idOf(name, signal, second), now),
    keep: (name, signal, counted, now) => units.add(idOf(name, signal, counted.second), counted, now),
    restart(second) {
      if (restarts.at(-1) === second) return;
      restarts.push(second);
      if (restarts.length > RESTARTS) restarts.shift();
    },
    get size() {
      return units.size;
    },
  };
}
