import { setTimeout as sleep } from "node:timers/promises";
import { openReplicaWorld, type Replica, sendTraffic } from "../test/e2e/replica-world.fixture.ts";
import { startPostgres } from "../test/servers/postgres.ts";
import { type BenchResult, medianOf } from "./result.ts";

const ROUNDS = 32;
const LIMIT = 3500;

/**
 * About four replicas over one Postgres and a rollout: whoever acts is killed, or stopped for a while, and at the same moment a
 * person gives an order at another one. How long until it is carried out?
 */
export async function benchTakeOver(args: readonly string[]): Promise<BenchResult> {
  const rounds = Number(/^--rounds=(\d+)$/.exec(args.find((arg) => arg.startsWith("--rounds=")) ?? "")?.[1] ?? ROUNDS);
  const bin = process.env["POSTGRES_BIN"];
  if (!bin) throw new Error("name the programs of a Postgres with POSTGRES_BIN");
  const server = await startPostgres(bin);
  const world = await openReplicaWorld();
  try {
    const replicas: Replica[] = [await world.start(server.url)];
    await replicas[0]!.says(/^loans: the way back leads to/);
    for (let more = 0; more < 3; more += 1) replicas.push(await world.start(server.url));
    const traffic = sendTraffic([replicas[0]!.gateway], 20);
    const opened = await replicas[0]!.call("POST", "/v1/rollouts", { references: { model: "2", config: "2" } });
    const { id } = opened.body as { readonly id: string };
    await until(async () => (await statusOf(replicas[0]!)).served.candidatePpm > 0);
    await traffic.stop();
    const starting = new Set<Promise<void>>();
    const took: Record<"SIGKILL" | "SIGSTOP", number[]> = { SIGKILL: [], SIGSTOP: [] };
    for (let round = 0; round < rounds; round += 1) {
      const signal = round % 2 === 0 ? "SIGKILL" : "SIGSTOP";
      took[signal].push(await takeOver(replicas, id, signal, round % 4 < 2 ? "pause" : "resume"));
      process.stderr.write(
        `take-over ${round + 1} of ${rounds}: ${Math.round(took[signal].at(-1)!)} ms after ${signal}\n`,
      );
      // The next one starts beside the work, as it would.
      if (signal === "SIGKILL") starting.add(world.start(server.url).then((replica) => void replicas.push(replica)));
      if (replicas.length < 3) await Promise.all(starting);
    }
    await Promise.all(starting);
    const all = Object.values(took)
      .flat()
      .toSorted((a, b) => a - b);
    return {
      name: "take-over",
      method: `${rounds} take-overs among about four processes over one Postgres, from the signal until an order given at that moment at another replica is carried out`,
      rows: Object.entries(took).map(([signal, times]) => ({
        subject: signal,
        figures: { times: times.length, "median, ms": medianOf(times), "longest, ms": Math.max(...times) },
      })),
      ratios: {},
      bars: [{ what: "take-over, p99, ms", bar: LIMIT, measured: all[Math.ceil(all.length * 0.99) - 1]! }],
    };
  } finally {
    await world.close();
    await server.remove();
  }
}

interface Status {
  readonly served: { readonly candidatePpm: number };
  readonly holder: { readonly here: boolean };
}

const statusOf = async (replica: Replica) => (await replica.call("GET", "/v1/status")).body as Status;

/** Takes the acting replica out of the list, and puts it back at the end when it was only stopped. */
async function takeOver(
  replicas: Replica[],
  rollout: string,
  signal: "SIGKILL" | "SIGSTOP",
  order: string,
): Promise<number> {
  const holder = await until(async () => {
    for (const replica of replicas) if ((await statusOf(replica)).holder.here) return replica;
    return undefined;
  });
  replicas.splice(replicas.indexOf(holder), 1);
  await sleep(Math.random() * 1000);
  const since = performance.now();
  holder.kill(signal);
  const answer = await replicas[0]!.call(
    "POST",
    `/v1/rollouts/${rollout}/${order}`,
    order === "pause" ? { reason: "bench" } : {},
  );
  const took = performance.now() - since;
  if (answer.status !== 200) throw new Error(`the order was not carried out: ${JSON.stringify(answer.body)}`);
  if (signal === "SIGSTOP") {
    holder.kill("SIGCONT");
    await until(async () => !(await statusOf(holder)).holder.here);
    replicas.push(holder);
  }
  return took;
}

async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (let tries = 0; tries < 1000; tries += 1) {
    const found = await look();
    if (found) return found;
    await sleep(20);
  }
  throw new Error("it never came to that");
}
