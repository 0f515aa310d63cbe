import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { openWorld } from "./world.ts";

const data = mkdtempSync(join(tmpdir(), "rollbook-world-"));
after(() => rmSync(data, { recursive: true, force: true }));

test("a world is gone on with until it is finished; then a new one begins", () => {
  const first = openWorld(data, "lending");
  assert.equal(first.resumed, false);
  assert.equal(statSync(dirname(first.rollbook)).mode & 0o777, 0o700);
  const again = openWorld(data, "lending");
  assert.deepEqual([again.resumed, again.rollbook], [true, first.rollbook]);
  assert.equal(openWorld(data, "other").resumed, false);
  again.finish();
  const next = openWorld(data, "lending");
  assert.equal(next.resumed, false);
  assert.notEqual(next.rollbook, first.rollbook);
});

test("a place that cannot hold a world is refused in words", () => {
  const file = join(data, "file");
  writeFileSync(file, "");
  assert.throws(() => openWorld(file, "lending"), { code: "USAGE", message: /cannot hold a world: / });
});
