import type { Digest } from "../../core/digest.ts";
import type { Staged } from "../../core/ports.ts";
import { orAbort } from "./or-abort.ts";
import type { RevisionStore } from "./revision-store.ts";
import { accessAt } from "./served-path.ts";
import { isStaged, stageRevision } from "./staged-revision.ts";

export { unstage } from "./staged-revision.ts";

/** Stages revisions; what takes longer than one call may goes on, and the next call finds it further on. */
export interface Staging {
  stage(path: string, digest: Digest, signal: AbortSignal): Promise<Staged>;
}

export function createStaging(store: RevisionStore): Staging {
  const jobs = new Map<string, Promise<Staged>>();
  const begin = (path: string, digest: Digest): Promise<Staged> =>
    stageRevision(store, path, digest).then(
      () => ({ kind: "staged" }),
      (error: Error) => ({ kind: "failed", reason: error.message }),
    );
  return {
    async stage(path, digest, signal) {
      const name = `${path}\0${digest}`;
      const job = jobs.get(name) ?? begin(path, digest).finally(() => jobs.delete(name));
      jobs.set(name, job);
      const late = (error: Error): Staged => ({ kind: "pending", reason: error.message });
      return orAbort(job, signal).catch(late);
    },
  };
}

export async function isStagedAt(
  store: RevisionStore,
  path: string,
  digest: Digest,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await isStaged(store, path, digest, accessAt(path), signal);
  } catch {
    return false;
  }
}
