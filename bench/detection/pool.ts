import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type Job, type JobResult, runJob } from "./job.ts";

/** Does all jobs on this many threads; results are in the order of the jobs, whichever thread did them. */
export async function runJobs(jobs: readonly Job[], seed: string, threads: number): Promise<readonly JobResult[]> {
  const results = new Array<JobResult>(jobs.length);
  let next = 0;
  const work = () =>
    new Promise<void>((done, failed) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: { seed } });
      const feed = () => {
        if (next < jobs.length) worker.postMessage({ index: next, job: jobs[next++] });
        else void worker.terminate().then(() => done());
      };
      worker.on("message", ({ index, result }: { index: number; result: JobResult }) => {
        results[index] = result;
        feed();
      });
      worker.on("error", failed);
      feed();
    });
  await Promise.all(Array.from({ length: Math.min(threads, jobs.length) }, work));
  return results;
}

if (!isMainThread && parentPort) {
  const port = parentPort;
  const { seed } = workerData as { seed: string };
  port.on("message", ({ index, job }: { index: number; job: Job }) => {
    port.postMessage({ index, result: runJob(job, seed) });
  });
}
