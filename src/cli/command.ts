/** What a command gets: its words, its options, and where to write. Data goes to `out`, talk to `say`. */
export interface CommandInput {
  readonly words: readonly string[];
  readonly options: Options;
  readonly out: (text: string) => void;
  readonly say: (text: string) => void;
}

export interface Options {
  readonly json: boolean;
  readonly dryRun: boolean;
  readonly server: string;
  readonly token: string | undefined;
  readonly reason: string | undefined;
  readonly colour: boolean;
}

/** One command: what help shows, and what it does. Answers the exit code. */
export interface Command {
  readonly usage: string;
  readonly summary: string;
  readonly words: { readonly least: number; readonly most: number };
  readonly run: (input: CommandInput) => Promise<number>;
}
