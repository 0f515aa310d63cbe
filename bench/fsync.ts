import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Milliseconds of each of some appends of 512 bytes with an fdatasync after it: what one durable write costs here. */
export function fdatasyncTimes(count: number): readonly number[] {
  const folder = mkdtempSync(join(tmpdir(), "rollbook-fsync-"));
  const file = openSync(join(folder, "log"), "w");
  try {
    const bytes = Buffer.alloc(512, 1);
    return Array.from({ length: count }, () => {
      const began = performance.now();
      writeSync(file, bytes);
      fdatasyncSync(file);
      return performance.now() - began;
    });
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
}
