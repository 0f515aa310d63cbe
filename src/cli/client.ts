import { RollbookError } from "../core/errors.ts";
import type { CommandInput } from "./command.ts";

const ANSWER_MS = 30_000;

/** Failures that happen before anything was sent. */
const NEVER_SENT = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"];

/** Calls a running Rollbook. @throws Refusal in the server's own words, SERVER_UNREACHABLE */
export async function ask(
  { server, token }: Pick<CommandInput, "server" | "token">,
  method: "GET" | "POST",
  path: string,
  body?: object,
): Promise<unknown> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (token) headers["authorization"] = `Bearer ${token}`;
  const init = {
    method,
    headers,
    signal: AbortSignal.timeout(ANSWER_MS),
    ...(body ? { body: JSON.stringify(body) } : {}),
  };
  const answer = await fetch(new URL(path, server), init).catch((error: Error) => {
    throw failed(error, method, server);
  });
  const text = await answer.text().catch((error: Error) => {
    throw failed(error, method, server);
  });
  const output = parsed(text);
  if (answer.ok && output !== undefined) return output;
  const foreign = { title: `${server} answered ${answer.status}, and not as Rollbook does`, hint: "Is it Rollbook?" };
  throw new Refusal(isProblem(output) ? output : foreign);
}

/** A change that was sent and got no answer may have happened: that is another thing than "nobody is there". */
function failed(error: Error, method: string, server: string): Error {
  const { message = "no connection", code } = (error.cause ?? error) as { message?: string; code?: string };
  const reason = message || code || "no connection";
  if (method === "GET" || NEVER_SENT.includes(String(code)) || /bad port|connection refused/i.test(reason))
    return new RollbookError("SERVER_UNREACHABLE", { url: server, reason });
  return new Refusal({
    title: `${server} gave no answer: ${reason}`,
    state: "Unknown: it may have been done.",
    hint: "Look with `rollbook status` before you repeat it.",
  });
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
    const { title, state, code } = this.problem;
    const hint = code === "UNAUTHORISED" ? TOKEN_HINT : this.problem.hint;
    return [title, state && `  state: ${state}`, hint && `  to do: ${hint}`, code && `  code:  ${code}`]
      .filter((line) => line !== undefined)
      .join("\n");
  }
}

const TOKEN_HINT = "Set ROLLBOOK_TOKEN or --token; the first one was printed once, at the first start.";
