import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { runLine } from "./run-line.fixture.ts";
import { safeText } from "./safe-text.ts";

test("what a target calls a revision cannot talk to the terminal", () => {
  const label = "model\u001b[2J\u001b]0;x\u0007 \u202egood\u202c\r1\u009b31m";
  const safe = "model\\u001b[2J\\u001b]0;x\\u0007 \\u202egood\\u202c\\u000d1\\u009b31m";
  assert.equal(safeText(label, false), safe);
  assert.equal(safeText(label, true), safe);
  assert.equal(safeText("a\tb\r\nc é 🛟 👩‍🚒", false), "a\tb\r\nc é 🛟 👩‍🚒");
});

test("our own colours are left where there are colours, and nothing hides text", () => {
  const red = "\u001b[31mharm\u001b[0m";
  assert.equal(safeText(red, true), red);
  assert.equal(safeText(red, false), "\\u001b[31mharm\\u001b[0m");
  assert.equal(safeText("\u001b[8mhidden", true), "\\u001b[8mhidden");
});

test("JSON means the same afterwards", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.deepEqual(JSON.parse(safeText(JSON.stringify({ [text]: text }), false)), { [text]: text });
    }),
  );
});

test("everything that a command says goes through it", async () => {
  const { say } = await runLine(["sta\u202etus"]);
  assert.match(say, /sta\\u202etus/);
  assert.doesNotMatch(say, /\u202e/);
});
