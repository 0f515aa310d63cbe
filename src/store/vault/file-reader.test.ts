import assert from "node:assert/strict";
import { lstatSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createContentMemory, readContent } from "./file-reader.ts";
import { printOf } from "./path-scan.ts";

const HOUR = 3_600_000;
const printAt = (file: string) => printOf(lstatSync(file, { bigint: true }));

test("relies on a content only when its file was at rest before it was read, is unchanged, and for an hour", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-reader-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "weights");
  writeFileSync(file, "seven");
  let ahead = 0;
  const memory = createContentMemory({ now: () => Date.now() + ahead, sleep: async () => undefined }, HOUR);
  const fresh = await memory.content(file, printAt(file));
  assert.equal(memory.recall(file, printAt(file)), undefined, "too young to rely on");
  ahead = 5000;
  assert.deepEqual(await memory.content(file, printAt(file)), fresh);
  assert.deepEqual(memory.recall(file, printAt(file)), fresh);
  assert.equal(memory.recall(file, "another print"), undefined);
  ahead += HOUR + 1000;
  assert.equal(memory.recall(file, printAt(file)), undefined, "too old to rely on");
  ahead = -HOUR;
  assert.equal(memory.recall(file, printAt(file)), undefined, "the clock was set back");
  ahead = 5000;
  memory.forget(file);
  assert.equal(memory.recall(file, printAt(file)), undefined);
});

test("refuses a file that changes while it is read, and follows no symlink", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-reader-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "weights");
  writeFileSync(file, "x".repeat(3 << 20));
  const change = async () => writeFileSync(file, "y".repeat(3 << 20));
  await assert.rejects(readContent(file, change), /was changed while it was read/);
  await assert.rejects(readContent(file, undefined, AbortSignal.abort()));
  symlinkSync(file, join(folder, "link"));
  await assert.rejects(readContent(join(folder, "link")), { code: "ELOOP" });
});
