import type { Command } from "./command.ts";
import { type OptionName, optionTable } from "./options.ts";
import { optionsOf, valueName } from "./parse-line.ts";

type Commands = Readonly<Record<string, Command>>;

/** What a value may be, where that is a fixed choice. */
const VALUES: Partial<Record<OptionName, readonly string[]>> = {
  kind: ["http-model", "prompt", "agent"],
  risk: ["low", "medium", "high"],
};
const FOLDERS: readonly OptionName[] = ["folder", "out"];
const FILES: readonly OptionName[] = ["key", "answers"];

const flagsOf = (command: Command) => optionsOf(command).map((option) => `--${option}`);

/** Does its word name a file? */
const takesFile = ({ usage }: Command) => /FILE|DIR/.test(usage);

/** For bash 3.2 and newer, which macOS still has. */
export function bashCompletion(commands: Commands): string {
  const options = Object.entries(commands).map(
    ([name, command]) => `    ${name}) flags="${flagsOf(command).join(" ")}" ;;`,
  );
  const choices = Object.entries(commands).flatMap(([name, { choices: words }]) =>
    words ? [`    ${name}) words="${words.join(" ")}" ;;`] : [],
  );
  const files = Object.entries(commands).flatMap(([name, command]) => (takesFile(command) ? [name] : []));
  const valued = (Object.keys(optionTable) as OptionName[]).filter((option) => valueName(option) !== "");
  const pattern = (names: readonly OptionName[]) => names.map((name) => `--${name}`).join("|");
  const plain = valued.filter((name) => !VALUES[name] && !FOLDERS.includes(name) && !FILES.includes(name));
  return `# bash completion of rollbook: source <(rollbook completion bash)
_rollbook() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="" place=0 i word flags="" words=""
  COMPREPLY=()
  case "$previous" in
${Object.entries(VALUES)
  .map(([name, values]) => `    --${name}) COMPREPLY=($(compgen -W "${values.join(" ")}" -- "$current")); return ;;`)
  .join("\n")}
    ${pattern(FOLDERS)}) COMPREPLY=($(compgen -d -- "$current")); return ;;
    ${pattern(FILES)}) COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${pattern(plain)}) return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$word" in
      ${pattern(valued)}) ((i++)) ;;
      -*) ;;
      *) if [ -z "$command" ]; then command="$word"; else ((place++)); fi ;;
    esac
  done
  if [ -z "$command" ]; then
    COMPREPLY=($(compgen -W "help ${Object.keys(commands).join(" ")} --help" -- "$current"))
    return
  fi
  if [ "$command" = help ]; then
    COMPREPLY=($(compgen -W "${Object.keys(commands).join(" ")}" -- "$current"))
    return
  fi
  case "$command" in
${options.join("\n")}
  esac
  case "$command" in
${choices.join("\n")}
  esac
  if [ "\${current:0:1}" = - ]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  elif [ -n "$words" ] && [ "$place" = 0 ]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    case "$command" in
      ${files.join("|")}) COMPREPLY=($(compgen -f -- "$current")) ;;
    esac
  fi
}
complete -o filenames -F _rollbook rollbook`;
}

/** For zsh: of use both when sourced and as a file \`_rollbook\` in \`fpath\`. */
export function zshCompletion(commands: Commands): string {
  const described = Object.entries(commands).map(([name, { summary }]) => `    ${quoted(`${name}:${brief(summary)}`)}`);
  const cases = Object.entries(commands).map(([name, command]) => {
    const flags = optionsOf(command).map((option) => {
      const value = valueName(option);
      const action = FOLDERS.includes(option) ? "_files -/" : FILES.includes(option) ? "_files" : "";
      const choice = VALUES[option] ? `(${VALUES[option].join(" ")})` : action;
      return quoted(
        `--${option}[${bracketed(optionTable[option].says)}]${value === "" ? "" : `:${colonless(value)}:${choice}`}`,
      );
    });
    const words = command.choices
      ? [quoted(`1:what:(${command.choices.join(" ")})`), quoted("*:file:_files")]
      : takesFile(command)
        ? [quoted("*:file:_files")]
        : [];
    return `    ${name}) _arguments ${[...flags, ...words].join(" ")} ;;`;
  });
  return `#compdef rollbook
# zsh completion of rollbook: source <(rollbook completion zsh)
_rollbook() {
  local -a all
  all=(
${described.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command all
    return
  fi
  local name="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$name" in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = _rollbook ]; then
  _rollbook "$@"
else
  compdef _rollbook rollbook
fi`;
}

/** For fish 3 and newer. */
export function fishCompletion(commands: Commands): string {
  const lines = Object.entries(commands).flatMap(([name, command]) => {
    const seen = `-n ${quoted(`__fish_seen_subcommand_from ${name}`)}`;
    const flags = optionsOf(command).map((option) => {
      const value = VALUES[option]
        ? ` -x -a ${quoted(VALUES[option].join(" "))}`
        : valueName(option) === ""
          ? ""
          : " -r";
      return `complete -c rollbook ${seen} -l ${option}${value} -d ${quoted(optionTable[option].says)}`;
    });
    const words = command.choices ? [`complete -c rollbook ${seen} -a ${quoted(command.choices.join(" "))}`] : [];
    const files = takesFile(command) ? [`complete -c rollbook ${seen} -F`] : [];
    return [
      `complete -c rollbook -n __fish_use_subcommand -a ${name} -d ${quoted(brief(command.summary))}`,
      ...flags,
      ...words,
      ...files,
    ];
  });
  return ["# fish completion of rollbook: rollbook completion fish | source", "complete -c rollbook -f", ...lines].join(
    "\n",
  );
}

/** Single quotes, which sh, zsh and fish read alike when none is inside. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "’")}'`;
}

function brief(summary: string): string {
  return (summary.split(/(?<=\.)\s/)[0] ?? summary).replace(/\.$/, "").replaceAll("`", "");
}

const bracketed = (text: string) => text.replaceAll(/[[\]]/g, "").replaceAll(":", "\\:").replaceAll("`", "");
const colonless = (text: string) => text.replaceAll(":", " ");
