import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { named, sql, together } from "./statement.ts";

describe("a statement", () => {
  it("keeps its values out of its text and numbers their places", () => {
    const { text, values } = named(sql`SELECT ${"a'b"}, ${2} WHERE ${null} IS NULL`);
    assert.equal(text, "SELECT $1, $2 WHERE $3 IS NULL");
    assert.deepEqual(values, ["a'b", 2, null]);
  });

  it("made of several is one text with one row of values", () => {
    const { text, values } = named(together([sql`INSERT ${1}, ${2}`, sql`DELETE`, sql`UPDATE ${3}`], sql`SELECT ${4}`));
    assert.equal(text, "WITH write_0 AS (INSERT $1, $2)\n, write_1 AS (DELETE)\n, write_2 AS (UPDATE $3)\nSELECT $4");
    assert.deepEqual(values, [1, 2, 3, 4]);
    assert.deepEqual(named(together([], sql`SELECT ${1}`)).text, "SELECT $1");
  });

  it("has one name for each text", () => {
    const name = (value: unknown) => named(sql`SELECT ${value}`).name;
    assert.equal(name(1), name("two"));
    assert.notEqual(name(1), named(sql`SELECT ${1} `).name);
  });
});
