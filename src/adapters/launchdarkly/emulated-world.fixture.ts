import type { IncomingMessage, ServerResponse } from "node:http";
import { applyInstructions, type EmulatedFlag, type Patch, payloadOf } from "./emulated-flag.fixture.ts";

/** One call of the management API and what was answered, for whoever checks both against a schema. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers: IncomingMessage["headers"];
  readonly status: number;
  readonly answer: unknown;
}

export interface PendingChange {
  readonly _id: string;
  readonly executionDate: number;
  readonly instructions: readonly Patch[];
}

export const TOKEN = "api-00000000-0000-4000-8000-000000000001";
export const SDK_KEY = "sdk-00000000-0000-4000-8000-000000000002";
export const ENVIRONMENT = "production";

export type EmulatedWorld = ReturnType<typeof createWorld>;

/** Everything that the emulator knows; tests reach into it as LaunchDarkly's people and users would. */
export function createWorld(flags: readonly EmulatedFlag[]) {
  return {
    flags: [...flags],
    exchanges: [] as Exchange[],
    scheduled: [] as PendingChange[],
    approvals: [] as (PendingChange & { status: string })[],
    expiring: [] as { contextKind: string; contextKey: string; expirationDate: number }[],
    approvalsRequired: false,
    environmentId: "65f0c0ffee0000000000e001",
    /** The next calls of this kind are refused with 429 and these headers. */
    limits: [] as { readonly method: string; readonly headers: Record<string, string> }[],
    /** Runs between a patch's arrival and its effect: where a rival writes. */
    beforePatch: undefined as (() => void | Promise<void>) | undefined,
    /** Runs after the effect, before the answer. */
    afterPatch: undefined as ((response: ServerResponse) => void | Promise<void>) | undefined,
    /** While true the SDKs' side stays as it was. */
    sdksLag: false,
    /** What the SDKs were given when they began to lag. */
    lagging: undefined as string | undefined,
    streams: new Set<ServerResponse>(),
  };
}

export function flagNamed({ flags }: EmulatedWorld, project: string, kind: EmulatedFlag["kind"], key: string) {
  return flags.find((one) => one.project === project && one.kind === kind && one.key === key);
}

function payload({ flags }: EmulatedWorld): string {
  const all = flags.map((flag) => [flag.key, payloadOf(flag, ENVIRONMENT)]);
  return JSON.stringify({ flags: Object.fromEntries(all), segments: {} });
}

/** Somebody writes, through the adapter or not; the SDKs are told at once. */
export function change(
  world: EmulatedWorld,
  flag: EmulatedFlag,
  environment: string,
  instructions: readonly Patch[],
): void {
  if (world.sdksLag) world.lagging ??= payload(world);
  const other = (key: string) => flagNamed(world, flag.project, "flag", key);
  const changed = applyInstructions(flag, environment, instructions, other);
  if (!changed || environment !== ENVIRONMENT || world.sdksLag) return;
  const data = JSON.stringify({ path: `/flags/${flag.key}`, data: payloadOf(flag, environment) });
  for (const stream of world.streams) stream.write(`event: patch\ndata: ${data}\n\n`);
}

/** Tells the SDKs everything anew, after the flags were replaced. */
export function broadcast(world: EmulatedWorld): void {
  for (const stream of world.streams) stream.write(putOf(payload(world)));
}

/** What SDKs call: the stream, the poll, and where they leave their events. */
export function serveSdk(world: EmulatedWorld, request: IncomingMessage, response: ServerResponse, path: string): void {
  if (request.method === "POST") return void response.writeHead(202).end();
  if (request.headers.authorization !== SDK_KEY) return void response.writeHead(401).end();
  const data = world.lagging ?? payload(world);
  if (path !== "/all") return void response.writeHead(200, { "content-type": "application/json" }).end(data);
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(putOf(data));
  world.streams.add(response);
  response.once("close", () => world.streams.delete(response));
}

const putOf = (data: string) => `event: put\ndata: {"path":"/","data":${data}}\n\n`;
