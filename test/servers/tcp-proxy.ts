import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A wire that can be cut, between a client and a server on this machine. */
export interface TcpProxy {
  readonly port: number;
  /**
   * `pass`: both ways. `deaf`: requests get through, answers do not. `mute`: requests that come from now on do not get
   * through. `cut`: every connection ends, and no new one is made.
   */
  mode: "pass" | "deaf" | "mute" | "cut";
  /** The server's port, for connections from now on. */
  target: number;
  /** Ends the connections that there are. */
  drop(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    if (proxy.mode === "cut") {
      client.destroy();
      return;
    }
    const upstream = connect(proxy.target, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        // The server does not learn that its client is gone while it is deaf: it goes on with what it got.
        (socket === client ? upstream : client).end();
      });
    }
    client.on("data", (bytes) => {
      if (proxy.mode !== "mute") upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (proxy.mode !== "deaf") client.write(bytes);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: TcpProxy = {
    port: (server.address() as { port: number }).port,
    mode: "pass",
    target,
    drop: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      proxy.drop();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}
