import { readFileSync } from "node:fs";
import { RollbookError } from "../../core/errors.ts";
import { type LintAnswer, lintTexts } from "../../operations/lint.ts";
import type { Run } from "../command.ts";
import { lintPage } from "../lint-page.ts";
import { show } from "../systems.ts";

export const lint: Run = async (input) => {
  const { isConnections, lintConnections } = await import("../../app/lint-connections.ts");
  const { undoBeside } = await import("../../app/lint-context.ts");
  const files = input.words.map((file) => ({ file, text: read(file) }));
  const playbooks = await Promise.all(
    files
      .filter(({ text }) => !isConnections(text))
      .map(async ({ file, text }) => ({ file, text, context: await undoBeside(file) })),
  );
  const linted = new Map(lintTexts(playbooks, input.colour).map((answer) => [answer.file, answer]));
  const answers = await Promise.all(files.map(({ file }) => linted.get(file) ?? lintConnections(file)));
  if (input.options.json)
    show(
      input,
      answers.map(({ text, ...data }) => data),
    );
  else for (const answer of answers) input.say(sayLint(answer));
  return answers.every(({ ok }) => ok) ? 0 : 3;
};

/** What is wrong, and what each trigger can do. */
function sayLint({ text, physics }: Pick<LintAnswer, "text" | "physics">): string {
  return physics && physics.triggers.length > 0 ? `${text}\n\n${lintPage(physics)}\n` : text;
}

export function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new RollbookError("FILE_UNREADABLE", { file, reason: (error as Error).message });
  }
}
