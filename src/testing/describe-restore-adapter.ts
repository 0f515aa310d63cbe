import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Digest } from "../core/digest.ts";
import type { RestoreAdapter } from "../core/ports.ts";
import { type RestoreAdapterWorld, restoreAdapterContract } from "./restore-adapter-contract.ts";

export type { RestoreAdapterWorld } from "./restore-adapter-contract.ts";

/** Milliseconds for one test of the contract. */
const TIMEOUT = 20_000;

/** A test of the contract that cannot hold for this adapter, and why not. */
export interface ContractSkip {
  readonly test: string;
  readonly reason: string;
}

export interface RestoreAdapterSuite {
  readonly name: string;
  /** A fresh target for each test, at which `revisions[0]` serves and `revisions[1]` is retained. */
  readonly setup: () => Promise<RestoreAdapterWorld>;
  readonly skip?: readonly ContractSkip[];
}

/**
 * The contract of `RestoreAdapter` as a `node:test` suite; every adapter, ours or yours, passes it. A skip needs the
 * exact name of a test and a reason, which the test report shows after `by contract:`. Throws on any other skip.
 */
export function describeRestoreAdapter({ name, setup, skip = [] }: RestoreAdapterSuite): void {
  const reasons = reasonsOf(skip);
  describe(`${name} keeps the contract of a restore adapter`, () => {
    for (const { test: title, needs, check } of restoreAdapterContract) {
      const reason = reasons.get(title);
      const options = { timeout: TIMEOUT, ...(reason === undefined ? {} : { skip: `by contract: ${reason}` }) };
      test(title, options, async (context) => {
        const world = await setup();
        try {
          const lacking = needs?.(world);
          if (lacking !== undefined) return context.skip(`by contract: ${lacking}`);
          assertUsable(world);
          await check({ ...world, signal: context.signal });
        } finally {
          await world.stop();
        }
      });
    }
  });
}

function reasonsOf(skips: readonly ContractSkip[]): ReadonlyMap<string, string> {
  for (const { test: title, reason } of skips) {
    if (!restoreAdapterContract.some((one) => one.test === title)) {
      throw new Error(`"${title}" is no test of the restore adapter's contract.`);
    }
    if (reason.trim() === "") throw new Error(`The skip of "${title}" needs a reason.`);
  }
  return new Map(skips.map(({ test: title, reason }) => [title, reason]));
}

function assertUsable({ adapter, at, revisions, unknown }: { adapter: RestoreAdapter } & RestoreAdapterWorld): void {
  assert.ok(adapter.serves(at), `the setup's address ${at} is not served by the adapter`);
  assert.equal(new Set<Digest>([...revisions, unknown]).size, 3, "the setup needs three different digests");
}
