import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { RollbookError } from "../../core/errors.ts";

/** A file to write. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Writes all files or none. One that is there and says something else is in the way, unless `force`. @throws USAGE,
 * FILE_UNREADABLE when a folder cannot be written
 */
export function writeNewFiles(files: readonly NewFile[], force: boolean): void {
  insistFree(
    files.filter(({ path, text }) => existsSync(path) && readText(path) !== text).map(({ path }) => path),
    force,
  );
  for (const { path, text } of files) {
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    } catch (error) {
      throw new RollbookError("FILE_UNREADABLE", { file: path, reason: (error as Error).message });
    }
  }
}

/** @throws USAGE when any of these is there, unless `force` */
export function insistFree(paths: readonly string[], force: boolean): void {
  const taken = force ? [] : paths.filter((path) => existsSync(path));
  if (taken.length === 0) return;
  const verb = taken.length === 1 ? "is" : "are";
  throw new RollbookError("USAGE", { what: `${taken.join(" and ")} ${verb} there already; --force replaces` });
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
