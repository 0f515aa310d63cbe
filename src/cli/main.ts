#!/usr/bin/env node
import { parseArgs } from "node:util";
import { environment } from "../app/environment.ts";
import { RollbookError } from "../core/errors.ts";
import { Refusal } from "./client.ts";
import type { Options } from "./command.ts";
import { commands } from "./commands.ts";

const say = (text: string) => process.stderr.write(`${text}\n`);
const out = (text: string) => process.stdout.write(`${text}\n`);

function help(): string {
  const lines = Object.values(commands).map(({ usage, summary }) => `  rollbook ${usage.padEnd(34)} ${summary}`);
  return [
    "rollbook COMMAND [options]: ship AI with a proven way back",
    "",
    ...lines,
    "",
    "  --json       data on stdout       --dry-run   say what would be done, with the plan's digest",
    "  --server URL where Rollbook runs  --token T   or ROLLBOOK_TOKEN; --server or ROLLBOOK_SERVER",
    "",
    "Exit codes: 0 done · 1 internal · 2 usage · 3 invalid playbook · 4 not reachable · 5 not allowed · 10 refused · 30 ledger broken",
  ].join("\n");
}

function parse(args: readonly string[]): {
  readonly words: readonly string[];
  readonly options: Options;
  readonly help: boolean;
} {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        "dry-run": { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        server: { type: "string", default: environment.server },
        token: { type: "string" },
        reason: { type: "string" },
      },
    });
    const { json, server, reason } = values;
    const token = values.token ?? environment.token;
    const options = { json, dryRun: values["dry-run"], server, token, reason, colour: environment.colour };
    return { words: positionals, options, help: values.help };
  } catch (error) {
    throw new RollbookError("USAGE", { what: (error as Error).message });
  }
}

async function main(): Promise<number> {
  const { words, options, help: asked } = parse(process.argv.slice(2));
  const [name, ...rest] = words;
  if (asked || name === undefined) {
    out(help());
    return asked ? 0 : 2;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) throw new RollbookError("USAGE", { what: `There is no command "${name}"` });
  if (rest.length < command.words.least || rest.length > command.words.most) {
    throw new RollbookError("USAGE", { what: `Usage: rollbook ${command.usage}` });
  }
  return command.run({ words: rest, options, out, say });
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof RollbookError) {
    say(error.explain());
    process.exitCode = error.exit;
  } else if (error instanceof Refusal) {
    say(error.explain());
    const code = error.problem.code;
    process.exitCode = code === "UNAUTHORISED" ? 5 : code === "RELEASE_REFUSED" ? 10 : 2;
  } else {
    say((error as Error).stack ?? String(error));
    process.exitCode = 1;
  }
}
