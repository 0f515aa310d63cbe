import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { RollbookError } from "./errors.ts";
import { refuse, refuseFor } from "./refusal.ts";

test("each reason says what to do about it, and two reasons that need the same say it once", () => {
  assert.match(refuse("it is too early", "Wait.").explain(), /refused: it is too early\.\n.*\n {2}to do: Wait\.\n/);
  const both = refuseFor([
    { text: "a is gone", todo: "Bring it back." },
    { text: "b is gone", todo: "Bring it back." },
    { text: "c is blind", todo: "Open its eyes." },
  ]);
  assert.match(both.message, /a is gone; b is gone; c is blind/);
  assert.equal(both.hint, "Bring it back. Open its eyes.");
  assert.match(new RollbookError("RELEASE_REFUSED", { reason: "x" }).hint, /depends on the reason/);
});

test("nobody refuses without saying what to do", () => {
  const source = join(import.meta.dirname, "..");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => /\.ts$/.test(name));
  const silent = files
    .filter((name) => !/(\.test|\.fixture)\.ts$|core\/refusal\.ts$/.test(name))
    .filter((name) => readFileSync(join(source, name), "utf8").includes('new RollbookError("RELEASE_REFUSED"'));
  assert.ok(files.length > 300);
  assert.deepEqual(silent, []);
});
