import { digestOfJson } from "../../core/digest.ts";
import type { Applied, FlagState, RestoreAdapter, RestoreRequest } from "../../core/ports.ts";

/** What a holder of flags must offer: a conditional write, and the revisions that it can bring back. */
export interface FlagTarget {
  get(key: string): { readonly flag: FlagState; readonly version: string } | undefined;
  /** Kept only while nobody has acted under a newer fence, where it can know that. */
  set(flag: FlagState, version: string, by: Pick<RestoreRequest, "at" | "fence">): Promise<"set" | "conflict">;
  revisions(key: string): readonly FlagState[];
}

const SCHEME = "flags://";
const MOST_KEYS = 10_000;

/** Restores built-in flags at `flags://KEY`, with the key percent-encoded where it must be. */
export function createFlagRestore(target: FlagTarget): RestoreAdapter {
  const fences = new Map<string, number>();
  const turns = new Map<string, Promise<unknown>>();
  // Idempotency keys that had their effect. The oldest are forgotten; a repeat of one then meets the version instead.
  const done = new Set<string>();

  async function apply(request: RestoreRequest, flagKey: string, signal: AbortSignal): Promise<Applied> {
    const fence = fences.get(flagKey) ?? 0;
    if (done.has(request.key)) return { kind: "already" };
    if (request.fence < fence) return { kind: "stale", reason: `fence ${fence} has written` };
    if (signal.aborted) return { kind: "unknown", reason: "given up before the write" };
    const live = target.get(flagKey);
    if (!live) return { kind: "refused", reason: `there is no flag "${flagKey}"` };
    const revision = intact(target, flagKey, request.desired);
    if (!revision) return { kind: "refused", reason: "this revision of the flag is not known" };
    if (live.flag.digest !== request.before.digest) return { kind: "conflict", reason: "another revision is live" };
    const written = await target.set(revision, request.before.version, request);
    if (written === "conflict") return { kind: "conflict", reason: "the flag was changed after it was read" };
    fences.set(flagKey, request.fence);
    done.add(request.key);
    for (const oldest of done) {
      if (done.size <= MOST_KEYS) break;
      done.delete(oldest);
    }
    return { kind: "applied" };
  }

  return {
    name: "flags",
    guarantee: "cas",
    undo: () => "compensatable",
    serves: (at) => keyOf(at) !== undefined,
    async read(at) {
      const live = target.get(keyOf(at) ?? "");
      if (!live) return { kind: "unreachable", reason: `there is no flag at ${at}` };
      return { kind: "live", digest: live.flag.digest, version: live.version, label: labelOf(live.flag) };
    },
    holds: async (at, digest) => intact(target, keyOf(at) ?? "", digest) !== undefined,
    async resolve(at, reference) {
      const key = keyOf(at) ?? "";
      const known = target.revisions(key).filter((revision) => intact(target, key, revision.digest));
      const found = known.find(({ variant, digest }) => variant === reference || digest === reference);
      if (found) return { kind: "revision", revision: { digest: found.digest, label: labelOf(found) } };
      const variants = known.map(({ variant }) => variant).join(", ") || "none";
      return { kind: "unknown", reason: `the flag has no variant ${reference}; it has ${variants}` };
    },
    async apply(request, signal) {
      const flagKey = keyOf(request.at) ?? "";
      // One change of a flag at a time: fence and key are looked at and written as one.
      const turn = (turns.get(flagKey) ?? Promise.resolve()).then(() => apply(request, flagKey, signal));
      const answer = turn.catch((error: unknown): Applied => ({ kind: "unknown", reason: String(error) }));
      turns.set(flagKey, answer);
      return await answer;
    },
  };
}

function labelOf({ key, variant }: FlagState): string {
  return `${key} ${variant}`;
}

function keyOf(at: string): string | undefined {
  if (!at.startsWith(SCHEME) || at.length === SCHEME.length) return undefined;
  try {
    return decodeURIComponent(at.slice(SCHEME.length));
  } catch {
    return undefined;
  }
}

/** The revision of this digest, if its content still has it. */
function intact(target: FlagTarget, flagKey: string, digest: string): FlagState | undefined {
  const held = target.revisions(flagKey).find((revision) => revision.digest === digest);
  if (!held) return undefined;
  const { key, variant, variants } = held;
  return digestOfJson({ key, variant, variants }) === digest ? held : undefined;
}
