import assert from "node:assert/strict";
import type { Digest } from "../core/digest.ts";
import type { Applied, RestoreAdapter, RestoreRequest } from "../core/ports.ts";

/** What one test of the contract works on. */
export interface RestoreAdapterWorld {
  readonly adapter: RestoreAdapter;
  readonly at: string;
  /** The first serves at the start; both are retained. */
  readonly revisions: readonly [Digest, Digest];
  /** A digest that the target does not hold. */
  readonly unknown: Digest;
  /** What people call the second revision at the target, for adapters that can resolve a name. */
  readonly reference?: string;
  /** Somebody else makes this revision live, not through the adapter. */
  rival?(digest: Digest): Promise<void>;
  /** The controller that keeps the first revision in place does its work once, where the setup has one. */
  rivalActs?(): Promise<void>;
  stop(): Promise<void>;
}

/** A world, and the signal that ends what takes too long. */
export type Trial = RestoreAdapterWorld & { readonly signal: AbortSignal };

/** What serves now; fails where that is not known. */
export async function live({ adapter, at, signal }: Trial): Promise<{ digest: Digest; version: string }> {
  const found = await adapter.read(at, signal);
  assert.ok(found.kind === "live", found.kind === "unreachable" ? found.reason : "");
  return { digest: found.digest, version: found.version };
}

/** Applies as a saga does: what serves is read first. */
export async function apply(
  world: Trial,
  request: Pick<RestoreRequest, "desired"> & Partial<RestoreRequest>,
): Promise<Applied> {
  const before = request.before ?? (await live(world));
  return world.adapter.apply({ at: world.at, key: "one", fence: 1, ...request, before }, world.signal);
}

export async function changesNothing(
  world: Trial,
  request: Pick<RestoreRequest, "desired"> & Partial<RestoreRequest>,
  kind: Applied["kind"],
): Promise<void> {
  const before = await live(world);
  answers(await apply(world, request), [kind]);
  assert.deepEqual(await live(world), before, `${kind}, and yet the target changed`);
}

export function answers(answer: Applied, kinds: readonly Applied["kind"][]): void {
  const reason = "reason" in answer ? ` (${answer.reason})` : "";
  assert.ok(kinds.includes(answer.kind), `answered ${answer.kind}${reason}, expected ${kinds.join(" or ")}`);
}
