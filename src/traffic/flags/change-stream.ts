/** One text to many listeners, as server-sent events (WHATWG HTML §9.2) without a past: what counts is the newest. */
export interface ChangeStream {
  /** A listener until its signal aborts; `first` is sent at once. 503 when there are too many. */
  connect(signal: AbortSignal, first?: string): Response;
  publish(data: string): void;
  readonly listeners: number;
  close(): void;
}

/** How many texts may wait for one listener; one that reads more slowly is dropped, comes back and gets the newest. */
const MOST_WAITING = 64;

export function createChangeStream(most = 10_000): ChangeStream {
  const clients = new Set<ReadableStreamDefaultController<Uint8Array>>();
  const encoder = new TextEncoder();
  let id = 0;
  const drop = (client: ReadableStreamDefaultController<Uint8Array>): void => {
    clients.delete(client);
    try {
      client.close();
    } catch {
      // The other side has closed it already.
    }
  };
  return {
    connect(signal, first) {
      if (clients.size >= most) return new Response("too many listeners", { status: 503 });
      let own: ReadableStreamDefaultController<Uint8Array> | undefined;
      const body = new ReadableStream<Uint8Array>({
        start(client) {
          own = client;
          clients.add(client);
          client.enqueue(encoder.encode(`retry: 1000\n\n${first === undefined ? "" : `data: ${first}\n\n`}`));
        },
        cancel() {
          if (own) clients.delete(own);
        },
      });
      if (signal.aborted && own) drop(own);
      signal.addEventListener("abort", () => own && drop(own), { once: true });
      const headers = { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" };
      return new Response(body, { headers });
    },
    publish(data) {
      // Made once for all listeners. JSON text has no line breaks.
      const bytes = encoder.encode(`id: ${++id}\ndata: ${data}\n\n`);
      for (const client of clients) {
        // Without a size the stream has broken already.
        if ((client.desiredSize ?? Number.NEGATIVE_INFINITY) < -MOST_WAITING) drop(client);
        else client.enqueue(bytes);
      }
    },
    get listeners() {
      return clients.size;
    },
    close() {
      for (const client of clients) drop(client);
    },
  };
}
