import type { Command } from "./command.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { optionTable } from "./options.ts";
import { optionsOf, valueName } from "./parse-line.ts";

const GROUPS: Readonly<Record<Command["group"], string>> = {
  begin: "Begin",
  playbook: "Playbooks",
  release: "Releases",
  look: "Look",
  system: "Systems",
  record: "Records",
};

/** All commands, one line each. */
export function overview(commands: Readonly<Record<string, Command>>): string {
  const all = Object.entries(commands);
  const width = Math.max(...all.map(([name]) => name.length)) + 2;
  const groups = (Object.keys(GROUPS) as Command["group"][]).flatMap((group) => {
    const own = all.filter(([, command]) => command.group === group);
    const lines = own.map(([name, { summary }]) => `  ${name.padEnd(width)}${firstSentence(summary)}`);
    return own.length > 0 ? ["", GROUPS[group], ...lines] : [];
  });
  return [
    "rollbook COMMAND [options]: ship AI with a proven way back",
    ...groups,
    "",
    "rollbook COMMAND --help says more of one, with examples. Data goes to stdout, talk to stderr; --json everywhere.",
    "Exit codes: 0 done · 2 usage · 3 invalid file · 4 not reachable · 5 not allowed · 10 refused; more with each command.",
  ].join("\n");
}

/** Everything about one command. */
export function helpOf(name: string, command: Command): string {
  const options = optionsOf(command).map((option) => [`--${option} ${valueName(option)}`.trimEnd(), option] as const);
  const width = Math.max(...options.map(([text]) => text.length)) + 2;
  return [
    usageOf(name, command),
    "",
    `  ${command.summary}`,
    "",
    "Options",
    ...options.map(([text, option]) => `  ${text.padEnd(width)}${optionTable[option].says}`),
    "",
    command.examples.length > 1 ? "Examples" : "Example",
    ...command.examples.map(([line, says]) => `  ${line}\n      ${says}`),
    "",
    "Exit codes",
    ...exitsOf(command).map((code) => `  ${String(code).padEnd(5)}${exitCodes[code]}`),
  ].join("\n");
}

export function usageOf(name: string, { usage, needs = [] }: Command): string {
  return ["rollbook", name, usage, ...needs.map((option) => `--${option} ${valueName(option)}`)]
    .filter((part) => part !== "")
    .join(" ");
}

export function exitsOf({ exits = [], asks }: Command): readonly ExitCode[] {
  return ([0, 1, 2, ...(asks ? ([4, 5] as const) : []), ...exits] as ExitCode[]).sort((a, b) => a - b);
}

function firstSentence(summary: string): string {
  return summary.split(/(?<=\.)\s/)[0] ?? summary;
}
