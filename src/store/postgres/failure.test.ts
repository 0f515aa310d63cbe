import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isConflict, isLost, PostgresError, scrubbed, sqlStateOf } from "./failure.ts";

const fromServer = (code: string) => Object.assign(new Error("said so"), { code, severity: "ERROR" });
const fromSystem = (code: string) => Object.assign(new Error("connect"), { code });

describe("a failure", () => {
  it("without an answer is a lost one: of the socket, of the pool, of a server that ends or starts", () => {
    for (const code of ["ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT", "ENOTFOUND"])
      assert.equal(isLost(fromSystem(code)), true, code);
    for (const code of ["57P01", "57P02", "57P03", "08006", "08P01"])
      assert.equal(isLost(fromServer(code)), true, code);
    for (const message of ["Connection terminated unexpectedly", "Query read timeout", "timeout expired"])
      assert.equal(isLost(new Error(message)), true, message);
  });

  it("that the server answered, or that is ours, is none", () => {
    for (const code of ["23505", "40001", "57014", "55P03", "RB001", "28P01", "53300"])
      assert.equal(isLost(fromServer(code)), false, code);
    assert.equal(isLost(new TypeError("cannot connect these")), false);
    assert.equal(isLost(new PostgresError("STORE_UNREACHABLE", "timeout")), false);
    assert.equal(isLost(fromSystem("ERR_TLS_CERT_ALTNAME_INVALID")), false);
  });

  it("because of others is told from one of our own", () => {
    assert.deepEqual(["40001", "40P01", "23505"].map(fromServer).map(isConflict), [true, true, false]);
    assert.equal(sqlStateOf(fromSystem("EPIPE")), undefined);
    assert.equal(sqlStateOf(undefined), undefined);
  });

  it("loses the secret from its message and its stack, written plainly or for a URL", () => {
    const error = new Error("no: p@ss and p%40ss");
    scrubbed(error, "p@ss");
    assert.equal(error.message, "no: *** and ***");
    assert.doesNotMatch(String(error.stack), /p@ss|p%40ss/);
    assert.equal(scrubbed("no error", "p"), "no error");
  });
});
