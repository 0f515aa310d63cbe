import { type FlagAddress, nameOf, resourcePath } from "./address.ts";
import { type FlagDocument, flagDocument } from "./flag-document.ts";
import type { Api, ApiAnswer } from "./management-api.ts";
import type { PrerequisiteIds } from "./semantic-patch.ts";
import type { ServingState } from "./serving-state.ts";

export type FlagRead =
  | { readonly kind: "read"; readonly document: FlagDocument }
  /** `missing`: LaunchDarkly has, or shows, no such flag. `unreachable`: it could not be learnt. */
  | { readonly kind: "missing" | "unreachable"; readonly reason: string };

/** Reads what LaunchDarkly has at an address, in one environment; never throws. */
export async function readFlag(
  api: Api,
  environment: string,
  address: FlagAddress,
  signal: AbortSignal,
): Promise<FlagRead> {
  const filter = address.kind === "flag" ? `?env=${encodeURIComponent(environment)}` : "";
  const answer = await api.get(`${resourcePath(address)}${filter}`, signal);
  if (answer.kind !== "answer") return { kind: "unreachable", reason: said(answer) };
  if (answer.status === 404) return { kind: "missing", reason: `LaunchDarkly has no ${nameOf(address)} (404)` };
  if (answer.status !== 200) return { kind: "unreachable", reason: said(answer) };
  return understood(address, environment, answer.body);
}

export function understood(address: FlagAddress, environment: string, body: unknown): FlagRead {
  try {
    return { kind: "read", document: flagDocument(address, environment, body) };
  } catch (error) {
    return { kind: "unreachable", reason: error instanceof Error ? error.message : "the answer is not understood" };
  }
}

/** The variation ids of the prerequisites that a state names, in their flags' order; or why one cannot be read. */
export async function prerequisiteIds(
  api: Api,
  environment: string,
  live: FlagDocument,
  desired: ServingState,
  signal: AbortSignal,
): Promise<PrerequisiteIds | string> {
  const known = new Map<string, readonly string[]>();
  const same = JSON.stringify(live.state.prerequisites) === JSON.stringify(desired.prerequisites);
  for (const { key } of same ? [] : desired.prerequisites) {
    const address: FlagAddress = { kind: "flag", project: live.address.project, key };
    const flag = await readFlag(api, environment, address, signal);
    if (flag.kind === "unreachable") return `its prerequisite ${key}: ${flag.reason}`;
    known.set(key, flag.kind === "read" ? flag.document.variations.map(({ id }) => id) : []);
  }
  return known;
}

/** An answer in words, with LaunchDarkly's own message. */
export function said(answer: ApiAnswer): string {
  if (answer.kind === "silence") return answer.reason;
  if (answer.kind === "limited") {
    return `LaunchDarkly's rate limit is reached (429); it asks to wait ${Math.ceil(answer.waitMs / 1000)} s`;
  }
  if (answer.status >= 300 && answer.status < 400) return `it answers ${answer.status}; redirects are not followed`;
  const { message } = (typeof answer.body === "object" && answer.body !== null ? answer.body : {}) as {
    message?: unknown;
  };
  const hint = answer.status === 401 || answer.status === 403 ? "; check the access token and its role" : "";
  return `LaunchDarkly answers ${answer.status}${typeof message === "string" ? `: ${message.slice(0, 300)}` : ""}${hint}`;
}
