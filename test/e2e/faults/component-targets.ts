import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Digest } from "../../../src/core/digest.ts";

/** One write that a target has accepted and that changed it. */
export interface Effect {
  readonly digest: Digest;
  readonly key: string;
  readonly fence: number;
}

/** Components behind HTTP as docs/adapters/http.md asks for: versions, idempotency keys and fences. */
export interface Components {
  readonly base: string;
  live(name: string): Digest | undefined;
  /** What was accepted, oldest first. */
  effects(name: string): readonly Effect[];
  /** A write without a controller: what somebody else does. */
  write(name: string, digest: Digest): void;
  /** Components that refuse these digests. */
  readonly refused: Set<string>;
  /** How long a write waits before it is accepted, and its answer after that. */
  delays: () => readonly [before: number, after: number];
  close(): Promise<void>;
}

interface State {
  digest: Digest;
  version: number;
  fence: number;
  readonly keys: Map<string, Digest>;
  readonly effects: Effect[];
}

/** Starts with these digests in place. */
export async function startComponents(first: Readonly<Record<string, Digest>>): Promise<Components> {
  const states = new Map<string, State>(
    Object.entries(first).map(([name, digest]) => [
      name,
      { digest, version: 1, fence: 0, keys: new Map(), effects: [] },
    ]),
  );
  const components = { refused: new Set<string>(), delays: () => [0, 0] as const } as unknown as Components;
  const server = createServer((request, response) => {
    // Whoever was killed while it waited for an answer breaks the connection: the effect happens all the same.
    answer(components, states, request, response).catch(() => response.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(components, {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    live: (name: string) => states.get(name)?.digest,
    effects: (name: string) => states.get(name)?.effects ?? [],
    write: (name: string, digest: Digest) => {
      const state = states.get(name)!;
      Object.assign(state, { digest, version: state.version + 1 });
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}

async function answer(
  components: Components,
  states: ReadonlyMap<string, State>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [, name = "", revisions] = (request.url ?? "").split(/[/?]/);
  const state = states.get(name);
  if (!state) return reply(response, 404, {});
  if (request.method !== "PUT")
    return reply(response, 200, revisions ? { intact: true } : { digest: state.digest, version: state.version });
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { digest } = JSON.parse(Buffer.concat(chunks).toString()) as { digest: Digest };
  const [before, after] = components.delays();
  if (before > 0) await sleep(before);
  const [status, body] = accept(components, name, state, request, digest);
  if (after > 0) await sleep(after);
  return reply(response, status, body);
}

/** Nothing of it waits: whether it is accepted, and that it is, are one moment. */
function accept(
  { refused }: Components,
  name: string,
  state: State,
  { headers }: IncomingMessage,
  digest: Digest,
): readonly [status: number, body: object] {
  const key = String(headers["idempotency-key"]);
  const fence = Number(headers["rollbook-fence"]);
  if (fence < state.fence) return [409, { reason: "a newer fence has written" }];
  state.fence = fence;
  if (state.keys.has(key)) return [200, { digest: state.keys.get(key), version: state.version, already: true }];
  if (headers["if-match"] !== `"${state.version}"`) return [412, { reason: "the version has moved" }];
  if (refused.has(`${name} ${digest}`)) return [422, { reason: "this revision does not start" }];
  // What is in place already is written to keep out an older write that is still under way: a new version, no effect.
  if (digest !== state.digest) state.effects.push({ digest, key, fence });
  Object.assign(state, { digest, version: state.version + 1 });
  state.keys.set(key, digest);
  return [200, { digest, version: state.version }];
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
