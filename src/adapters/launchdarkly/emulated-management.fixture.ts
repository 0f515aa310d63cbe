import type { IncomingMessage } from "node:http";
import { documentOf, type EmulatedFlag, type Patch, PatchRefused } from "./emulated-flag.fixture.ts";
import {
  change,
  type EmulatedWorld,
  ENVIRONMENT,
  flagNamed,
  type PendingChange,
  SDK_KEY,
  TOKEN,
} from "./emulated-world.fixture.ts";

/** Answers one call of the management API: status and body. Throws `PatchRefused`. */
export async function manage(
  world: EmulatedWorld,
  request: IncomingMessage,
  url: URL,
  body: unknown,
): Promise<[number, unknown]> {
  const { method = "GET" } = request;
  if (request.headers.authorization !== TOKEN) return [401, { code: "unauthorized", message: "Invalid access token" }];
  const [, flagProject, flagKey] = /^\/api\/v2\/flags\/([^/]+)\/([^/]+)$/.exec(url.pathname) ?? [];
  const [, aiProject, aiKey] =
    /^\/api\/v2\/projects\/([^/]+)\/ai-configs\/([^/]+)\/targeting$/.exec(url.pathname) ?? [];
  if (aiKey !== undefined && request.headers["ld-api-version"] !== "beta")
    return [403, { code: "forbidden", message: "This is a beta resource" }];
  const project = flagProject ?? aiProject ?? "";
  const flag = flagNamed(world, project, aiKey === undefined ? "flag" : "ai-config", flagKey ?? aiKey ?? "");
  if (flagKey !== undefined || aiKey !== undefined) {
    if (!flag) return [404, { code: "not_found", message: "Invalid resource identifier" }];
    if (method === "GET") return [200, documentOf(flag, url.searchParams.get("env") ?? undefined)];
    await world.beforePatch?.();
    return [200, patch(world, flag, request, url, body as Record<string, unknown>)];
  }
  return listed(world, url.pathname);
}

function patch(
  world: EmulatedWorld,
  flag: EmulatedFlag,
  request: IncomingMessage,
  url: URL,
  body: Record<string, unknown>,
): object {
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
  change(world, flag, environment, instructions);
  return documentOf(flag);
}

function listed(world: EmulatedWorld, path: string): [number, unknown] {
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
