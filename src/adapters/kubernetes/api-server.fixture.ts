import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ApiObjects, failure, type Outcome, type Stored } from "./api-objects.fixture.ts";
import { reconcile } from "./workload-controller.fixture.ts";

/** A small API server in this process, with the controllers of Deployments and Rollouts at work. */
export interface ApiServer {
  readonly url: string;
  readonly objects: ApiObjects;
  /** Every request, as `METHOD path`. */
  readonly calls: string[];
  /** May answer a request before anything else does; undefined lets it pass. */
  intercept: (request: IncomingMessage, path: string) => Outcome | "drop" | undefined | Promise<undefined>;
  /** Do the controllers work? Off, what is written stays only a wish. */
  working: boolean;
  stop(): Promise<void>;
}

/** Starts it with the namespaces `kube-system` (whose uid is given) and `lending`. */
export async function startApiServer(uid = "1b5a9c1e-0000-4000-8000-000000000001"): Promise<ApiServer> {
  const objects = new ApiObjects();
  objects.put("/api/v1/namespaces/kube-system", { metadata: { uid } });
  objects.put("/api/v1/namespaces/lending", { metadata: {} });
  const server = createServer((request, response) => {
    void answer(api, request, response).catch((error: unknown) => response.destroy(error as Error));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const api: ApiServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    calls: [],
    intercept: () => undefined,
    working: true,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return api;
}

async function answer(api: ApiServer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", api.url);
  api.calls.push(`${request.method} ${url.pathname}`);
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const intercepted = await api.intercept(request, url.pathname);
  if (intercepted === "drop") return void request.socket.destroy();
  if (intercepted !== undefined) return reply(response, intercepted);
  if (url.searchParams.has("watch")) return watch(api, url, response);
  const body: unknown = chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
  reply(response, outcomeOf(api, request, url, body));
  if (api.working) reconcile(api.objects);
}

function outcomeOf({ objects }: ApiServer, request: IncomingMessage, url: URL, body: unknown): Outcome {
  const path = url.pathname;
  if (request.method === "PATCH") {
    const status = path.endsWith("/status");
    const kind = request.headers["content-type"]?.includes("json-patch") ? "json" : "merge";
    return objects.patch(path.replace(/\/status$/, ""), body, kind, status ? "status" : "object");
  }
  if (request.method === "POST" && path.endsWith("/selfsubjectaccessreviews"))
    return [201, { status: { allowed: true } }];
  if (request.method === "POST") return failure(405, "MethodNotAllowed", "nothing is made here");
  const found = objects.get(path);
  if (found !== undefined) return [200, found];
  if (!isFolder(path)) return failure(404, "NotFound", `${path} not found`);
  return [200, { metadata: { resourceVersion: String(objects.version) }, ...page(chosen(objects.in(path), url), url) }];
}

/** `/api/v1/namespaces/NS/PLURAL` and `/apis/GROUP/VERSION/namespaces/NS/PLURAL` are folders. */
function isFolder(path: string): boolean {
  return /\/namespaces\/[^/]+\/[a-z]+$/.test(path);
}

function chosen(all: readonly Stored[], { searchParams }: URL): readonly Stored[] {
  const pairs = (searchParams.get("labelSelector") ?? "").split(",").filter((part) => part !== "");
  const name = searchParams.get("fieldSelector")?.replace("metadata.name=", "");
  return all.filter(({ metadata }) => {
    const labels = (metadata["labels"] ?? {}) as Record<string, string>;
    return (
      (name === undefined || metadata["name"] === name) &&
      pairs.every((pair) => labels[pair.split("=")[0]!] === pair.split("=")[1])
    );
  });
}

function page(all: readonly Stored[], { searchParams }: URL): object {
  const [from, limit] = [Number(searchParams.get("continue") ?? 0), Number(searchParams.get("limit") ?? all.length)];
  const more = from + limit < all.length ? { metadata: { continue: String(from + limit) } } : {};
  return { items: all.slice(from, from + limit), ...more };
}

function watch({ objects }: ApiServer, url: URL, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
  const end = objects.watch(Number(url.searchParams.get("resourceVersion")), ({ type, path, object }) => {
    const inside = path.startsWith(`${url.pathname}/`) && chosen([object], url).length > 0;
    if (inside) response.write(`${JSON.stringify({ type, object })}\n`);
  });
  response.on("close", end);
}

function reply(response: ServerResponse, [status, body]: Outcome): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
