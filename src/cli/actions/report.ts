import { renderReport } from "../../app/report-text.ts";
import { RollbookError } from "../../core/errors.ts";
import { ask } from "../client.ts";
import type { CommandInput, Run } from "../command.ts";
import type { ExitCode } from "../exit-codes.ts";
import { newestRollout, rolloutPath, show } from "../systems.ts";
import { keyOf, textIn } from "./ledger-files.ts";

export const report: Run = async (input) => {
  const answer = await ask(input, "GET", rolloutPath(await newestRollout(input), "report"));
  if (input.options.json) show(input, answer);
  else input.out(renderReport(answer as Parameters<typeof renderReport>[0]));
  return 0;
};

export const explain: Run = async (input) => {
  if (input.options.ledger !== undefined) return explainOffline(input, input.options.ledger);
  const id = await newestRollout(input);
  const answer = (await ask(input, "GET", rolloutPath(id, "explanation"))) as {
    readonly verdict: string;
    readonly sentences: readonly string[];
  };
  if (input.options.json) show(input, answer);
  else input.out([`${id}: ${answer.verdict}`, ...answer.sentences.map((sentence) => `  ${sentence}`)].join("\n"));
  return 0;
};

/** From an exported ledger alone: 30 when it is not what was signed, or the decision is another one. */
async function explainOffline(input: CommandInput, file: string): Promise<ExitCode> {
  const { readLedgerFile } = await import("../../app/ledger-file.ts");
  const { key, origin } = input.options;
  const record = readLedgerFile(textIn(file));
  const signed = key === undefined ? undefined : await record.verify(keyOf(key), origin);
  if (signed?.kind === "broken") {
    input.out(`BROKEN: ${signed.reason}`);
    return 30;
  }
  const id = input.words[0] ?? record.decided().at(-1);
  if (id === undefined) throw new RollbookError("NOT_FOUND", { what: `a decision in ${file}` });
  const answer = await record.explain(id);
  const { verdict, sentences, recomputed } = answer;
  const seal = signed
    ? `Its ${signed.size} entries are what was signed.`
    : "Its signature was not checked: give `--key`.";
  if (input.options.json) show(input, { ...answer, ...(signed ? { signed } : {}) });
  else input.out([`${id}: ${verdict}`, ...[...sentences, seal].map((sentence) => `  ${sentence}`)].join("\n"));
  return recomputed === "same" || recomputed === "not-judged" ? 0 : 30;
}
