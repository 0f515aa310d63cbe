import { createInterface } from "node:readline/promises";
import type { Person } from "./command.ts";

/** The person at this terminal. Questions go to stderr, so that stdout stays data. */
export function terminalPerson(): Person {
  const line = createInterface({ input: process.stdin, output: process.stderr });
  const { promise: left, resolve: leave } = Promise.withResolvers<undefined>();
  line.once("SIGINT", () => leave(undefined));
  line.once("close", () => leave(undefined));
  return {
    ask: async (question) => Promise.race([line.question(question).then((answer) => answer.trim()), left]),
    leave: () => line.close(),
  };
}
