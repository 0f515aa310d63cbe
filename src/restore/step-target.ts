import { digestOf } from "../core/digest.ts";
import type { Step } from "../core/plan.ts";
import type { RestoreAdapter } from "../core/ports.ts";

/** What a step reads and changes. */
export type StepTarget = Pick<RestoreAdapter, "read" | "apply" | "seen">;

/**
 * The component of a step, or its rival: that is read and changed by the same protocol, its state's digest being its
 * identity. Throws when the adapter knows no rivals.
 */
export function targetOf(adapter: RestoreAdapter, { kind, at, through = at, state = "" }: Step): StepTarget {
  if (kind === undefined) return adapter;
  if (!adapter.readRival || !adapter.writeRival) throw new Error(`${adapter.name} can freeze nobody at ${at}`);
  const rival = { at, through };
  return {
    async read(_, signal) {
      const found = await adapter.readRival!(rival, signal);
      return found.kind === "live" ? { ...found, digest: digestOf(found.state) } : found;
    },
    apply: ({ before, key, fence }, signal) =>
      adapter.writeRival!({ ...rival, state, before: { version: before.version }, key, fence }, signal),
  };
}
