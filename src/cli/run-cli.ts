import { parseArgs } from "node:util";
import { type ErrorCode, errorCatalogue, RollbookError } from "../core/errors.ts";
import { nearestWord } from "../operations/words.ts";
import { Refusal } from "./client.ts";
import type { Command, Options } from "./command.ts";
import { commands } from "./commands.ts";

/** What the command line gets from the outside: where data and talk go, and what the environment says. */
export interface CliWorld {
  readonly out: (text: string) => void;
  readonly say: (text: string) => void;
  readonly server: string;
  readonly token: string | undefined;
  readonly colour: boolean;
}

/** Runs one command line. Answers the exit code and never throws: whatever goes wrong is said in words. */
export async function runCli(args: readonly string[], world: CliWorld): Promise<number> {
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
  const { words, options, help } = parse(args, world);
  const [name, ...rest] = words;
  if (name === undefined) {
    if (help) world.out(overview());
    else world.say(overview());
    return help ? 0 : 2;
  }
  const command = find(name);
  if (help) {
    world.out(`rollbook ${command.usage}\n\n  ${command.summary}`);
    return 0;
  }
  if (rest.length < command.words.least || rest.length > command.words.most) {
    throw new RollbookError("USAGE", { what: `Usage: rollbook ${command.usage}` });
  }
  return command.run({ words: rest, options, out: world.out, say: world.say });
}

function find(name: string): Command {
  if (Object.hasOwn(commands, name)) return commands[name]!;
  const close = nearestWord(name, Object.keys(commands));
  throw new RollbookError("USAGE", { what: `There is no command "${name}"${close ? `; is it "${close}"?` : ""}` });
}

/** A refusal exits as the same error would here; what no catalogue knows (a proxy's 502, say) as "not reachable". */
function exitOf({ problem }: Refusal): number {
  const { code } = problem;
  return code !== undefined && Object.hasOwn(errorCatalogue, code) ? errorCatalogue[code as ErrorCode].exit : 4;
}

function parse(args: readonly string[], { server, token, colour }: CliWorld) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        "dry-run": { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        server: { type: "string", default: server },
        token: { type: "string" },
        reason: { type: "string" },
      },
    });
    const options: Options = {
      json: values.json,
      dryRun: values["dry-run"],
      server: addressOf(values.server),
      token: values.token ?? token,
      reason: values.reason,
      colour,
    };
    return { words: positionals, options, help: values.help };
  } catch (error) {
    if (error instanceof RollbookError) throw error;
    throw new RollbookError("USAGE", { what: (error as Error).message });
  }
}

function addressOf(server: string): string {
  if (/^https?:\/\/\S+$/.test(server) && URL.canParse(server)) return server;
  throw new RollbookError("USAGE", { what: `--server must be an address like http://127.0.0.1:7464, not "${server}"` });
}

export function overview(): string {
  const all = Object.values(commands);
  const width = Math.max(...all.map(({ usage }) => usage.length)) + 2;
  return [
    "rollbook COMMAND [options]: ship AI with a proven way back",
    "",
    ...all.map(({ usage, summary }) => `  rollbook ${usage.padEnd(width)} ${summary}`),
    "",
    "  --json         data on stdout",
    "  --dry-run      say what would be done, with the plan and its digest; change nothing",
    "  --server URL   where Rollbook runs (or ROLLBOOK_SERVER; http://127.0.0.1:7464)",
    "  --token T      who asks (or ROLLBOOK_TOKEN); only changes need one",
    "  --help         also for one command: rollbook COMMAND --help",
    "",
    "Exit codes: 0 done · 1 internal · 2 usage · 3 invalid playbook · 4 not reachable · 5 not allowed · 10 refused · 30 ledger broken",
  ].join("\n");
}
