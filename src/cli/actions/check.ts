import { checkText } from "../../operations/check.ts";
import { checkPage } from "../check-page.ts";
import type { Run } from "../command.ts";
import { show } from "../systems.ts";
import { read } from "./lint.ts";

/** Prints what the triggers of a playbook can do with the stated traffic, and what they cost. */
export const check: Run = async (input) => {
  const file = input.words[0]!;
  const { traffic, baseline, harm, was } = input.options;
  const { undoBeside } = await import("../../app/lint-context.ts");
  const before = was === undefined ? undefined : { text: read(was), file: was };
  const request = { traffic, baseline, harm, was: before, colour: input.colour };
  const answer = checkText(read(file), file, request, await undoBeside(file));
  if (answer.kind === "invalid") {
    input.say(answer.text);
    return 3;
  }
  if (input.options.json) show(input, answer.physics);
  else input.out(checkPage(answer.physics));
  return answer.ok ? 0 : 3;
};
