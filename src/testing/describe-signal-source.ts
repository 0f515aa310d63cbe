import { describe, test } from "node:test";
import { type SignalSourceWorld, signalSourceContract } from "./signal-source-contract.ts";

export type { SignalSourceWorld } from "./signal-source-contract.ts";

export interface SignalSourceSuite {
  readonly name: string;
  /** A fresh source for each test, in a world where nothing has happened yet. */
  readonly setup: () => Promise<SignalSourceWorld> | SignalSourceWorld;
  /** Tests of the contract that cannot hold for this source, by exact name, each with its reason. */
  readonly skip?: readonly { readonly test: string; readonly reason: string }[];
  /** Of one test, in milliseconds: 20 s without it. */
  readonly timeout?: number;
}

/**
 * The contract of `SignalSource` and `PolledSource` as a `node:test` suite: no count is lost, doubled or made up, and a
 * source that nobody answers is never well. Throws on a skip that names no test or has no reason.
 */
export function describeSignalSource({ name, setup, skip = [], timeout = 20_000 }: SignalSourceSuite): void {
  for (const { test: title, reason } of skip) {
    const known = signalSourceContract.some((one) => one.test === title);
    if (!known) throw new Error(`"${title}" is no test of the signal source's contract.`);
    if (reason.trim() === "") throw new Error(`The skip of "${title}" needs a reason.`);
  }
  describe(`${name} keeps the contract of a signal source`, () => {
    for (const { test: title, needs, check } of signalSourceContract) {
      const reason = skip.find((one) => one.test === title)?.reason;
      const options = { timeout, ...(reason === undefined ? {} : { skip: `by contract: ${reason}` }) };
      test(title, options, async (context) => {
        const world = await setup();
        try {
          const lacking = needs?.(world);
          if (lacking !== undefined) return context.skip(`by contract: ${lacking}`);
          await check({ ...world, signalOfAbort: context.signal });
        } finally {
          await world.stop();
        }
      });
    }
  });
}
