import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a service answers: a status with a body, or nothing at all. */
export type Reply =
  | { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> }
  | "silence";

/** A real server on this machine that takes what is posted to it. `stop` it. */
export async function startService(answer: (received: Received) => Reply) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one = {
      method: request.method ?? "",
      path: request.url ?? "",
      headers: request.headers,
      body: Buffer.concat(chunks).toString("utf8"),
    };
    received.push(one);
    const reply = answer(one);
    if (reply !== "silence") response.writeHead(reply.status, reply.headers).end(reply.body ?? "");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Ways in which a service does not accept a notice, and what is said of each. */
export const refusals: readonly (readonly [Reply, RegExp])[] = [
  [{ status: 500 }, /answers 500/],
  [{ status: 503 }, /answers 503/],
  [{ status: 429, headers: { "retry-after": "30" } }, /too many requests \(429\); it asks to wait 30 s/],
  [{ status: 307, headers: { location: "/elsewhere" } }, /answers 307; redirects are not followed/],
  [{ status: 404, body: "no_service" }, /answers 404/],
  ["silence", /no answer in time/],
];
