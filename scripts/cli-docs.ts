// The text of docs/cli.md, from the tables of commands, options and exit codes.
import { commands } from "../src/cli/commands.ts";
import { exitCodes } from "../src/cli/exit-codes.ts";
import { exitsOf, overview, usageOf } from "../src/cli/help-text.ts";
import { optionTable } from "../src/cli/options.ts";
import { optionsOf, valueName } from "../src/cli/parse-line.ts";

export function cliDocs(): string {
  const sections = Object.entries(commands).map(([name, command]) => {
    const options = optionsOf(command)
      .filter((option) => !(option in GENERAL))
      .map((option) => `| \`${`--${option} ${valueName(option)}`.trimEnd()}\` | ${optionTable[option].says} |`);
    return [
      `## ${name}`,
      "",
      `\`${usageOf(name, command)}\`${command.asks ? "" : " · needs no running Rollbook"}`,
      "",
      command.summary,
      "",
      ...(options.length > 0 ? ["| option | |", "|---|---|", ...options, ""] : []),
      "```sh",
      ...command.examples.flatMap(([line, says]) => [`# ${says}`, line]),
      "```",
      "",
      `Exit codes: ${exitsOf(command).join(", ")}.`,
      "",
    ].join("\n");
  });
  const codes = Object.entries(exitCodes).map(([code, says]) => `| ${code} | ${says} |`);
  return [HEAD, "```text", overview(commands), "```", "", EXITS, ...codes, "", COMPLETION, ...sections].join("\n");
}

/** Options that are described once. */
const GENERAL = { json: true, help: true, server: true, token: true } as const;

const HEAD = `# Command line

This page is generated from the table of commands: \`node scripts/generate-docs.ts\`.

From a clone: \`npm run rollbook -- COMMAND\`. Data goes to stdout, talk to stderr; with \`--json\` stdout is data for
programs only. Nothing is coloured where no person reads, or with \`NO_COLOR\`. A mistyped command, word or option is
answered with the nearest right one, and nothing is done.

| every command | |
|---|---|
| \`--json\` | ${optionTable.json.says} |
| \`--help\` | ${optionTable.help.says} |
| \`--server URL\` | ${optionTable.server.says} |
| \`--token TOKEN\` | ${optionTable.token.says} |

The last two belong to commands that call a running Rollbook. A change that was sent and got no answer exits with 4 and
says that it may have been done.
`;

const EXITS = `## Exit codes

Scripts may rely on them: they do not change.

| code | means |
|---|---|`;

const COMPLETION = `## Completion in the shell

\`source <(rollbook completion bash)\`, the same with \`zsh\`, or
\`rollbook completion fish > ~/.config/fish/completions/rollbook.fish\`. The scripts are generated from the table of
commands and call nothing.
`;
