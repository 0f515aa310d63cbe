import { RollbookError } from "../../core/errors.ts";
import type { Run } from "../command.ts";

/** Runs until somebody ends it; rollouts that are cut off go on with the next start. */
export const serve: Run = async (input) => {
  const { serveFolder } = await import("../../app/serve-folder.ts");
  const { variable } = await import("../../app/environment.ts");
  const { options, words, say } = input;
  const stopped = new Promise<"SIGINT" | "SIGTERM">((resolve) => {
    input.interrupted().addEventListener("abort", () => resolve("SIGINT"));
    process.once("SIGTERM", () => resolve("SIGTERM"));
  });
  const serving = await serveFolder({
    folder: words[0] ?? ".",
    ...(options.port === undefined ? {} : { port: portOf(options.port) }),
    ...(options.store === undefined ? {} : { store: options.store }),
    newToken: options["new-token"] ?? false,
    secretOf: variable,
    say,
  });
  const signal = await stopped;
  say(`${signal}: ending; what was not finished goes on with the next start`);
  await serving.stop();
  return signal === "SIGINT" ? 130 : 0;
};

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new RollbookError("USAGE", { what: `--port is a number from 0 to 65535, not "${text}"` });
}
