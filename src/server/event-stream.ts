/** Server-sent events with a bounded memory, so that a page that comes late still sees how it began. */
export interface EventStream {
  publish(event: object): void;
  connect(signal: AbortSignal): Response;
  close(): void;
}

const REMEMBERED = 400;
const MAX_CLIENTS = 200;

export function createEventStream(): EventStream {
  const clients = new Set<ReadableStreamDefaultController<Uint8Array>>();
  const remembered: Uint8Array[] = [];
  const encoder = new TextEncoder();
  let id = 0;
  const drop = (client: ReadableStreamDefaultController<Uint8Array>) => {
    clients.delete(client);
    try {
      client.close();
    } catch {
      // closed by the other side already
    }
  };
  return {
    publish(event) {
      id += 1;
      const bytes = encoder.encode(`id: ${id}\ndata: ${JSON.stringify(event)}\n\n`);
      remembered.push(bytes);
      if (remembered.length > REMEMBERED) remembered.shift();
      for (const client of clients) {
        if ((client.desiredSize ?? 0) < -1000) drop(client);
        else client.enqueue(bytes);
      }
    },
    connect(signal) {
      if (clients.size >= MAX_CLIENTS) return new Response("too many listeners", { status: 503 });
      let own: ReadableStreamDefaultController<Uint8Array> | undefined;
      const body = new ReadableStream<Uint8Array>({
        start(client) {
          own = client;
          client.enqueue(encoder.encode("retry: 1000\n\n"));
          for (const bytes of remembered) client.enqueue(bytes);
          clients.add(client);
        },
        cancel() {
          if (own) clients.delete(own);
        },
      });
      signal.addEventListener("abort", () => own && drop(own));
      return new Response(body, {
        headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no" },
      });
    },
    close() {
      for (const client of clients) drop(client);
    },
  };
}
