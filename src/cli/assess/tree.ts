import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";

/** A folder of files, as far as an assessment looks at it. */
export interface Tree {
  /** The folder's own name. */
  readonly name: string;
  /** Paths below it, with forward slashes, in order. */
  readonly files: readonly string[];
  /** The text of a file, or of its beginning; undefined when it cannot be read or is no text. */
  read(file: string): string | undefined;
}

const SKIPPED = new Set([
  ...["node_modules", "vendor", "dist", "build", "target", "venv", ".venv", "__pycache__", "site-packages"],
  ...[".tox", ".mypy_cache", ".terraform", ".rollbook", ".next", ".cache"],
]);
const MOST_FILES = 20_000;
const DEEPEST = 8;
const MOST_BYTES = 200_000;

/** Reads a folder: no links, no big files, nothing that was installed or built, and of `.git` only its configuration. */
export function treeOf(folder: string): Tree {
  const root = resolve(folder);
  const files: string[] = [];
  const walk = (at: string, depth: number) => {
    for (const entry of entriesOf(at)) {
      if (files.length >= MOST_FILES) return;
      const path = join(at, entry.name);
      if (entry.isFile()) files.push(relative(root, path).replaceAll("\\", "/"));
      else if (entry.isDirectory() && entry.name === ".git") files.push(...gitFiles(root, path));
      else if (entry.isDirectory() && depth < DEEPEST && !SKIPPED.has(entry.name)) walk(path, depth + 1);
    }
  };
  walk(root, 0);
  return {
    name: basename(root),
    files: files.sort(),
    read(file) {
      try {
        const path = join(root, file);
        if (statSync(path).size > MOST_BYTES) return undefined;
        const text = readFileSync(path, "utf8");
        return text.includes("\0") ? undefined : text;
      } catch {
        return undefined;
      }
    },
  };
}

function gitFiles(root: string, path: string): readonly string[] {
  return entriesOf(path).some((entry) => entry.name === "config" && entry.isFile())
    ? [relative(root, join(path, "config")).replaceAll("\\", "/")]
    : [];
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch {
    return [];
  }
}
