import { Pool } from "undici";
import { seededRandom, type Uniform } from "./seeded-random.ts";

/** What one arrival asks, and what is done with its answer. */
export interface Arrival {
  readonly path: string;
  readonly key: string;
  readonly body: object;
  /** Called with the body and the request id of a 2xx answer. */
  readonly answered?: (body: unknown, request: string | undefined) => void;
}

export interface TrafficState {
  readonly sent: number;
  readonly answered: number;
  /** Not 2xx, no answer in time, or not sent because too many were under way. */
  readonly failed: number;
}

interface TrafficOptions {
  readonly gateway: string;
  /** Arrivals a second, on average: gaps are exponential, so arrivals are a Poisson process. */
  readonly rate: number;
  readonly seed: number;
  readonly sockets?: number;
  readonly next: (random: Uniform) => Arrival;
}

export interface Traffic {
  state(): TrafficState;
  stop(): Promise<void>;
}

const TICK = 4;
const UNDER_WAY_LIMIT = 2_000;
/** After a pause (the machine slept) arrivals go on from now; they are not made up for in one burst. */
const LATE_LIMIT = 500;
const TIMEOUT = 5_000;

/** Open-loop traffic: arrivals come at their own time and never wait for answers (Schroeder et al., NSDI 2006). */
export function openLoop({ gateway, rate, seed, sockets = 40, next }: TrafficOptions): Traffic {
  const { origin, pathname } = new URL(gateway);
  const base = pathname.replace(/\/$/, "");
  const pool = new Pool(origin, { connections: sockets, headersTimeout: TIMEOUT, bodyTimeout: TIMEOUT });
  const gaps = seededRandom(seed, 101);
  const choices = seededRandom(seed, 102);
  let sent = 0;
  let answered = 0;
  let failed = 0;

  const send = async (arrival: Arrival): Promise<void> => {
    sent += 1;
    if (sent - answered - failed > UNDER_WAY_LIMIT) {
      failed += 1;
      return;
    }
    try {
      const { statusCode, headers, body } = await pool.request({
        method: "POST",
        path: base + arrival.path,
        headers: { "content-type": "application/json", "rollbook-key": arrival.key },
        body: JSON.stringify(arrival.body),
      });
      const good = statusCode >= 200 && statusCode < 300;
      if (good && arrival.answered) {
        const request = headers["rollbook-request"];
        arrival.answered(await body.json(), typeof request === "string" ? request : undefined);
      } else await body.dump();
      if (good) answered += 1;
      else failed += 1;
    } catch {
      failed += 1;
    }
  };

  const gap = (): number => (-Math.log(1 - gaps()) * 1000) / rate;
  let due = performance.now() + gap();
  const timer = setInterval(() => {
    const now = performance.now();
    if (now - due > LATE_LIMIT) due = now;
    for (; due <= now; due += gap()) void send(next(choices));
  }, TICK);

  return {
    state: () => ({ sent, answered, failed }),
    async stop() {
      clearInterval(timer);
      await pool.destroy();
    },
  };
}
