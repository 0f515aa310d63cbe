import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { loadFor } from "./http-load.ts";
import { type BenchResult, medianOf } from "./result.ts";

const CONNECTIONS = 32;
const ROUNDS = 4;
/** Until the optimising compiler has seen every path. */
const WARM_UP = 1500;
const SPAN = 1000;

interface Subject {
  readonly name: string;
  readonly process: ChildProcess;
  readonly port: number;
}

/** Requests a second and CPU time per request, beside a bare Node server and a plain node:http proxy. About 18 s. */
export async function benchGateway(): Promise<BenchResult> {
  const bare = await started("bare Node server", "bare");
  const upstream = `http://127.0.0.1:${bare.port}`;
  const proxy = await started("plain node:http proxy", "proxy", upstream);
  const gateway = await started("rollbook gateway", "gateway", upstream);
  const subjects = [bare, proxy, gateway];
  const measured = new Map<string, Awaited<ReturnType<typeof measure>>[]>();
  try {
    for (const { port } of subjects) await loadFor(port, CONNECTIONS, WARM_UP);
    for (let round = 0; round < ROUNDS; round++) {
      for (const subject of subjects) {
        measured.set(subject.name, [...(measured.get(subject.name) ?? []), await measure(subject)]);
      }
    }
  } finally {
    for (const { process: child } of subjects) child.kill();
  }
  const median = (subject: Subject, figure: "rps" | "cpu" | "p50" | "p99" | "failures"): number =>
    medianOf(measured.get(subject.name)!.map((one) => one[figure]));
  const rows = subjects.map((subject) => ({
    subject: subject.name,
    figures: {
      "requests/s": median(subject, "rps"),
      "CPU µs/request": median(subject, "cpu"),
      "p50 ms": median(subject, "p50"),
      "p99 ms": median(subject, "p99"),
      failures: median(subject, "failures"),
    },
  }));
  const ratios = {
    "requests/s, gateway ÷ plain proxy (more is better)": median(gateway, "rps") / median(proxy, "rps"),
    "CPU per request, gateway ÷ plain proxy (less is better)": median(gateway, "cpu") / median(proxy, "cpu"),
    "CPU per request, gateway ÷ bare server (less is better)": median(gateway, "cpu") / median(bare, "cpu"),
  };
  const method = `${CONNECTIONS} connections, POST, 5 % candidate, medians of ${ROUNDS} interleaved rounds of ${SPAN} ms`;
  return { name: "gateway", method, rows, ratios };
}

async function started(name: string, role: string, upstream?: string): Promise<Subject> {
  const path = fileURLToPath(new URL("./gateway-subject.ts", import.meta.url));
  const child = fork(path, upstream === undefined ? [role] : [role, upstream]);
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { name, process: child, port };
}

async function cpuOf(subject: Subject): Promise<number> {
  const answer = once(subject.process, "message") as Promise<[{ cpu: number }]>;
  subject.process.send("cpu");
  return (await answer)[0].cpu;
}

async function measure(subject: Subject) {
  const before = await cpuOf(subject);
  const { requests, failures, seconds, latencies } = await loadFor(subject.port, CONNECTIONS, SPAN);
  const cpu = ((await cpuOf(subject)) - before) / requests;
  const at = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))]!;
  return { rps: requests / seconds, cpu, p50: at(0.5), p99: at(0.99), failures };
}
