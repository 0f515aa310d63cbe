import { isDigest } from "../../core/digest.ts";
import type { Identified as Identity, Observed, Resolved, RestoreAdapter, Seen } from "../../core/ports.ts";
import type { Milliseconds } from "../../core/time.ts";
import { type Place, placeAt } from "./address.ts";
import { type ArtefactCare, createArtefacts } from "./artefacts.ts";
import { concernsAbout } from "./concerns.ts";
import { createMlflowCall, MlflowProblem } from "./mlflow-call.ts";
import { moveAlias } from "./move-alias.ts";
import { createRegistry } from "./registry.ts";
import { identityOf, resolved } from "./resolve.ts";
import { createRevisions, kindFlaw } from "./revisions.ts";
import { createServing, type ReloadPoint, type ServingPoint } from "./serving.ts";

export interface MlflowAdapterOptions {
  /** The name of the connection: the scheme of its addresses. */
  readonly scheme: string;
  /** Base URL of the tracking server, with its static prefix if it has one. */
  readonly url: string;
  /** Value of the `Authorization` header; a server without sign-in needs none. */
  readonly authorization?: string;
  /** By `NAME@ALIAS`: who serves it, and what makes them load it anew. */
  readonly serving?: Readonly<Record<string, ServingPoint>>;
  readonly reload?: Readonly<Record<string, ReloadPoint>>;
  readonly artefacts?: Partial<ArtefactCare>;
  /** Keep fence and key in tags of the registered model; true without it. */
  readonly fence?: boolean;
  readonly fetch?: typeof globalThis.fetch;
  /** Of one call, answer included; 5 s without it. */
  readonly timeoutMs?: Milliseconds;
}

const CARE: ArtefactCare = { look: "bytes", upTo: 16 * 1024 * 1024, believeMs: 60_000 };

/**
 * Restores what an alias of MLflow 3's registry points at, at `SCHEME://models/NAME@ALIAS` and
 * `SCHEME://prompts/NAME@ALIAS` (docs/adapters/mlflow.md). A revision is a version of the registry by its content.
 *
 * `blind`: MLflow replaces an alias without a precondition and takes no idempotency key, so a rival that moves it in
 * the moment between our last read and our write is overwritten unseen; one that moves it later is seen.
 */
export function createMlflowAdapter(options: MlflowAdapterOptions): RestoreAdapter {
  const { scheme, fence = true } = options;
  const { registry, revisions, artefacts, serving, care, asks } = partsOf(options);

  const place = (at: string): Place => {
    const found = placeAt(scheme, at);
    if ("flaw" in found) throw new MlflowProblem(found.flaw, 400);
    return found;
  };
  const live = async (at: Place, signal: AbortSignal) => {
    const version = await registry.aliased(at, signal);
    const flaw = kindFlaw(at, version, scheme);
    if (flaw !== undefined) throw new MlflowProblem(flaw, 400);
    return revisions.identify(at, version, care.believeMs, signal);
  };

  const adapter: RestoreAdapter = {
    name: scheme,
    guarantee: "blind",
    undo: () => "compensatable",
    serves: (at) => at.startsWith(`${scheme}://`),
    read: (at, signal) =>
      answer<Observed>(async () => {
        const { digest, version } = await live(place(at), signal);
        return { kind: "live", digest, version: version.version, label: `${version.name} ${version.version}` };
      }, unreachable),
    holds: (at, digest, signal) =>
      answer(
        async () => {
          const where = place(at);
          await registry.aliased(where, signal);
          const found = await revisions.find(where, digest, 0, signal);
          return found !== undefined && found.flaw === undefined;
        },
        () => false,
      ),
    async apply(request, signal) {
      const where = placeAt(scheme, request.at);
      if ("flaw" in where) return { kind: "refused", reason: where.flaw };
      const flaw = requestFlaw(request);
      if (flaw !== undefined) return { kind: "refused", reason: flaw };
      const applied = await moveAlias({ registry, revisions, fence }, where, request, signal);
      if (applied.kind === "applied" || applied.kind === "already") serving.reload(where);
      return applied;
    },
    resolve: (at, reference, signal) =>
      answer<Resolved>(() => resolved({ registry, revisions, scheme }, place(at), reference, signal), unreachable),
    concerns: (at, digest, signal) =>
      answer(
        () => concernsAbout({ registry, revisions, artefacts, serving, care }, place(at), digest, signal),
        (reason) => [{ level: "blocking", text: reason }],
      ),
    identify: (_at, signal) => answer<Identity>(() => identityOf(registry, signal), unreachable),
  };
  if (!asks) return adapter;
  return {
    ...adapter,
    sees(at) {
      const where = placeAt(scheme, at);
      return !("flaw" in where) && serving.knows(where);
    },
    seen: (at, digest, signal) =>
      answer<Seen>(async () => {
        const where = place(at);
        const { version, digest: found } = await live(where, signal);
        if (found !== digest) return { kind: "pending", reason: `the alias points at version ${version.version}` };
        return serving.seen(where, version, digest, signal);
      }, unreachable),
  };
}

function partsOf({ url, authorization, fetch, timeoutMs = 5_000, ...options }: MlflowAdapterOptions) {
  const care = { ...CARE, ...options.artefacts };
  const shared = { timeoutMs, ...(fetch === undefined ? {} : { fetch }) };
  const call = createMlflowCall({ url, ...shared, ...(authorization === undefined ? {} : { authorization }) });
  const registry = createRegistry(call);
  const artefacts = createArtefacts(call, registry, care);
  const [points, reload] = [mapOf(options.serving), mapOf(options.reload)];
  return {
    care,
    registry,
    artefacts,
    revisions: createRevisions(registry, artefacts, care),
    serving: createServing({ serving: points, reload, ...shared }),
    /** Does anything outside the registry say or do something? */
    asks: points.size + reload.size > 0,
  };
}

const unreachable = (reason: string) => ({ kind: "unreachable", reason }) as const;

const mapOf = <T>(record: Readonly<Record<string, T>> = {}) => new Map(Object.entries(record));

/** Runs it; what is thrown becomes the answer that says so. */
async function answer<T>(work: () => Promise<T>, otherwise: (reason: string) => T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    return otherwise(error instanceof Error ? error.message : String(error));
  }
}

function requestFlaw({ desired, key, fence }: Parameters<RestoreAdapter["apply"]>[0]): string | undefined {
  if (!isDigest(desired)) return "the desired digest is not a digest";
  if (key === "") return "the request has no key";
  return Number.isSafeInteger(fence) && fence >= 0 ? undefined : "the fence is not a whole number";
}
