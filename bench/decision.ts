import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Arms, outcomes, post } from "./ingest-load.ts";
import { type BenchResult, medianOf } from "./result.ts";

export const EVENTS_PER_SECOND = 10_000;
export const EVENTS_OF_A_REQUEST = 100;
const SECONDS_OF_EVENTS = 20;
const SECONDS_OF_IDLENESS = 10;
const SYSTEMS = 20;
/** A busy machine may need a while for the last ones. */
const PATIENCE = 50;

interface Told {
  readonly cpu: number;
  readonly bytes: number;
  /** In the order of the arrivals. */
  readonly latencies: readonly number[];
}

/** Sends events at a steady rate, whatever the answers take; answers how many. */
export async function sendEvents(seconds: number, send: () => Promise<unknown>): Promise<number> {
  const requests = (EVENTS_PER_SECOND / EVENTS_OF_A_REQUEST) * seconds;
  const began = performance.now();
  const answers: Promise<unknown>[] = [];
  for (let sent = 0; sent < requests; sent++) {
    const due = began + (sent * 1000 * EVENTS_OF_A_REQUEST) / EVENTS_PER_SECOND;
    const early = due - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    answers.push(send());
  }
  await Promise.all(answers);
  return requests * EVENTS_OF_A_REQUEST;
}

/** From the arrival of an event to the verdict that counts it, in a Rollbook with the settings of `serve`; and what it costs. */
export async function measureDecisions(): Promise<Required<Pick<BenchResult, "rows" | "bars">>> {
  const { busy, rate, ...delay } = await underLoad();
  const calm = await idleCost("busy", 1);
  const idle = await idleCost("idle", SYSTEMS);
  const rows = [
    {
      subject: "event received to judged, as `serve` runs",
      figures: {
        "p50 ms": delay.p50,
        "p99 ms": delay.p99,
        "p99 ms of the median second": delay.calm,
        "share of a core": busy,
        "stored KB/s": rate,
      },
    },
    { subject: "a rollout without an event", figures: { "share of a core": calm } },
    { subject: `${SYSTEMS} systems without a rollout`, figures: { "share of a core": idle } },
  ];
  const note = "whoever else is on the machine is in it";
  const what = "event received to judged, p99 ms";
  const bars = [
    { what, bar: 50, measured: delay.p99, note },
    { what: `${what}, of the median second`, bar: 50, measured: delay.calm },
  ];
  return { rows, bars };
}

async function underLoad() {
  const { child, port, token, arms } = await started("busy", 1);
  try {
    const send = () => post(port, "/v1/outcomes", outcomes(EVENTS_OF_A_REQUEST, arms), token);
    // Warm first.
    await sendEvents(3, send);
    const before = await ask(child, { ask: "watch", of: EVENTS_OF_A_REQUEST });
    const events = await sendEvents(SECONDS_OF_EVENTS, send);
    const { cpu, bytes, latencies } = await judged(child, events);
    if (latencies.length !== events) throw new Error(`${latencies.length} of ${events} events were judged`);
    const perSecond = (value: number) => value / SECONDS_OF_EVENTS;
    const seconds = Array.from({ length: SECONDS_OF_EVENTS }, (_, second) =>
      latencies.slice(second * EVENTS_PER_SECOND, (second + 1) * EVENTS_PER_SECOND),
    );
    return {
      p50: quantileOf(latencies, 0.5),
      p99: quantileOf(latencies, 0.99),
      calm: medianOf(seconds.map((second) => quantileOf(second, 0.99))),
      busy: perSecond(cpu - before.cpu),
      rate: perSecond((bytes - before.bytes) / 1000),
    };
  } finally {
    child.kill();
  }
}

/** The delays of so many events, once all are judged. */
async function judged(child: ChildProcess, events: number): Promise<Told> {
  for (let tries = 0; ; tries++) {
    const told = await ask(child, { ask: "latencies" });
    if (told.latencies.length >= events || tries === PATIENCE) return told;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function quantileOf(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))]!;
}

/** The share of a core that a process takes while nothing happens. */
async function idleCost(role: "busy" | "idle", systems: number): Promise<number> {
  const { child } = await started(role, systems);
  try {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const before = await ask(child, { ask: "cpu" });
    await new Promise((resolve) => setTimeout(resolve, SECONDS_OF_IDLENESS * 1000));
    return ((await ask(child, { ask: "cpu" })).cpu - before.cpu) / SECONDS_OF_IDLENESS;
  } finally {
    child.kill();
  }
}

async function started(role: string, systems: number) {
  const path = fileURLToPath(new URL("./decision-subject.ts", import.meta.url));
  const child = fork(path, [role, `${systems}`]);
  type Start = Arms & { readonly port: number; readonly token: string };
  const [{ port, token, ...arms }] = (await once(child, "message")) as [Start];
  return { child, port, token, arms };
}

async function ask(child: ChildProcess, question: object): Promise<Told> {
  const answer = once(child, "message") as Promise<[Told]>;
  child.send(question);
  return (await answer)[0];
}
