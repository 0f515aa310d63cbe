import { type Digest, shortDigest } from "../../core/digest.ts";
import type { Concern } from "../../core/ports.ts";
import type { GitContents } from "./git-content.ts";
import type { GitHistory } from "./git-history.ts";
import type { GitMirror } from "./git-mirror.ts";

/** What to know before relying on a content of a path. Fetches, and asks for a push without pushing; changes nothing. */
export async function gitConcerns(
  mirror: GitMirror,
  contents: GitContents,
  history: GitHistory,
  path: string,
  digest: Digest,
  signal: AbortSignal,
): Promise<readonly Concern[]> {
  const { branch, url, pushed } = mirror.repository;
  const fetched = await mirror.fetch(signal);
  if (fetched.kind !== "head") return [{ level: "blocking", text: `${branch} cannot be fetched: ${fetched.reason}` }];
  const concerns: Concern[] = [];
  const add = (level: Concern["level"], text: string) => void concerns.push({ level, text });
  if ((await contents.objectAt(fetched.commit, path, signal)) === undefined) {
    add("blocking", `nothing lies at "${path}" on ${branch}, so nobody could compare before writing`);
  }
  const found = await history.find(path, digest, signal);
  const content = found && (await contents.contentOf(found.object, signal));
  if (content === undefined) add("blocking", `no commit in reach has ${shortDigest(digest)} at "${path}"`);
  else {
    for (const text of tracesIn(content)) add("warning", text);
  }
  const asked = await mirror.remote(
    ["push", "--dry-run", "--porcelain", "--no-verify", url, `${fetched.commit}:refs/heads/${branch}`],
    signal,
  );
  if (asked.code !== 0) add("blocking", `the server would not take a push: ${asked.said.slice(0, 300)}`);
  else if (((await history.journal(fetched.commit, path, signal))?.keys.size ?? 0) === 0) {
    add(
      "warning",
      `whether ${branch} is protected shows only when it is pushed to: let this identity pass, or use a branch of its own`,
    );
  }
  if (pushed !== true) {
    add(
      "warning",
      "what runs follows when its delivery tool next looks: minutes, unless the server tells it (webhook)",
    );
  }
  return concerns;
}

function tracesIn({
  submodules,
  pointers,
}: {
  submodules: readonly string[];
  pointers: readonly string[];
}): readonly string[] {
  const some = (paths: readonly string[]) =>
    paths
      .slice(0, 3)
      .map((path) => path || "the file")
      .join(", ");
  return [
    ...(submodules.length > 0 ? [`${some(submodules)}: a submodule comes back as a pointer, not as its content`] : []),
    ...(pointers.length > 0
      ? [`${some(pointers)}: Git LFS comes back as a pointer; nobody checked that the LFS store still has the file`]
      : []),
  ];
}
