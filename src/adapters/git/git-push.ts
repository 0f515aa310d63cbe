import { shortDigest } from "../../core/digest.ts";
import type { RestoreRequest } from "../../core/ports.ts";
import type { GitObject } from "./git-content.ts";
import { type Found, trailerPath } from "./git-history.ts";
import { type GitMirror, isDenial } from "./git-mirror.ts";

/**
 * `raced`: the branch moved between our fetch and our push. `refused`: the server's rules, in its words. `unknown`: the
 * answer did not come.
 */
export type Pushed =
  | { readonly kind: "pushed" }
  | { readonly kind: "raced" | "refused" | "unknown"; readonly reason: string };

/** Makes the commit that puts an object at a path on top of a head, everything else as it is there; answers its id. */
export async function commitRestore(
  mirror: GitMirror,
  head: string,
  path: string,
  found: Found,
  request: RestoreRequest,
  signal: AbortSignal,
): Promise<string | undefined> {
  const tree = await replaceIn(mirror, head, path === "" ? [] : path.split("/"), found.object, signal);
  if (tree === undefined) return undefined;
  const { name, email } = mirror.repository.author;
  const environment = {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
  };
  const input = messageOf(path, found, request);
  return mirror.text(["commit-tree", tree, "-p", head, "-F", "-"], signal, { input, environment });
}

/** Pushes without force: the server takes it only on top of what it has. */
export async function push(mirror: GitMirror, commit: string, signal: AbortSignal): Promise<Pushed> {
  const { url, branch } = mirror.repository;
  const refspec = `${commit}:refs/heads/${branch}`;
  const { out, said, code, cut } = await mirror.remote(["push", "--porcelain", "--no-verify", url, refspec], signal);
  const line =
    out
      .toString("utf8")
      .split("\n")
      .find((text) => text.includes(`:refs/heads/${branch}\t`)) ?? "";
  const [flag = "", , summary = ""] = line.split("\t");
  const words = [summary, said]
    .filter((text) => text !== "")
    .join("; ")
    .slice(0, 1000);
  if (!cut && code === 0 && (flag === " " || flag === "=")) return { kind: "pushed" };
  if (flag !== "!") {
    return {
      kind: !cut && isDenial(said) ? "refused" : "unknown",
      reason: said.slice(0, 500) || "the push gave no answer",
    };
  }
  if (/non-fast-forward|fetch first|stale info/.test(summary)) return { kind: "raced", reason: words };
  // What a server says when another push was quicker by less than it takes to compare.
  if (/cannot lock ref|failed to update ref|incorrect old value|reference already exists/.test(words)) {
    return { kind: "raced", reason: words };
  }
  return { kind: /remote failure/.test(summary) ? "unknown" : "refused", reason: words };
}

function messageOf(path: string, { commit }: Found, { key, fence, desired }: RestoreRequest): string {
  const what = path === "" ? "everything" : path;
  return [
    `Restore ${what} as of ${commit.slice(0, 12)}`,
    "",
    `Rollbook put back the content ${shortDigest(desired)}; nothing else was changed.`,
    "",
    `Rollbook-Path: ${trailerPath(path)}`,
    `Rollbook-Key: ${key}`,
    `Rollbook-Fence: ${fence}`,
    `Rollbook-Digest: ${desired}`,
    `Rollbook-From: ${commit}`,
    "",
  ].join("\n");
}

/** The tree of a commit or tree with an object put in; only the trees on the way to it are made anew. */
async function replaceIn(
  mirror: GitMirror,
  tree: string | undefined,
  [name, ...rest]: readonly string[],
  object: GitObject,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (name === undefined) return object.id;
  // Bytes, not letters: names that are no UTF-8 must come through as they are.
  const listed = tree === undefined ? undefined : await mirror.run(["ls-tree", "-z", "--full-tree", tree], signal);
  if (listed !== undefined && listed.code !== 0) return undefined;
  const lines = (listed?.out.toString("latin1") ?? "").split("\0").filter(Boolean);
  const bytes = Buffer.from(name, "utf8").toString("latin1");
  const there = lines.find((line) => line.slice(line.indexOf("\t") + 1) === bytes);
  const [, type, id] = there?.slice(0, there.indexOf("\t")).split(" ") ?? [];
  const below =
    rest.length === 0 ? undefined : await replaceIn(mirror, type === "tree" ? id : undefined, rest, object, signal);
  if (rest.length > 0 && below === undefined) return undefined;
  const entry = below === undefined ? `${object.mode} ${object.type} ${object.id}` : `040000 tree ${below}`;
  const input = [...lines.filter((line) => line !== there), `${entry}\t${bytes}`].map((line) => `${line}\0`).join("");
  return mirror.text(["mktree", "-z", "--missing"], signal, { input: Buffer.from(input, "latin1") });
}
