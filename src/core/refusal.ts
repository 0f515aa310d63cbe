import { RollbookError } from "./errors.ts";

/** A refusal, with what to do about this very reason. */
export function refuse(reason: string, todo: string, more: Readonly<Record<string, string>> = {}): RollbookError {
  return new RollbookError("RELEASE_REFUSED", { reason, todo, ...more });
}

/** Several reasons at once: what to do about each, and about none of them twice. */
export interface RefusalReason {
  readonly text: string;
  readonly todo: string;
}

export function refuseFor(reasons: readonly RefusalReason[]): RollbookError {
  const todos = [...new Set(reasons.map(({ todo }) => todo))];
  return refuse([...new Set(reasons.map(({ text }) => text))].join("; "), todos.join(" "));
}
