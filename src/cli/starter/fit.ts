import { lintText } from "../../operations/lint.ts";
import { type Fitting, playbookText } from "./playbook-text.ts";
import type { Starter, StarterTrigger } from "./starter.ts";

/** A playbook that the linter finds nothing against, and what had to be given up for it. */
export interface Fitted {
  readonly text: string;
  /** Margins that the traffic cannot decide, with those that it can. */
  readonly widened: readonly { readonly from: StarterTrigger; readonly to: StarterTrigger }[];
  /** What is still wrong: empty when the linter has neither errors nor warnings. */
  readonly left: readonly string[];
}

const STEPS = ["15m", "1h", "6h", "1d", "3d", "7d"] as const;
const PROOFS = ["10m", "1h", "6h", "1d", "3d", "7d", "14d"] as const;
const FACTORS = [1, 2, 4, 8] as const;

/**
 * Finds steps that are long enough for the triggers to decide with the stated traffic, and margins that can be decided
 * at all: first what was asked with steps of at most six hours, then wider margins, then longer steps.
 */
export function fit(starter: Starter): Fitted {
  const start: Fitting = { each: STEPS[0], for: PROOFS[0], within: starter.within, triggers: starter.triggers };
  const tries = FACTORS.flatMap((factor) => STEPS.slice(0, factor === 1 ? 3 : 4).map((each) => ({ each, factor })));
  const longest = FACTORS.flatMap((factor) => STEPS.slice(4).map((each) => ({ each, factor })));
  let best: { readonly fitting: Fitting; readonly flaws: readonly Flaw[] } | undefined;
  for (const { each, factor } of [...tries, ...longest]) {
    const fitting = widen(starter, { ...start, each }, factor);
    const flaws = flawsOf(starter, fitting).filter(({ about }) => !about.startsWith("fixed"));
    if (!best || flaws.length < best.flaws.length) best = { fitting, flaws };
    if (flaws.length === 0) break;
  }
  return proved(starter, best?.fitting ?? start);
}

/** With the shortest proof of `fixed` that suffices; a wider margin of it where none does. */
function proved(starter: Starter, fitting: Fitting): Fitted {
  let best: { readonly fitting: Fitting; readonly flaws: readonly Flaw[] } | undefined;
  for (const factor of FACTORS)
    for (const span of PROOFS) {
      const tried = { ...fitting, for: span, within: fitting.within * factor };
      const flaws = flawsOf(starter, tried);
      if (!best || flaws.length < best.flaws.length) best = { fitting: tried, flaws };
      if (flaws.length === 0) return answer(starter, tried, []);
    }
  return answer(starter, best?.fitting ?? fitting, best?.flaws ?? []);
}

function answer(starter: Starter, fitting: Fitting, flaws: readonly Flaw[]): Fitted {
  const pairs = starter.triggers.map((from, index) => ({ from, to: fitting.triggers[index]! }));
  return {
    text: playbookText(starter, fitting),
    widened: pairs.filter(({ from, to }) => from.by !== to.by),
    left: flaws.map(({ about, message }) => `${about}: ${message}`),
  };
}

/** Widens only the margins that cannot be decided, up to a factor. */
function widen(starter: Starter, fitting: Fitting, most: number): Fitting {
  let now = fitting;
  for (const factor of FACTORS.filter((one) => one > 1 && one <= most)) {
    const stuck = flawsOf(starter, now).map(({ about }) => about);
    const triggers = now.triggers.map((trigger, index) =>
      stuck.some((about) => about.startsWith("when.") && about.endsWith(`-${trigger.part}`))
        ? { ...trigger, by: wider(starter.triggers[index]!, factor) }
        : trigger,
    );
    now = { ...now, triggers };
  }
  return now;
}

function wider({ by, move, unit }: StarterTrigger, factor: number): number {
  if (move === "below") return Math.max(1, 100 - Math.min(99, (100 - by) * factor));
  const most = move === "rises" && unit === "%" ? 10_000 : 90;
  return Number(Math.min(most, by * factor).toPrecision(3));
}

interface Flaw {
  readonly about: string;
  readonly message: string;
}

/** Errors and warnings of the linter; a playbook that cannot be read has all its issues. */
function flawsOf(starter: Starter, fitting: Fitting): readonly Flaw[] {
  const { issues, findings } = lintText(playbookText(starter, fitting), `${starter.system}.yaml`, false);
  return [
    ...(issues as readonly { readonly message: string }[]).map(({ message }) => ({ about: "playbook", message })),
    ...(findings as unknown as readonly (Flaw & { readonly level: string })[])
      .filter(({ level }) => level !== "note")
      .map(({ about = "playbook", message }) => ({ about, message })),
  ];
}
