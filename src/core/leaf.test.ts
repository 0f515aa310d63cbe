import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EntryDraft } from "./entry.ts";
import { leafOf } from "./leaf.ts";

const draft: EntryDraft = { type: "verdict", at: 5, system: "loans", actor: "rollbook", data: { b: 1, a: "é" } };

describe("a leaf", () => {
  it("has exactly these bytes: a change of them needs another envelope version", () => {
    assert.equal(
      leafOf({ ...draft, rollout: "r1" }),
      '{"actor":"rollbook","at":5,"data":{"a":"é","b":1},"rollout":"r1","system":"loans","type":"verdict","v":1}',
    );
    assert.equal(
      leafOf(draft),
      '{"actor":"rollbook","at":5,"data":{"a":"é","b":1},"system":"loans","type":"verdict","v":1}',
    );
  });

  it("writes numbers that JSON cannot hold as text", () => {
    const data = { list: [Infinity, { deep: -Infinity }], gone: undefined, none: null };
    assert.match(leafOf({ ...draft, data }), /"data":\{"list":\["Infinity",\{"deep":"-Infinity"\}\],"none":null\}/);
  });

  it("is well-formed Unicode whatever the data holds", () => {
    assert.ok(leafOf({ ...draft, data: { "\ud800": "\udfff\u0000" } }).isWellFormed());
  });

  it("holds only the fields of an entry", () => {
    assert.equal(leafOf({ ...draft, extra: "x" } as EntryDraft), leafOf(draft));
  });
});
