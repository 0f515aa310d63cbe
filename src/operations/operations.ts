import type { OperationContext } from "./context.ts";
import { entriesInput, none, packsInput, receiptInput } from "./inputs.ts";
import { type AnyOperation, define } from "./operation.ts";
import { rolloutOperations } from "./rollout-operations.ts";
import { systemOperations } from "./system-operations.ts";

/** The one table of operations. */
export function operationsOf(context: OperationContext): readonly AnyOperation[] {
  return [...systemOperations(context), ...rolloutOperations(context), ...ledgerOperations(context)];
}

function ledgerOperations({ store, ledger }: OperationContext): readonly AnyOperation[] {
  return [
    define({
      name: "ledger-entries",
      summary: "Entries of the ledger, in order, as the exact bytes that were hashed.",
      method: "GET",
      path: "/v1/ledger/entries",
      permission: "read",
      dryRun: false,
      input: entriesInput,
      run: (input) => store.entries(input.from, input.limit),
    }),
    define({
      name: "ledger-packs",
      summary: "The counts of a rollout that the ledger holds the digests of, in order, as the exact bytes.",
      method: "GET",
      path: "/v1/ledger/packs",
      permission: "read",
      dryRun: false,
      input: packsInput,
      run: (input) => store.packs(input.rollout, input.from, input.limit),
    }),
    define({
      name: "ledger-verify",
      summary: "Recomputes every leaf, the root and the signature from what the store holds.",
      method: "GET",
      path: "/v1/ledger/verify",
      permission: "read",
      dryRun: false,
      input: none,
      run: () => ledger.verify(),
    }),
    define({
      name: "ledger-receipt",
      summary: "A receipt of one entry that anybody can check offline.",
      method: "GET",
      path: "/v1/ledger/receipts/{index}",
      permission: "read",
      dryRun: false,
      input: receiptInput,
      run: (input) => ledger.receipt(input.index),
    }),
  ];
}
