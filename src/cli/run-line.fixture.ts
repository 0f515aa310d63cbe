import type { Person } from "./command.ts";
import { runCli } from "./run-cli.ts";

export interface Said {
  readonly exit: number;
  readonly out: string;
  readonly say: string;
}

export interface LineWorld {
  readonly server?: string;
  readonly token?: string;
  readonly stdin?: readonly string[];
  readonly person?: () => Promise<Person>;
  readonly signal?: AbortSignal;
}

/** Runs one command line in this process, and answers what it wrote. Nobody listens at the default server's port. */
export async function runLine(args: readonly string[], world: LineWorld = {}): Promise<Said> {
  const [out, say]: [string[], string[]] = [[], []];
  const exit = await runCli(args, {
    out: (text) => void out.push(text),
    say: (text) => void say.push(text),
    server: world.server ?? "http://127.0.0.1:9",
    token: world.token,
    colour: false,
    interrupted: () => world.signal ?? new AbortController().signal,
    person: world.person,
    async *lines() {
      yield* world.stdin ?? [];
    },
  });
  return { exit, out: out.join("\n"), say: say.join("\n") };
}

/** A person who answers from a list, and leaves when it is empty. */
export function scripted(answers: readonly string[]): {
  readonly person: () => Promise<Person>;
  readonly asked: string[];
} {
  const left = [...answers];
  const asked: string[] = [];
  const person: Person = {
    async ask(question) {
      asked.push(question);
      return left.shift();
    },
    leave: () => undefined,
  };
  return { person: async () => person, asked };
}
