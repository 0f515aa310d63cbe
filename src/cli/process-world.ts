import { environment } from "../app/environment.ts";
import { runCli } from "./run-cli.ts";

/** Runs a command line in this process: its streams, its environment, its terminal. Answers the exit code. */
export async function runHere(args: readonly string[]): Promise<number> {
  const interruption = new AbortController();
  // A reader that has gone (`| head`) is no failure: what is left unwritten is dropped, and a live stream ends.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      interruption.abort("closed");
    });
  }
  let listening = false;
  return runCli(args, {
    ...environment,
    out: (text) => void process.stdout.write(`${text}\n`),
    say: (text) => void process.stderr.write(`${text}\n`),
    interrupted() {
      if (!listening) process.once("SIGINT", () => interruption.abort("interrupted"));
      listening = true;
      return interruption.signal;
    },
    person:
      process.stdin.isTTY && process.stderr.isTTY
        ? async () => (await import("./terminal-person.ts")).terminalPerson()
        : undefined,
    async *lines() {
      const { createInterface } = await import("node:readline");
      yield* createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
    },
  });
}
