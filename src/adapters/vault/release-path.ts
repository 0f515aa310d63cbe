import { realpath } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";

/** Which paths a release may name: whoever may release could else read any file that this process may. */
export interface ReleasePaths {
  /** Where relative ones (`./models/12`) begin. */
  readonly base: string;
  /** Only what lies below one of these folders. */
  readonly below: readonly string[];
  /** And nothing below these: Rollbook's own data, with its keys. */
  readonly never: readonly string[];
}

export type AllowedPath =
  | { readonly kind: "allowed"; readonly path: string }
  | { readonly kind: "refused"; readonly reason: string };

/** Is this reference a path and no label? */
export function isPath(reference: string): boolean {
  return isAbsolute(reference) || /^\.\.?[/\\]/.test(reference);
}

/** The path without symlinks, if a release may name it. What is outside is refused alike, whether it exists or not. */
export async function allowedPath(reference: string, { base, below, never }: ReleasePaths): Promise<AllowedPath> {
  const asked = resolve(base, reference);
  const [path, roots, hidden] = await Promise.all([real(asked), all(below), all(never)]);
  if (roots.some((root) => isBelow(path, root)) && !hidden.some((root) => isBelow(path, root)))
    return { kind: "allowed", path };
  const reason = `a release may name paths below ${below.join(", ") || "no folder"} only, and not Rollbook's own data; add the folder to the connection's \`from\`, or put it in on this machine with \`rollbook vault put LABEL ${asked}\``;
  return { kind: "refused", reason };
}

/** What does not exist keeps its name: the one who reads it says so. */
async function real(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

async function all(paths: readonly string[]): Promise<readonly string[]> {
  return Promise.all(paths.map(real));
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || !(way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way));
}
