import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import type { Hono } from "hono";

export interface Listening {
  readonly url: string;
  readonly moved: boolean;
  readonly close: () => Promise<void>;
}

/** Serves the API on loopback; when the port is taken it takes a free one and says so in `moved`. */
export async function serveApi(api: Hono, port: number): Promise<Listening> {
  try {
    return await listen(api, port, false);
  } catch (error) {
    if (port === 0 || !/EADDRINUSE|EACCES/.test(String((error as NodeJS.ErrnoException).code))) throw error;
    return listen(api, 0, true);
  }
}

function listen(api: Hono, port: number, moved: boolean): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: api.fetch, port, hostname: "127.0.0.1" }) as Server;
    server.requestTimeout = 10_000;
    server.headersTimeout = 5000;
    server.once("error", reject);
    server.once("listening", () => {
      const { port: bound } = server.address() as AddressInfo;
      const close = () =>
        new Promise<void>((closed) => {
          server.close(() => closed());
          server.closeAllConnections();
        });
      resolve({ url: `http://127.0.0.1:${bound}`, moved, close });
    });
  });
}
