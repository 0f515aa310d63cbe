import { renderReport } from "../../app/report-text.ts";
import { ask } from "../client.ts";
import type { Run } from "../command.ts";
import { newestRollout, rolloutPath, show } from "../systems.ts";

export const report: Run = async (input) => {
  const answer = await ask(input, "GET", rolloutPath(await newestRollout(input), "report"));
  if (input.options.json) show(input, answer);
  else input.out(renderReport(answer as Parameters<typeof renderReport>[0]));
  return 0;
};

export const explain: Run = async (input) => {
  const id = await newestRollout(input);
  const answer = (await ask(input, "GET", rolloutPath(id, "explanation"))) as {
    readonly verdict: string;
    readonly sentences: readonly string[];
  };
  if (input.options.json) show(input, answer);
  else input.out([`${id}: ${answer.verdict}`, ...answer.sentences.map((sentence) => `  ${sentence}`)].join("\n"));
  return 0;
};
