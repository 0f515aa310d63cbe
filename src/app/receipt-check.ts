/** The offline check of a receipt, for the command line: it has no other way to the record. */
export { verifyReceipt } from "../record/ledger/receipt.ts";
