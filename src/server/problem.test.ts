import assert from "node:assert/strict";
import { test } from "node:test";
import { problemOf } from "./problem.ts";

const sqlite = (errcode: number, message: string) =>
  Object.assign(new Error(message), { code: "ERR_SQLITE_ERROR", errcode });

test("a disk that takes no write is said, with the state that was left", () => {
  const { status, body } = problemOf(sqlite(13, "database or disk is full"));
  assert.equal(status, 503);
  assert.partialDeepStrictEqual(body, {
    code: "STORE_UNSAFE",
    title: "The store is not durable: database or disk is full.",
    state: "Nothing was written.",
  });
  assert.equal(problemOf(sqlite(10 | (4 << 8), "disk I/O error")).status, 503);
});

test("a statement that is wrong is a fault of ours", () => {
  assert.equal(problemOf(sqlite(1, "no such column: x")).status, 500);
});
