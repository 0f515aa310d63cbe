import type { Run } from "../command.ts";
import { commands } from "../commands.ts";
import { bashCompletion, fishCompletion, zshCompletion } from "../completion-scripts.ts";
import { show } from "../systems.ts";

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export const completion: Run = async (input) => {
  const shell = input.words[0] as keyof typeof scripts;
  const script = scripts[shell](commands);
  if (input.options.json) show(input, { shell, script });
  else input.out(script);
  return 0;
};
