import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type EmulatedFlag, type Patch, PatchRefused } from "./emulated-flag.fixture.ts";
import { manage } from "./emulated-management.fixture.ts";
import { broadcast, change, createWorld, type EmulatedWorld, serveSdk } from "./emulated-world.fixture.ts";

/**
 * A stateful emulator of the parts of LaunchDarkly that a rollback meets, on 127.0.0.1: the management API of flags and
 * AI configs, and what its SDKs stream and poll. Its answers follow the vendor's OpenAPI document; semantic patches,
 * which that does not describe, follow the text of "Update feature flag".
 */
export async function startLaunchDarkly(flags: readonly EmulatedFlag[]) {
  const world = createWorld(flags);
  const server = createServer((request, response) => {
    answer(world, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return Object.assign(world, {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    change: (flag: EmulatedFlag, environment: string, instructions: readonly Patch[]) =>
      change(world, flag, environment, instructions),
    broadcast: () => broadcast(world),
    catchUp() {
      world.lagging = undefined;
      world.sdksLag = false;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}

export type EmulatedLaunchDarkly = Awaited<ReturnType<typeof startLaunchDarkly>>;

async function answer(world: EmulatedWorld, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  const { method = "GET" } = request;
  const written = await text(request);
  if (!url.pathname.startsWith("/api/")) return serveSdk(world, request, response, url.pathname);
  const body: unknown = written === "" ? undefined : JSON.parse(written);
  const limit = world.limits.findIndex((one) => one.method === method);
  const [limited] = limit < 0 ? [] : world.limits.splice(limit, 1);
  let status = 429;
  let answered: unknown = { code: "rate_limited", message: "You've exceeded the API rate limit. Try again later." };
  try {
    if (!limited) [status, answered] = await manage(world, request, url, body);
  } catch (error) {
    if (!(error instanceof PatchRefused)) throw error;
    status = error.status;
    const codes: Record<number, string> = { 405: "method_not_allowed", 409: "optimistic_locking_error" };
    answered = { code: codes[status] ?? "invalid_request", message: error.message };
  }
  const path = `${url.pathname}${url.search}`;
  world.exchanges.push({ method, path, body, headers: request.headers, status, answer: answered });
  if (method === "PATCH") await world.afterPatch?.(response);
  if (response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json", ...limited?.headers }).end(JSON.stringify(answered));
}
