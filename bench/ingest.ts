import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { EVENTS_OF_A_REQUEST, EVENTS_PER_SECOND, measureDecisions, sendEvents } from "./decision.ts";
import { createBodies, outcomes, post, SIGNALS, TIMES } from "./ingest-load.ts";
import { type BenchResult, medianOf } from "./result.ts";

const ROUNDS = 5;
const BODIES_A_ROUND = 40;
const WARM_UP = 60;
/** Enough that everything bounded is full; then as much again, again and again. */
const FILLING = 600;
const STRETCHES = 4;
const STRETCH = 300;
const SECONDS_OF_EVENTS = 6;

interface Told {
  readonly cpu: number;
  readonly heap: number;
  readonly latencies: readonly number[];
}

interface Subject {
  readonly name: string;
  readonly process: ChildProcess;
  readonly port: number;
}

/** Counts of edge nodes taken in over HTTP, beside a bare Node server that only parses the same JSON; and the way of an event to a verdict. About 2 minutes. */
export async function benchIngest(): Promise<BenchResult> {
  const bare = await started("bare Node server that parses", "bare");
  const ours = await started("rollbook POST /v1/samples", "ours");
  const next = createBodies();
  const measured = new Map<Subject, { rate: number; perCore: number }[]>([
    [bare, []],
    [ours, []],
  ]);
  try {
    for (const subject of measured.keys()) await send(subject, next, WARM_UP);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [subject, figures] of measured) figures.push(await measure(subject, next));
    }
    const growth = await growthOf(ours, next);
    const reference = await delays(bare);
    const [p50, p99] = await delays(ours);
    const decisions = await measureDecisions();
    const median = (subject: Subject, figure: "rate" | "perCore") =>
      medianOf(measured.get(subject)!.map((one) => one[figure]));
    const rows = [...measured.keys()].map((subject) => ({
      subject: subject.name,
      figures: { "samples/s": median(subject, "rate"), "samples/s of one core": median(subject, "perCore") },
    }));
    const samples = STRETCH * SAMPLES_OF_A_BODY;
    const ratios = {
      "samples/s of one core, rollbook ÷ bare (more is better)": median(ours, "perCore") / median(bare, "perCore"),
    };
    return {
      name: "ingest",
      method: `bodies of ${SAMPLES_OF_A_BODY} samples, a fifth of them with ${TIMES.length} cells, medians of ${ROUNDS} interleaved rounds; ${EVENTS_PER_SECOND} events/s in requests of ${EVENTS_OF_A_REQUEST}`,
      rows: [
        ...rows,
        { subject: `memory over ${(STRETCHES * samples) / 1e6} M samples more`, figures: growth },
        { subject: "event received to parsed, bare", figures: { "p50 ms": reference[0], "p99 ms": reference[1] } },
        { subject: "event received to drained", figures: { "p50 ms": p50, "p99 ms": p99 } },
        ...decisions.rows,
      ],
      ratios,
      bars: decisions.bars,
    };
  } finally {
    for (const { process: child } of measured.keys()) child.kill();
  }
}

const SAMPLES_OF_A_BODY = 1000;

async function started(name: string, role: string): Promise<Subject> {
  const path = fileURLToPath(new URL("./ingest-subject.ts", import.meta.url));
  const child = fork(path, [role], { execArgv: ["--expose-gc"] });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return { name, process: child, port };
}

async function ask({ process: child }: Subject, question: object): Promise<Told> {
  const answer = once(child, "message") as Promise<[Told]>;
  child.send(question);
  return (await answer)[0];
}

/** Sends bodies, two under way at a time; answers how many samples were new. */
async function send({ port }: Subject, next: ReturnType<typeof createBodies>, bodies: number): Promise<number> {
  let left = bodies;
  let taken = 0;
  const lane = async () => {
    while (left-- > 0) {
      const { body, samples } = next();
      const answer = await post(port, "/v1/samples", body);
      if (answer["new"] !== samples) throw new Error(`${answer["new"]} of ${samples} samples were new`);
      taken += samples;
    }
  };
  await Promise.all([lane(), lane()]);
  return taken;
}

async function measure(subject: Subject, next: ReturnType<typeof createBodies>) {
  const { cpu } = await ask(subject, { ask: "cpu" });
  const began = performance.now();
  const samples = await send(subject, next, BODIES_A_ROUND);
  const seconds = (performance.now() - began) / 1000;
  const used = (await ask(subject, { ask: "cpu" })).cpu - cpu;
  return { rate: samples / seconds, perCore: samples / used };
}

async function growthOf(subject: Subject, next: ReturnType<typeof createBodies>) {
  await send(subject, next, FILLING);
  const first = (await ask(subject, { ask: "heap" })).heap;
  let last = first;
  for (let stretch = 0; stretch < STRETCHES; stretch++) {
    await send(subject, next, STRETCH);
    last = (await ask(subject, { ask: "heap" })).heap;
  }
  return { "heap MB": last / 1e6, "growth MB": (last - first) / 1e6, "growth bytes/signal/s": perSecond(last - first) };
}

/** As if every signal of every node told one sample a second for each release. */
function perSecond(bytes: number): number {
  const seconds = (STRETCHES * STRETCH * SAMPLES_OF_A_BODY) / (SIGNALS.length * 2 * 100);
  return bytes / SIGNALS.length / seconds;
}

/** Milliseconds from an event's arrival to the drain that has it, at a steady rate: the median and the 99th percentile. */
async function delays(subject: Subject): Promise<readonly [number, number]> {
  await ask(subject, { ask: "watch", of: EVENTS_OF_A_REQUEST });
  const events = await sendEvents(SECONDS_OF_EVENTS, () =>
    post(subject.port, "/v1/outcomes", outcomes(EVENTS_OF_A_REQUEST)),
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  const { latencies } = await ask(subject, { ask: "latencies" });
  if (latencies.length !== events) throw new Error(`${latencies.length} events were drained`);
  const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))]!;
  return [at(0.5), at(0.99)];
}
