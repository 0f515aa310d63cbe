import type { Applied, Clock, Identified, Observed, RestoreAdapter, RestoreRequest } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { createAddressReader, type FlagAddress } from "./address.ts";
import { concernsAbout } from "./concerns.ts";
import { type FlagDocument, servesInWords } from "./flag-document.ts";
import { type FlagRead, readFlag, said } from "./flag-reader.ts";
import { type Api, createApi } from "./management-api.ts";
import { resolveReference, versionName } from "./references.ts";
import { seenBySdks } from "./sdk-view.ts";
import { variationsIn } from "./semantic-patch.ts";
import { capture, intactState, type Snapshots } from "./snapshots.ts";
import { writeState } from "./write-state.ts";

export interface LaunchDarklyOptions {
  /** The connection's name: the scheme of the addresses that it serves. */
  readonly scheme: string;
  /** Key of the environment, `production` say. */
  readonly environment: string;
  readonly token: string;
  /** With it `seen` asks what the environment hands to server-side SDKs. */
  readonly sdkKey?: string;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  readonly api?: string;
  readonly sdk?: string;
  /** Write although a pending scheduled change or approval request would then fail. */
  readonly ignoreConflicts?: boolean;
  readonly bypassesApprovals?: boolean;
  readonly fetch?: typeof globalThis.fetch;
  /** Of one call; 5 s without it. */
  readonly timeoutMs?: Milliseconds;
  /** The longest wait for a rate limit; 10 s without it, LaunchDarkly's window. */
  readonly patienceMs?: Milliseconds;
}

const MANAGEMENT_BYTES = 8 * 1024 * 1024;
const PAYLOAD_BYTES = 64 * 1024 * 1024;

/**
 * Restores the targeting of LaunchDarkly flags at `SCHEME://PROJECT/FLAG` and of AI configs at
 * `SCHEME://PROJECT/ai-configs/KEY`, in one environment, by semantic patches (docs/adapters/launchdarkly.md).
 * LaunchDarkly keeps no history that can be restored, so every read captures the state that it finds. A semantic patch
 * takes no condition: the guarantee is `blind`, with a comparison before, a count of versions and a read-back after.
 */
export function createLaunchDarklyAdapter(options: LaunchDarklyOptions): RestoreAdapter {
  const { scheme, environment, snapshots, ignoreConflicts = false, bypassesApprovals = false } = options;
  const addressIn = createAddressReader(scheme);
  const api = managementApi(options);
  const fences = new Map<string, number>();

  const find = async (at: string, signal: AbortSignal): Promise<FlagRead> => {
    const address = addressIn(at);
    return address ? readFlag(api, environment, address, signal) : { kind: "missing", reason: misspelt(at, scheme) };
  };

  return {
    name: scheme,
    guarantee: "blind",
    undo: () => "compensatable",
    serves: (at) => addressIn(at) !== undefined,
    async read(at, signal) {
      const found = await find(at, signal);
      if (found.kind !== "read") return { kind: "unreachable", reason: found.reason };
      return observed(found.document, await keep(snapshots, environment, found.document));
    },
    async holds(at, digest, signal) {
      const state = await intactState(snapshots, digest);
      if (state === undefined) return false;
      const found = await find(at, signal);
      if (found.kind !== "read" || !belongs(state, found.document.address)) return false;
      const offered = new Set<string>(found.document.variations.map(({ ref }) => ref));
      return [...variationsIn(state)].every((ref) => offered.has(ref));
    },
    async apply(request, signal) {
      const address = addressIn(request.at);
      if (address === undefined) return { kind: "refused", reason: misspelt(request.at, scheme) };
      const highest = fences.get(request.at) ?? 0;
      if (request.fence < highest) return { kind: "stale", reason: `fence ${highest} has written` };
      fences.set(request.at, request.fence);
      return restore({ api, environment, ignoreConflicts }, address, request, snapshots, signal);
    },
    async resolve(at, reference, signal) {
      const found = await find(at, signal);
      if (found.kind !== "read")
        return { kind: found.kind === "missing" ? "unknown" : "unreachable", reason: found.reason };
      try {
        return await resolveReference(snapshots, found.document, environment, reference);
      } catch (error) {
        return { kind: "unreachable", reason: `the captured states cannot be used: ${messageOf(error)}` };
      }
    },
    async concerns(at, digest, signal) {
      const [found, state] = await Promise.all([find(at, signal), intactState(snapshots, digest)]);
      if (found.kind !== "read") return [{ level: "warning", text: `it could not be checked: ${found.reason}` }];
      if (state === undefined) return [{ level: "blocking", text: "no intact captured state has this digest" }];
      return concernsAbout({ api, environment, bypassesApprovals }, found.document, state, signal);
    },
    async identify(at, signal) {
      const address = addressIn(at);
      if (address === undefined) return { kind: "unreachable", reason: misspelt(at, scheme) };
      return identity(api, address, environment, signal);
    },
    ...seenThrough(options, addressIn),
  };
}

/** Without an SDK key nobody can be asked what the SDKs are given. */
function seenThrough(
  options: LaunchDarklyOptions,
  addressIn: (at: string) => FlagAddress | undefined,
): Pick<RestoreAdapter, "seen"> {
  if (options.sdkKey === undefined) return {};
  const sdk = sdkApi(options, options.sdkKey);
  return {
    async seen(at, digest, signal) {
      const address = addressIn(at);
      if (address === undefined) return { kind: "unreachable", reason: misspelt(at, options.scheme) };
      return seenBySdks(sdk, address, digest, signal);
    },
  };
}

async function restore(
  options: Parameters<typeof writeState>[0],
  address: FlagAddress,
  request: RestoreRequest,
  snapshots: Snapshots,
  signal: AbortSignal,
): Promise<Applied> {
  if (signal.aborted) return { kind: "unknown", reason: "given up before anything was sent" };
  const desired = await intactState(snapshots, request.desired);
  if (desired === undefined || !belongs(desired, address)) {
    return { kind: "refused", reason: "no intact captured state of this flag has this digest" };
  }
  return writeState(options, address, desired, request, signal);
}

const belongs = (state: FlagAddress, address: FlagAddress) =>
  state.kind === address.kind && state.project === address.project && state.key === address.key;

/** Captures what was read; answers why not, if so. A read is true all the same. */
async function keep(snapshots: Snapshots, environment: string, found: FlagDocument): Promise<string | undefined> {
  try {
    await capture(snapshots, found.state);
    const name = versionName(found, environment, found.version);
    if ((await snapshots.named(name)) !== found.digest) await snapshots.name(name, found.digest);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function observed({ digest, version, state, variations }: FlagDocument, flaw: string | undefined): Observed {
  const label = `version ${version} (${servesInWords(state, variations)})${flaw ? `; not captured: ${flaw}` : ""}`;
  return { kind: "live", digest, version: String(version), label };
}

/** The account and the environment's own id: a copy of a project shares neither. */
async function identity(
  api: Api,
  { project }: FlagAddress,
  environment: string,
  signal: AbortSignal,
): Promise<Identified> {
  const place = `/api/v2/projects/${project}/environments/${encodeURIComponent(environment)}`;
  const [caller, found] = await Promise.all([api.get("/api/v2/caller-identity", signal), api.get(place, signal)]);
  for (const answer of [caller, found]) {
    if (answer.kind !== "answer" || answer.status !== 200) return { kind: "unreachable", reason: said(answer) };
  }
  // Only the ids are taken out: an environment's answer also carries its SDK keys.
  const { accountId } = (bodyOf(caller) ?? {}) as { accountId?: unknown };
  const { _id: id } = (bodyOf(found) ?? {}) as { _id?: unknown };
  if (typeof id !== "string" || typeof accountId !== "string") {
    return { kind: "unreachable", reason: "LaunchDarkly names no account and environment id" };
  }
  return { kind: "identified", identity: `${accountId}/${project}/${id}` };
}

const bodyOf = (answer: Awaited<ReturnType<Api["get"]>>) => (answer.kind === "answer" ? answer.body : undefined);

function managementApi(options: LaunchDarklyOptions): Api {
  // AI configs are a beta resource, which LaunchDarkly refuses (403) without asking for it.
  const headers = (path: string) => ({
    authorization: options.token,
    "ld-api-version": path.includes("/ai-configs/") ? "beta" : "20240415",
  });
  return createApi({
    ...calls(options),
    base: options.api ?? "https://app.launchdarkly.com",
    headers,
    maxBytes: MANAGEMENT_BYTES,
  });
}

function sdkApi(options: LaunchDarklyOptions, authorization: string): Api {
  const base = options.sdk ?? "https://sdk.launchdarkly.com";
  return createApi({ ...calls(options), base, headers: () => ({ authorization }), maxBytes: PAYLOAD_BYTES });
}

function calls({ clock, fetch, timeoutMs = 5000, patienceMs = 10_000 }: LaunchDarklyOptions) {
  return { clock, timeoutMs, patienceMs, ...(fetch === undefined ? {} : { fetch }) };
}

function misspelt(at: string, scheme: string): string {
  return `${at} is no ${scheme}://PROJECT/FLAG and no ${scheme}://PROJECT/ai-configs/KEY`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
