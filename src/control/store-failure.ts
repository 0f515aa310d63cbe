import type { Store } from "../core/ports.ts";
import { reasonOf } from "../restore/target-call.ts";

/** What stores have thrown, as they threw it. */
const failures = new WeakSet<object>();

/** The same store; what it throws is known as its failure from then on, and not taken for a fault of ours. */
export function knowingFailures(store: Store): Store {
  const calls = Object.entries(store).map(([name, method]) => [
    name,
    (...given: readonly unknown[]) =>
      (method as (...all: readonly unknown[]) => Promise<unknown>)(...given).catch(thrown),
  ]);
  return Object.fromEntries(calls);
}

function thrown(error: unknown): never {
  if (error instanceof Object) failures.add(error);
  throw error;
}

export function isStoreFailure(error: unknown): boolean {
  return error instanceof Object && failures.has(error);
}

/** Why something failed; a fault of ours with its kind, because its message alone says little. */
export function failureText(error: unknown): string {
  return isStoreFailure(error) || !(error instanceof Error) ? reasonOf(error) : `${error.name}: ${error.message}`;
}
