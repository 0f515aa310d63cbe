import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import {
  applyInstructions,
  documentOf,
  type EmulatedFlag,
  type Patch,
  PatchRefused,
  payloadOf,
} from "./emulated-flag.fixture.ts";

/** One call of the management API and what was answered, for whoever checks both against a schema. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers: IncomingMessage["headers"];
  readonly status: number;
  readonly answer: unknown;
}

interface PendingChange {
  readonly _id: string;
  readonly executionDate: number;
  readonly instructions: readonly Patch[];
}

export const TOKEN = "api-00000000-0000-4000-8000-000000000001";
export const SDK_KEY = "sdk-00000000-0000-4000-8000-000000000002";
export const ENVIRONMENT = "production";

/**
 * A stateful emulator of the parts of LaunchDarkly that a rollback meets, on 127.0.0.1: the management API of flags and
 * AI configs, and what its SDKs stream and poll. Its answers follow the vendor's OpenAPI document; semantic patches,
 * which that does not describe, follow the text of "Update feature flag".
 */
export async function startLaunchDarkly(flags: readonly EmulatedFlag[]) {
  const streams = new Set<ServerResponse>();
  const world = {
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
  };
  let lagging: string | undefined;

  const named = (project: string, kind: EmulatedFlag["kind"], key: string) =>
    world.flags.find((one) => one.project === project && one.kind === kind && one.key === key);
  const payload = () => {
    const all = world.flags.map((flag) => [flag.key, payloadOf(flag, ENVIRONMENT)]);
    return JSON.stringify({ flags: Object.fromEntries(all), segments: {} });
  };

  /** Somebody writes, through the adapter or not; the SDKs are told at once. */
  function change(flag: EmulatedFlag, environment: string, instructions: readonly Patch[]): void {
    if (world.sdksLag) lagging ??= payload();
    const changed = applyInstructions(flag, environment, instructions, (key) => named(flag.project, "flag", key));
    if (!changed || environment !== ENVIRONMENT || world.sdksLag) return;
    const data = JSON.stringify({ path: `/flags/${flag.key}`, data: payloadOf(flag, environment) });
    for (const stream of streams) stream.write(`event: patch\ndata: ${data}\n\n`);
  }

  function patch(flag: EmulatedFlag, request: IncomingMessage, url: URL, body: Record<string, unknown>): object {
    if (!String(request.headers["content-type"]).includes("domain-model=launchdarkly.semanticpatch")) {
      throw new PatchRefused(400, "expected a JSON patch: add domain-model=launchdarkly.semanticpatch");
    }
    const environment = String(body["environmentKey"]);
    const instructions = body["instructions"] as Patch[];
    if (world.approvalsRequired) throw new PatchRefused(405, "Approval is required to make this request");
    const families = new Set(instructions.map(familyOf));
    const pending = [...world.scheduled, ...world.approvals.filter(({ status }) => status !== "completed")];
    const breaks = pending.some((one) => one.instructions.some((other) => families.has(familyOf(other))));
    if (breaks && url.searchParams.get("ignoreConflicts") !== "true") {
      throw new PatchRefused(400, "this change would cause a pending scheduled change or approval request to fail");
    }
    change(flag, environment, instructions);
    return documentOf(flag);
  }

  async function manage(request: IncomingMessage, url: URL, body: unknown): Promise<[number, unknown]> {
    const { method = "GET" } = request;
    if (request.headers.authorization !== TOKEN)
      return [401, { code: "unauthorized", message: "Invalid access token" }];
    const [, flagProject, flagKey] = /^\/api\/v2\/flags\/([^/]+)\/([^/]+)$/.exec(url.pathname) ?? [];
    const [, aiProject, aiKey] =
      /^\/api\/v2\/projects\/([^/]+)\/ai-configs\/([^/]+)\/targeting$/.exec(url.pathname) ?? [];
    if (aiKey !== undefined && request.headers["ld-api-version"] !== "beta")
      return [403, { code: "forbidden", message: "This is a beta resource" }];
    const project = flagProject ?? aiProject ?? "";
    const flag = named(project, aiKey === undefined ? "flag" : "ai-config", flagKey ?? aiKey ?? "");
    if (flagKey !== undefined || aiKey !== undefined) {
      if (!flag) return [404, { code: "not_found", message: "Invalid resource identifier" }];
      if (method === "GET") return [200, documentOf(flag, url.searchParams.get("env") ?? undefined)];
      await world.beforePatch?.();
      return [200, patch(flag, request, url, body as Record<string, unknown>)];
    }
    return listed(url.pathname);
  }

  function listed(path: string): [number, unknown] {
    if (path === "/api/v2/caller-identity") return [200, { accountId: "65f0c0ffee0000000000a001", authKind: "token" }];
    const last = path.slice(path.lastIndexOf("/") + 1);
    if (/\/environments\/[^/]+$/.test(path) && last === ENVIRONMENT) return [200, environmentOf(world)];
    if (last === "scheduled-changes") {
      const items = world.scheduled.map((one) => ({ ...one, _creationDate: 1, _maintainerId: "m", _version: 1 }));
      return [200, { items }];
    }
    if (last === "approval-requests") return [200, { items: world.approvals.map(approvalOf), _links: {} }];
    if (/\/expiring-targets\/[^/]+$/.test(path)) {
      const more = { _id: "x", _version: 1, _resourceId: { kind: "flag" } };
      return [200, { items: world.expiring.map((one) => ({ ...more, ...one })) }];
    }
    return [404, { code: "not_found", message: "Invalid resource identifier" }];
  }

  /** What SDKs call: the stream, the poll, and where they leave their events. */
  function serveSdk(request: IncomingMessage, response: ServerResponse, path: string): void {
    if (request.method === "POST") return void response.writeHead(202).end();
    if (request.headers.authorization !== SDK_KEY) return void response.writeHead(401).end();
    const data = lagging ?? payload();
    if (path !== "/all") return void response.writeHead(200, { "content-type": "application/json" }).end(data);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(putOf(data));
    streams.add(response);
    response.once("close", () => streams.delete(response));
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const { method = "GET" } = request;
    const written = await text(request);
    if (!url.pathname.startsWith("/api/")) return serveSdk(request, response, url.pathname);
    const body: unknown = written === "" ? undefined : JSON.parse(written);
    const limit = world.limits.findIndex((one) => one.method === method);
    const [limited] = limit < 0 ? [] : world.limits.splice(limit, 1);
    let status = 429;
    let answered: unknown = { code: "rate_limited", message: "You've exceeded the API rate limit. Try again later." };
    try {
      if (!limited) [status, answered] = await manage(request, url, body);
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
    response
      .writeHead(status, { "content-type": "application/json", ...limited?.headers })
      .end(JSON.stringify(answered));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return Object.assign(world, {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    change,
    /** Tells the SDKs everything anew, after the flags were replaced. */
    broadcast() {
      for (const stream of streams) stream.write(putOf(payload()));
    },
    catchUp() {
      lagging = undefined;
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

const putOf = (data: string) => `event: put\ndata: {"path":"/","data":${data}}\n\n`;

/** Instructions of one family touch the same part of the targeting. Which of them collide is the emulator's own rule. */
function familyOf({ kind }: Patch): string {
  return kind.startsWith("turnFlag") ? "turn" : kind.replace(/^(add|remove|replace|update)/, "").replace(/s$/, "");
}

function environmentOf({
  approvalsRequired,
  environmentId,
}: {
  approvalsRequired: boolean;
  environmentId: string;
}): object {
  const rules = { bypassApprovalsForPendingChanges: false, minNumApprovals: 1, canReviewOwnRequest: false };
  const more = {
    canApplyDeclinedChanges: true,
    serviceKind: "launchdarkly",
    serviceConfig: {},
    requiredApprovalTags: [],
  };
  const settings = { required: approvalsRequired, ...rules, ...more };
  const flags = { secureMode: false, defaultTrackEvents: false, requireComments: false, confirmChanges: false };
  return {
    ...{ _links: {}, _id: environmentId, key: ENVIRONMENT, name: ENVIRONMENT, apiKey: SDK_KEY, mobileKey: "mob-1" },
    ...{ color: "F5A623", defaultTtl: 0, tags: [], critical: true, ...flags },
    approvalSettings: settings,
    resourceApprovalSettings: { aiconfig: settings },
  };
}

function approvalOf(one: PendingChange & { status: string }): object {
  const people = { allReviews: [], notifyMemberIds: [], conflicts: [], _links: {} };
  return { ...one, _version: 1, creationDate: 1, serviceKind: "launchdarkly", reviewStatus: "pending", ...people };
}
