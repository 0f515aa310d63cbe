import { connect, type Socket } from "node:net";

export interface Load {
  readonly requests: number;
  readonly failures: number;
  readonly seconds: number;
  /** Milliseconds from write to the whole answer, sorted. */
  readonly latencies: readonly number[];
}

const BODY = JSON.stringify({ model: "m", messages: [{ role: "user", content: "a question ".repeat(24) }] });

/** Keeps `connections` requests in flight on raw keep-alive sockets for a span. Cheap, to leave the CPU to the server. */
export async function loadFor(port: number, connections: number, span: number): Promise<Load> {
  const latencies: number[] = [];
  const tally = { failures: 0 };
  const began = performance.now();
  const until = began + span;
  await Promise.all(Array.from({ length: connections }, (_, i) => drive(port, i, until, latencies, tally)));
  const seconds = (performance.now() - began) / 1000;
  const sorted = latencies.sort((a, b) => a - b);
  return { requests: sorted.length, failures: tally.failures, seconds, latencies: sorted };
}

function drive(port: number, index: number, until: number, latencies: number[], tally: { failures: number }) {
  return new Promise<void>((resolve) => {
    const socket: Socket = connect(port, "127.0.0.1").setNoDelay(true);
    let sent = 0;
    let count = 0;
    let pending = "";
    const send = (): void => {
      sent = performance.now();
      const key = `user-${index}-${count++ & 63}`;
      const head = `POST /v1/chat HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nrollbook-key: ${key}`;
      socket.write(`${head}\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`);
    };
    const stop = (): void => {
      socket.destroy();
      resolve();
    };
    socket.on("connect", send).on("close", resolve);
    socket.on("error", () => {
      tally.failures++;
      stop();
    });
    socket.on("data", (chunk) => {
      pending += chunk.toString("latin1");
      const border = pending.indexOf("\r\n\r\n");
      const length = /content-length: (\d+)/i.exec(pending)?.[1];
      if (border < 0 || pending.length < border + 4 + Number(length ?? 0)) return;
      if (!pending.startsWith("HTTP/1.1 200")) tally.failures++;
      pending = "";
      latencies.push(performance.now() - sent);
      if (performance.now() < until) send();
      else stop();
    });
  });
}
