import { type ErrorCode, errorCatalogue, RollbookError } from "../core/errors.ts";
import { nearestWord } from "../operations/words.ts";
import { Refusal } from "./client.ts";
import type { Command, CommandInput } from "./command.ts";
import { commands } from "./commands.ts";
import { helpOf, overview, usageOf } from "./help-text.ts";
import { checkOptions, parseLine } from "./parse-line.ts";
import { safeText } from "./safe-text.ts";

/** What the command line gets from the outside; `server` and `token` are what the environment says. */
export type CliWorld = Omit<CommandInput, "words" | "options">;

/** Runs one command line. Answers the exit code and never throws: whatever goes wrong is said in words. */
export async function runCli(args: readonly string[], outside: CliWorld): Promise<number> {
  const world: CliWorld = {
    ...outside,
    out: (text) => outside.out(safeText(text, outside.colour)),
    say: (text) => outside.say(safeText(text, outside.colour)),
  };
  try {
    return await run(args, world);
  } catch (error) {
    if (error instanceof RollbookError || error instanceof Refusal) {
      world.say(error.explain());
      return error instanceof RollbookError ? error.exit : exitOf(error);
    }
    world.say((error as Error).stack ?? String(error));
    return 1;
  }
}

async function run(args: readonly string[], world: CliWorld): Promise<number> {
  const { words, options } = parseLine(args);
  const [first, ...rest] = words;
  const asked = first === "help" ? rest[0] : first;
  const help = options.help === true || first === "help";
  if (asked === undefined) {
    if (help) world.out(overview(commands));
    else world.say(overview(commands));
    return help ? 0 : 2;
  }
  const command = find(asked);
  if (help) {
    world.out(helpOf(asked, command));
    return 0;
  }
  checkOptions(asked, command, options);
  if (rest.length < command.words.least || rest.length > command.words.most) {
    throw new RollbookError("USAGE", { what: `Usage: ${usageOf(asked, command)}` });
  }
  const [choice] = rest;
  if (command.choices && choice !== undefined && !command.choices.includes(choice)) {
    const close = nearestWord(choice, command.choices);
    const what = `${asked} has no "${choice}"; ${close ? `is it "${close}"?` : `it has ${command.choices.join(", ")}`}`;
    throw new RollbookError("USAGE", { what });
  }
  const server = addressOf(options.server ?? world.server);
  const action = await command.load();
  return action({ ...world, words: rest, options, server, token: options.token ?? world.token });
}

function find(name: string): Command {
  if (Object.hasOwn(commands, name)) return commands[name]!;
  const close = nearestWord(name, Object.keys(commands));
  throw new RollbookError("USAGE", {
    what: `There is no command "${name}"${close ? `; is it "${close}"?` : ""}`,
  });
}

/** A refusal exits as the same error would here; what no catalogue knows (a proxy's 502, say) as "not reachable". */
function exitOf({ problem }: Refusal): number {
  const { code } = problem;
  return code !== undefined && Object.hasOwn(errorCatalogue, code) ? errorCatalogue[code as ErrorCode].exit : 4;
}

function addressOf(server: string): string {
  if (/^https?:\/\/\S+$/.test(server) && URL.canParse(server)) return server;
  throw new RollbookError("USAGE", { what: `--server must be an address like http://127.0.0.1:7464, not "${server}"` });
}
