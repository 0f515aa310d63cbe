import { parseArgs } from "node:util";
import { RollbookError } from "../core/errors.ts";
import { nearestWord } from "../operations/words.ts";
import type { Command } from "./command.ts";
import { generalOptions, type OptionName, type Options, optionTable, serverOptions } from "./options.ts";

/** A command line taken apart. The first word is the command. */
export interface Line {
  readonly words: readonly string[];
  readonly options: Options;
}

const settings = Object.fromEntries(
  Object.entries(optionTable).map(([name, spec]) => [
    name,
    {
      type: "value" in spec ? ("string" as const) : ("boolean" as const),
      multiple: "many" in spec,
      ...(name === "help" ? { short: "h" } : {}),
    },
  ]),
);

/** Reads a command line against the table of options. @throws USAGE for an option that there is not, or without its value */
export function parseLine(args: readonly string[]): Line {
  const { values, positionals, tokens } = parseArgs({
    args: [...args],
    options: settings,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    if (!isOption(name)) throw unknown(rawName);
    const spec = optionTable[name];
    if (!("value" in spec)) {
      if (value !== undefined) throw usage(`${rawName} is a switch and takes no value`);
    } else if (value === undefined || (!inlineValue && /^--?[a-z]/.test(value)))
      throw usage(`${rawName} needs a value: ${rawName} ${spec.value}`);
  }
  return { words: positionals, options: values as Options };
}

/** @throws USAGE for an option that this command does not take, or one that it needs */
export function checkOptions(name: string, command: Command, options: Options): void {
  const taken = optionsOf(command);
  for (const given of Object.keys(options) as OptionName[])
    if (!taken.includes(given))
      throw usage(`${name} takes no --${given}; it takes ${taken.map((one) => `--${one}`).join(", ")}`);
  const dry = options["dry-run"] === true;
  for (const needed of command.needs ?? [])
    if (options[needed] === undefined && !(dry && needed === "reason"))
      throw usage(`${name} needs --${needed} ${valueName(needed)}`.trimEnd());
}

/** All options of a command, its own first. */
export function optionsOf({ options, needs = [], asks }: Command): readonly OptionName[] {
  return [...options, ...needs, ...generalOptions, ...(asks ? serverOptions : [])];
}

/** What stands after an option; empty for a switch. */
export function valueName(name: OptionName): string {
  const spec = optionTable[name];
  return "value" in spec ? spec.value : "";
}

function isOption(name: string): name is OptionName {
  return Object.hasOwn(optionTable, name);
}

function unknown(raw: string): RollbookError {
  const close = nearestWord(raw.replace(/^-+/, ""), Object.keys(optionTable));
  return usage(`There is no option ${raw}${close ? `; is it --${close}?` : ""}`);
}

function usage(what: string): RollbookError {
  return new RollbookError("USAGE", { what });
}
