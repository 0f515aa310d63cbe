import { stringify } from "yaml";
import type { Answers } from "./answers.ts";
import type { Findings } from "./questions.ts";
import { HOW_RANKED, rank } from "./ranking.ts";

/** The inventory: every system that could do harm, most harmful first, and what was found by itself. */
export function inventoryText(answers: Answers, { repository, facts }: Findings): string {
  const systems = rank(answers.systems).map(({ system, score, risk }) => ({
    ...system,
    score,
    risk,
    ...(system.name === answers.first ? { phase: "first", deploys: answers.deploys, strategy: answers.strategy } : {}),
  }));
  const found = facts.map(({ about, what, where }) => ({ about, what, where }));
  return `# AI systems that could do harm. ${HOW_RANKED}\n${stringify({ rollbook: "inventory/v1", repository, systems, found })}`;
}
