import type { ExitCode } from "./exit-codes.ts";
import type { OptionName, Options } from "./options.ts";

/** What a command gets: its words, its options, and the world around it. Data goes to `out`, talk to `say`. */
export interface CommandInput {
  readonly words: readonly string[];
  readonly options: Options;
  readonly server: string;
  readonly token: string | undefined;
  readonly out: (text: string) => void;
  readonly say: (text: string) => void;
  /** May talk be coloured? */
  readonly colour: boolean;
  /** Aborts when a person presses Ctrl-C, or nobody reads the output any more; from the first call on. */
  readonly interrupted: () => AbortSignal;
  /** The person at the terminal; undefined where there is none to ask. */
  readonly person: (() => Promise<Person>) | undefined;
  /** Lines of stdin. */
  readonly lines: () => AsyncIterable<string>;
}

/** Somebody who can be asked. */
export interface Person {
  /** The trimmed answer; undefined when the person left with Ctrl-C or Ctrl-D. */
  ask(question: string): Promise<string | undefined>;
  leave(): void;
}

export type Run = (input: CommandInput) => Promise<ExitCode>;

/** One command: what help, completion and docs show, and where its action is. Actions are loaded when they are run. */
export interface Command {
  readonly group: "release" | "look" | "system" | "record" | "playbook" | "begin";
  /** Its words, after its name; options are listed by themselves. */
  readonly usage: string;
  readonly summary: string;
  /** Besides the general ones. */
  readonly options: readonly OptionName[];
  /** Options that it does not work without. */
  readonly needs?: readonly OptionName[];
  readonly words: { readonly least: number; readonly most: number };
  /** What its first word may be, where that is a fixed choice. */
  readonly choices?: readonly string[];
  /** Does it call a running Rollbook? */
  readonly asks: boolean;
  /** Whole command lines, with what they do. */
  readonly examples: readonly (readonly [line: string, says: string])[];
  /** Besides 0, 1 and 2, and 4 and 5 for those that call a running Rollbook. */
  readonly exits?: readonly ExitCode[];
  readonly load: () => Promise<Run>;
}
