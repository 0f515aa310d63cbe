import { parseArgs } from "node:util";

/** Reads `--name value` pairs of a child program; ends the process with 2 and a sentence when one is missing or unknown. */
export function childArguments<Needed extends string, Optional extends string = never>(
  needed: readonly Needed[],
  optional: readonly Optional[] = [],
): Record<Needed, string> & Partial<Record<Optional, string>> {
  const names: readonly string[] = [...needed, ...optional];
  try {
    const { values } = parseArgs({
      options: Object.fromEntries(names.map((name) => [name, { type: "string" as const }])),
    });
    for (const name of needed) if (values[name] === undefined) throw new Error(`--${name} is missing`);
    return values as Record<Needed, string> & Partial<Record<Optional, string>>;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  }
}

/** A whole number of an argument; ends the process with 2 when it is none. */
export function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name} must be a whole number, not "${text}"\n`);
  process.exit(2);
}

/** Tells the parent something; without a parent it goes to stdout, so that every program can also be started by hand. */
export function tellParent(message: object): void {
  if (process.send) process.send(message, undefined, {}, () => undefined);
  else process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Runs `stop` and ends when the parent is gone or sends `{ stop: true }`, on SIGTERM, and on Ctrl+C without a parent. */
export function stopWithParent(stop: () => Promise<void> | void): void {
  let stopping = false;
  const end = (): void => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(0), 1000).unref();
    void Promise.resolve(stop()).finally(() => process.exit(0));
  };
  process.on("disconnect", end);
  process.on("SIGTERM", end);
  // Ctrl+C reaches the whole group of processes; then the parent decides in which order they end.
  process.on("SIGINT", () => {
    if (!process.send) end();
  });
  process.on("message", (message: unknown) => {
    if (typeof message === "object" && message !== null && "stop" in message) end();
  });
}
