import { lintText } from "../../operations/lint.ts";
import { backtestText } from "../backtest-text.ts";
import type { Run } from "../command.ts";
import { show } from "../systems.ts";
import { read } from "./lint.ts";

/** Replays recorded data through a playbook, and says what it would have done. */
export const backtest: Run = async (input) => {
  const { candidate, stable, from, data = [] } = input.options;
  const playbook = input.words[0]!;
  const checked = lintText(read(playbook), playbook, input.colour);
  if (checked.issues.length > 0) {
    input.say(checked.text);
    return 3;
  }
  const { backtestFiles } = await import("../../app/backtest/backtest-files.ts");
  const answer = await backtestFiles({ playbook, data, candidate, stable, from });
  if (input.options.json) show(input, answer);
  else input.out(backtestText(answer));
  return input.options["fail-on-harm"] && answer.wouldHaveRolledBack > 0 ? 13 : 0;
};
