import { runbookOf } from "../../operations/runbook.ts";
import type { Run } from "../command.ts";
import { read } from "./lint.ts";

/** Prints a playbook as the runbook for people. */
export const render: Run = async (input) => {
  const file = input.words[0]!;
  const format = input.options.html ? "html" : "markdown";
  const date = new Date().toISOString().slice(0, 10);
  const runbook = runbookOf(read(file), file, { format, date, colour: input.colour });
  if (runbook.kind === "rendered") input.out(runbook.text.trimEnd());
  else input.say(runbook.text);
  return runbook.kind === "rendered" ? 0 : 3;
};
