import type { Applied, RestoreRequest } from "../../core/ports.ts";
import { type FlagAddress, nameOf, resourcePath } from "./address.ts";
import type { FlagDocument } from "./flag-document.ts";
import { prerequisiteIds, readFlag, said, understood } from "./flag-reader.ts";
import type { Api, ApiAnswer } from "./management-api.ts";
import { pendingChanges } from "./pending-changes.ts";
import { type Instruction, planPatch } from "./semantic-patch.ts";
import type { ServingState } from "./serving-state.ts";

export interface WriteOptions {
  readonly api: Api;
  readonly environment: string;
  readonly ignoreConflicts: boolean;
}

/** Without it LaunchDarkly reads the body as a JSON Patch, and refuses it. */
const SEMANTIC_PATCH = "application/json; domain-model=launchdarkly.semanticpatch";

/** How often a patch that met the rate limit is tried again; each time the flag is read and compared anew. */
const TRIES = 3;

/** Brings a captured state back by one semantic patch; never throws. */
export async function writeState(
  options: WriteOptions,
  address: FlagAddress,
  desired: ServingState,
  request: RestoreRequest,
  signal: AbortSignal,
): Promise<Applied> {
  let answer: Applied | "limited" = "limited";
  for (let tries = 0; answer === "limited" && tries < TRIES; tries++) {
    answer = await writeOnce(options, address, desired, request, signal);
  }
  if (answer !== "limited") return answer;
  return { kind: "unknown", reason: "LaunchDarkly's rate limit is reached (429); nothing was taken in, try later" };
}

async function writeOnce(
  options: WriteOptions,
  address: FlagAddress,
  desired: ServingState,
  { desired: digest, before, key, fence }: RestoreRequest,
  signal: AbortSignal,
): Promise<Applied | "limited"> {
  const { api, environment } = options;
  const found = await readFlag(api, environment, address, signal);
  if (found.kind !== "read") {
    const reason = `nothing was sent: ${found.reason}`;
    return { kind: found.kind === "missing" ? "refused" : "unknown", reason };
  }
  const live = found.document;
  if (live.digest === digest) return { kind: "already" };
  if (live.digest !== before.digest || String(live.version) !== before.version) {
    return { kind: "conflict", reason: `it is at version ${live.version} now, and was read at ${before.version}` };
  }
  if (live.archived) return { kind: "refused", reason: `the ${nameOf(address)} is archived; restore it first` };
  const known = await prerequisiteIds(api, environment, live, desired, signal);
  if (typeof known === "string") return { kind: "unknown", reason: `nothing was sent: ${known}` };
  const plan = planPatch(live, desired, known);
  if (plan.kind === "impossible") return { kind: "refused", reason: plan.reason };
  const comment = `Rollbook restores ${digest.slice("sha256:".length, 19)} (key ${key}, fence ${fence})`;
  const answer = await send(options, address, { comment, instructions: plan.instructions }, signal);
  if (answer.kind === "limited") return "limited";
  if (answer.kind === "silence") return { kind: "unknown", reason: answer.reason };
  if (answer.status !== 200) return refusal(options, address, answer, signal);
  return readBack(options, live, answer.body, digest, signal);
}

function send(
  { api, environment, ignoreConflicts }: WriteOptions,
  address: FlagAddress,
  body: { readonly comment: string; readonly instructions: readonly Instruction[] },
  signal: AbortSignal,
): Promise<ApiAnswer> {
  const path = `${resourcePath(address)}${ignoreConflicts && address.kind === "flag" ? "?ignoreConflicts=true" : ""}`;
  const headers = { "content-type": SEMANTIC_PATCH };
  return api.patch({ path, headers, body: { environmentKey: environment, ...body } }, signal);
}

/**
 * LaunchDarkly takes no condition with a semantic patch. What it can tell is whether somebody wrote between our read
 * and our patch: then the version rose by more than our own one.
 */
async function readBack(
  { api, environment }: WriteOptions,
  live: FlagDocument,
  body: unknown,
  digest: string,
  signal: AbortSignal,
): Promise<Applied> {
  let after = understood(live.address, environment, body);
  if (after.kind !== "read") after = await readFlag(api, environment, live.address, signal);
  if (after.kind !== "read") return { kind: "unknown", reason: `it was patched, but not read back: ${after.reason}` };
  const { version, digest: served } = after.document;
  const outcome = served === digest ? "it has the desired state" : "it does not have the desired state";
  if (version !== live.version + 1) {
    const reason = `somebody else changed it in the same moment (version ${live.version} became ${version}); ${outcome}`;
    return { kind: "conflict", reason };
  }
  if (served === digest) return { kind: "applied" };
  return { kind: "unknown", reason: `LaunchDarkly took the patch, but ${outcome} at version ${version}` };
}

async function refusal(
  { api, environment }: WriteOptions,
  address: FlagAddress,
  answer: Extract<ApiAnswer, { kind: "answer" }>,
  signal: AbortSignal,
): Promise<Applied> {
  const reason = said(answer);
  switch (answer.status) {
    case 400: {
      const { changes } = await pendingChanges(api, environment, address, signal);
      const pending = changes.filter(({ kind }) => kind !== "expiry").map(({ text }) => text);
      if (pending.length === 0) return { kind: "refused", reason };
      const advice = "delete or finish it at LaunchDarkly, or set `ignore-conflicts` for this connection";
      return { kind: "refused", reason: `${reason}. Pending: ${pending.join("; ")}: ${advice}` };
    }
    case 405: {
      const advice = "let somebody approve the change at LaunchDarkly, or give the token's role bypassRequiredApproval";
      return { kind: "refused", reason: `${reason}. Approval is required in "${environment}": ${advice}` };
    }
    case 409:
      return {
        kind: "conflict",
        reason: `${reason}. If an experiment or a guarded rollout runs on it, stop that first`,
      };
    case 408:
    case 425:
      return { kind: "unknown", reason };
    default:
      return { kind: answer.status >= 300 && answer.status < 500 ? "refused" : "unknown", reason };
  }
}
