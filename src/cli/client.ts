import { RollbookError } from "../core/errors.ts";

/** Calls a running Rollbook. A refusal comes back as the RollbookError that the server raised. */
export async function call(
  server: string,
  token: string | undefined,
  method: "GET" | "POST",
  path: string,
  body?: object,
): Promise<unknown> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (token) headers["authorization"] = `Bearer ${token}`;
  const init = {
    method,
    headers,
    signal: AbortSignal.timeout(30_000),
    ...(body ? { body: JSON.stringify(body) } : {}),
  };
  const answer = await fetch(new URL(path, server), init).catch((error: Error) => {
    const cause = error.cause instanceof Error ? error.cause.message : error.message;
    throw new RollbookError("SERVER_UNREACHABLE", { url: server, reason: cause || "no connection" });
  });
  const text = await answer.text().catch(() => "");
  const output = parsed(text);
  if (answer.ok && output !== undefined) return output;
  const foreign = { title: `${server} answered ${answer.status}, and not as Rollbook does`, hint: "Is it Rollbook?" };
  throw new Refusal(isProblem(output) ? output : foreign);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isProblem(output: unknown): output is Problem {
  return output !== null && typeof output === "object" && "title" in output && typeof output.title === "string";
}

interface Problem {
  readonly title: string;
  readonly code?: string;
  readonly state?: string;
  readonly hint?: string;
}

/** What the server refused, in the server's own words. */
export class Refusal extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.title);
    this.name = "Refusal";
    this.problem = problem;
  }

  explain(): string {
    const { title, state, hint, code } = this.problem;
    return [title, state && `  state: ${state}`, hint && `  to do: ${hint}`, code && `  code:  ${code}`]
      .filter((line) => line !== undefined)
      .join("\n");
  }
}
