import type { SystemAnswers } from "./answers.ts";

/** The scales of harm, from 1 on. */
export const scales = {
  impact: [
    "a nuisance",
    "money or trust is lost",
    "somebody's rights, health or livelihood suffer",
    "somebody may die, or the firm may",
  ],
  likelihood: ["hardly ever", "once a year", "each quarter", "with every other release"],
  reach: ["a few people before it is noticed", "hundreds", "thousands", "everybody who is served"],
} as const;

export interface Ranked {
  readonly system: SystemAnswers;
  readonly score: number;
  readonly risk: "low" | "medium" | "high";
}

export const HOW_RANKED =
  "Score = impact × likelihood × reach, each from 1 to 4. Risk is high from 24 on or with an impact of 4, medium from 8 on or with an impact of 3. Equal scores: the greater impact first.";

/** The systems, most harmful first. What is not answered yet counts as 1. */
export function rank(systems: readonly SystemAnswers[]): readonly Ranked[] {
  return systems
    .map((system) => {
      const { impact = 1, likelihood = 1, reach = 1 } = system;
      const score = impact * likelihood * reach;
      return { system, score, risk: riskOf(score, impact) };
    })
    .sort((a, b) => b.score - a.score || (b.system.impact ?? 1) - (a.system.impact ?? 1));
}

function riskOf(score: number, impact: number): Ranked["risk"] {
  if (score >= 24 || impact === 4) return "high";
  return score >= 8 || impact === 3 ? "medium" : "low";
}

export function sayRank({ system, score, risk }: Ranked): string {
  const { name, impact = 1, likelihood = 1, reach = 1 } = system;
  return `${name}: ${impact} × ${likelihood} × ${reach} = ${score}, ${risk} risk`;
}
