import { RollbookError } from "../core/errors.ts";
import { refuse } from "../core/refusal.ts";

/** Another process holds the newer fence: this one must not touch anything any more. */
export class FencedError extends Error {
  constructor(resource: string) {
    super(`another controller acts on ${resource}`);
    this.name = "FencedError";
  }
}

/** The same, before anything was begun: the right to act was not to be had. */
export function heldElsewhere(system: string): RollbookError {
  return refuse(
    `another controller acts on ${system}`,
    "Ask that one, or try again when its lease is over: in a few seconds.",
    { elsewhere: system },
  );
}

/** Did something end because another process acts? */
export function actsElsewhere(error: unknown): boolean {
  return error instanceof FencedError || (error instanceof RollbookError && error.details["elsewhere"] !== undefined);
}
