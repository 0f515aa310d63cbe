import assert from "node:assert/strict";
import { test } from "node:test";
import { RollbookError } from "./errors.ts";
import { isStoreOver, storeErrorOf } from "./store-error.ts";

const sqlite = (errcode: number, message: string) =>
  Object.assign(new Error(message), { code: "ERR_SQLITE_ERROR", errcode });

test("a disk that takes no write now is said; only after a failed flush, or with a damaged file, that is for ever", () => {
  const full = sqlite(13, "database or disk is full");
  assert.equal(storeErrorOf(full)?.message, "The store is not durable: database or disk is full.");
  assert.equal(isStoreOver(full), false);
  const flush = sqlite(10 | (4 << 8), "disk I/O error");
  assert.equal(storeErrorOf(flush)?.code, "STORE_UNSAFE");
  assert.equal(isStoreOver(flush), true);
  const refused = new RollbookError("STORE_UNSAFE", { reason: "nothing is written any more" });
  assert.equal(storeErrorOf(refused), refused);
  assert.equal(isStoreOver(refused), true);
});

test("a database that is away is said in the catalogue's words", () => {
  const away = storeErrorOf(Object.assign(new Error("connection refused"), { code: "STORE_UNREACHABLE" }));
  assert.equal(away?.message, "The shared store does not answer: connection refused.");
  assert.equal(isStoreOver(away), false);
});

test("a statement that is wrong is a fault of ours, and so is everything else", () => {
  for (const error of [sqlite(1, "no such column: x"), new TypeError("x"), undefined, "x"]) {
    assert.equal(storeErrorOf(error), undefined);
    assert.equal(isStoreOver(error), false);
  }
});
