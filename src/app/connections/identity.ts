import type { Digest } from "../../core/digest.ts";
import type {
  Applied,
  Concern,
  Observed,
  Resolved,
  RestoreAdapter,
  Rival,
  RivalAddress,
  RivalObserved,
  RivalRequest,
  Seen,
  Staged,
} from "../../core/ports.ts";
import { systemClock } from "../system-clock.ts";

/** How long an answer to "who are you?" is believed. A write is never further from one than this. */
const BELIEVED_MS = 5000;
const ASK_MS = 5000;

/** `silent`: nobody said who it is, which may pass. `other`: it is not what was declared. */
export interface IdentityFlaw {
  readonly kind: "silent" | "other";
  readonly reason: string;
}

/** Why what answers at an address is not known to be what was declared; undefined when it is. */
export async function identityFlaw(
  adapter: RestoreAdapter,
  at: string,
  declared: string | undefined,
): Promise<IdentityFlaw | undefined> {
  if (!adapter.identify) return { kind: "other", reason: `${adapter.name} cannot tell who answers at ${at}` };
  const found = await adapter
    .identify(at, AbortSignal.timeout(ASK_MS))
    .catch((error: Error) => ({ kind: "unreachable" as const, reason: error.message }));
  if (found.kind === "unreachable") return { kind: "silent", reason: `${at} does not say who it is: ${found.reason}` };
  const { identity } = found;
  if (declared === undefined) {
    return { kind: "other", reason: `${at} is "${identity}", and its connection declares no identity to compare with` };
  }
  return identity === declared
    ? undefined
    : { kind: "other", reason: `${at} is "${identity}", and not "${declared}" as declared` };
}

/**
 * An adapter that touches nothing where another answers than was declared: the staging database that was the production
 * one after all. Reading says why it is unreachable, writing is refused; names are not looked up there either,
 * because some adapters take what they find into keeping, and `seen` may tell the process that serves to load.
 */
export function guarded(adapter: RestoreAdapter, declared: string): RestoreAdapter {
  const believed = new Map<string, { readonly until: number; readonly flaw: Promise<IdentityFlaw | undefined> }>();
  const flawAt = (at: string): Promise<IdentityFlaw | undefined> => {
    const known = believed.get(at);
    if (known && systemClock.now() < known.until) return known.flaw;
    const flaw = identityFlaw(adapter, at, declared);
    believed.set(at, { until: systemClock.now() + BELIEVED_MS, flaw });
    void flaw.then((found) => found && believed.delete(at));
    return flaw;
  };
  const { resolve, seen, stage, concerns, rivals, readRival, writeRival } = adapter;
  return {
    ...adapter,
    ...(resolve && {
      async resolve(at: string, reference: string, signal: AbortSignal): Promise<Resolved> {
        const flaw = await flawAt(at);
        return flaw ? { kind: "unreachable", reason: flaw.reason } : resolve.call(adapter, at, reference, signal);
      },
    }),
    ...(seen && {
      async seen(at: string, digest: Digest, signal: AbortSignal): Promise<Seen> {
        const flaw = await flawAt(at);
        return flaw ? { kind: "unreachable", reason: flaw.reason } : seen.call(adapter, at, digest, signal);
      },
    }),
    ...(stage && {
      async stage(at: string, digest: Digest, signal: AbortSignal): Promise<Staged> {
        const flaw = await flawAt(at);
        if (flaw) return { kind: flaw.kind === "silent" ? "pending" : "failed", reason: flaw.reason };
        return stage.call(adapter, at, digest, signal);
      },
      async unstage(at: string, signal: AbortSignal): Promise<void> {
        if (!(await flawAt(at))) await adapter.unstage?.(at, signal);
      },
    }),
    ...(concerns && {
      async concerns(at: string, digest: Digest, signal: AbortSignal): Promise<readonly Concern[]> {
        const flaw = await flawAt(at);
        return flaw ? [{ level: "blocking", text: flaw.reason }] : concerns.call(adapter, at, digest, signal);
      },
    }),
    ...(rivals && {
      async rivals(at: string, signal: AbortSignal): Promise<readonly Rival[]> {
        return (await flawAt(at)) ? [] : rivals.call(adapter, at, signal);
      },
    }),
    ...(readRival && {
      async readRival(rival: RivalAddress, signal: AbortSignal): Promise<RivalObserved> {
        const flaw = await flawAt(rival.through);
        return flaw ? { kind: "unreachable", reason: flaw.reason } : readRival.call(adapter, rival, signal);
      },
    }),
    ...(writeRival && {
      async writeRival(request: RivalRequest, signal: AbortSignal): Promise<Applied> {
        const flaw = await flawAt(request.through);
        return flaw ? unwritten(flaw) : writeRival.call(adapter, request, signal);
      },
    }),
    async read(at, signal): Promise<Observed> {
      const flaw = await flawAt(at);
      return flaw ? { kind: "unreachable", reason: flaw.reason } : adapter.read(at, signal);
    },
    async holds(at, digest, signal) {
      return (await flawAt(at)) === undefined && adapter.holds(at, digest, signal);
    },
    async apply(request, signal): Promise<Applied> {
      const flaw = await flawAt(request.at);
      return flaw ? unwritten(flaw) : adapter.apply(request, signal);
    },
  };
}

function unwritten({ kind, reason }: IdentityFlaw): Applied {
  return { kind: kind === "silent" ? "unknown" : "refused", reason };
}
