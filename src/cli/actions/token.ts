import { ask } from "../client.ts";
import type { Run } from "../command.ts";
import { show } from "../systems.ts";

/** Makes an API token; its secret is printed once. */
export const token: Run = async (input) => {
  const made = (await ask(input, "POST", "/v1/tokens", {
    id: input.words[0],
    role: input.options.role ?? "reporter",
  })) as {
    readonly token: string;
  };
  if (input.options.json) show(input, made);
  else input.out(made.token);
  return 0;
};
