import { readFileSync } from "node:fs";
import { RollbookError } from "../../core/errors.ts";
import { lintText } from "../../operations/lint.ts";
import type { Run } from "../command.ts";
import { show } from "../systems.ts";

export const lint: Run = async (input) => {
  const { isConnections, lintConnections } = await import("../../app/lint-connections.ts");
  const answers = await Promise.all(
    input.words.map(async (file) => {
      const text = read(file);
      return isConnections(text) ? lintConnections(file) : lintText(text, file, input.colour);
    }),
  );
  if (input.options.json)
    show(
      input,
      answers.map(({ text, ...data }) => data),
    );
  else for (const answer of answers) input.say(answer.text);
  return answers.every(({ ok }) => ok) ? 0 : 3;
};

export function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new RollbookError("FILE_UNREADABLE", { file, reason: (error as Error).message });
  }
}
