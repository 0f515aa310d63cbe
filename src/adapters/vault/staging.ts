import { dirname } from "node:path";
import { OVER } from "../../core/deadline.ts";
import type { Digest } from "../../core/digest.ts";
import type { Staged } from "../../core/ports.ts";
import { sparingRoom } from "./free-room.ts";
import { orAbort } from "./or-abort.ts";
import type { RevisionStore } from "./revision-store.ts";
import { stageRevision, unstage } from "./staged-revision.ts";

/** Stages revisions; what takes longer than one call may goes on, and the next call finds it further on. */
export interface Staging {
  stage(path: string, digest: Digest, signal: AbortSignal): Promise<Staged>;
  /** Lets go of all that is staged for the path. Throws where that was not done. */
  unstage(path: string, signal: AbortSignal): Promise<void>;
  /** Ends what is being written out for the path: something is put there now, and its copy would be in the way. */
  giveWay(path: string): void;
}

interface Job {
  /** Undefined: nothing shall be staged. */
  readonly wanted: Digest | undefined;
  readonly stop: AbortController;
  readonly work: Promise<Staged>;
}

/** A path has one job. Who wants something else there ends it, and begins when it has ended. */
export function createStaging(store: RevisionStore): Staging {
  const roomyIn = sparingRoom(store);
  const jobs = new Map<string, Job>();
  const begin = (path: string, wanted: Digest | undefined, before: Job | undefined): Job => {
    const stop = new AbortController();
    const failed = (error: unknown): Staged =>
      stop.signal.aborted
        ? { kind: "pending", reason: "something else was wanted there meanwhile" }
        : { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
    const work = (before?.work ?? Promise.resolve())
      .then(() =>
        wanted === undefined ? unstage(path) : stageRevision(roomyIn(dirname(path)), path, wanted, stop.signal),
      )
      .then((): Staged => ({ kind: "staged" }), failed);
    return { wanted, stop, work };
  };
  const workFor = (path: string, wanted: Digest | undefined): Promise<Staged> => {
    const before = jobs.get(path);
    if (before && before.wanted === wanted) return before.work;
    before?.stop.abort(OVER);
    const job = begin(path, wanted, before);
    jobs.set(path, job);
    void job.work.then(() => jobs.get(path) === job && jobs.delete(path));
    return job.work;
  };
  return {
    stage(path, digest, signal) {
      const late = (error: Error): Staged => ({ kind: "pending", reason: error.message });
      return orAbort(workFor(path, digest), signal).catch(late);
    },
    async unstage(path, signal) {
      const answer = await orAbort(workFor(path, undefined), signal);
      if (answer.kind !== "staged") throw new Error(answer.reason);
    },
    giveWay: (path) => jobs.get(path)?.stop.abort(OVER),
  };
}
