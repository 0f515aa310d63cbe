import { type Digest, digestOf, digestOfJson, shortDigest } from "../../core/digest.ts";
import { RollbookError } from "../../core/errors.ts";
import type { FlagState, Guard } from "../../core/ports.ts";

type Variants = FlagState["variants"];

/** A revision of a flag: its digest covers key, variant and variants. Throws REQUEST_INVALID for an unknown variant. */
export function defineFlag(key: string, variants: Variants, variant: string): FlagState {
  if (key === "" || !Object.hasOwn(variants, variant)) {
    throw new RollbookError("REQUEST_INVALID", { reason: `flag "${key}" has no variant "${variant}"` });
  }
  return { key, digest: digestOfJson({ key, variant, variants }), variant, variants };
}

/** The built-in flags: one value each for everyone, changed only by conditional writes. */
export interface FlagBook {
  /** The live state of a flag and the token that a conditional write must name. */
  get(key: string): { readonly flag: FlagState; readonly version: string } | undefined;
  /** All live flags by key. */
  list(): readonly FlagState[];
  /** Every revision that can be brought back: each variant of each table of variants that the flag has had. */
  revisions(key: string): readonly FlagState[];
  /** Makes the revisions of a table of variants known without serving any of them. */
  register(flag: FlagState): void;
  /**
   * Serves a revision. Kept first: the state changes only after `keep` has resolved, and stays when it rejects.
   * With a `version`, answers `conflict` when the flag is no longer what the caller read. `keep` gets the guard.
   */
  set(flag: FlagState, version?: string, guard?: Guard): Promise<"set" | "conflict">;
  /** Another process has changed the flag: this is its kept state. */
  follow(flag: FlagState): void;
  /** Digest of all live flags: equal states have equal digests, also after a restart. */
  digest(): Digest;
}

/**
 * `keep` makes a flag durable before it takes effect; `initial` is what was kept. `changed` is called after the effect.
 * A version is a hash chain over the flag's history, so that a token read before a change never fits after it.
 */
export function createFlags(
  initial: readonly FlagState[],
  keep: (flag: FlagState, guard?: Guard) => Promise<void> = async () => {},
  changed: () => void = () => {},
): FlagBook {
  const live = new Map<string, { readonly flag: FlagState; readonly version: string }>();
  const known = new Map<string, Map<Digest, FlagState>>();
  const turns = new Map<string, Promise<unknown>>();

  function register(flag: FlagState): void {
    const revisions = known.get(flag.key) ?? new Map<Digest, FlagState>();
    known.set(flag.key, revisions);
    for (const variant of Object.keys(flag.variants)) {
      const revision = defineFlag(flag.key, flag.variants, variant);
      revisions.set(revision.digest, revision);
    }
  }

  function serve(flag: FlagState): void {
    const before = live.get(flag.key)?.version ?? "";
    live.set(flag.key, { flag, version: shortDigest(digestOf(`${before}>${flag.digest}`)) });
    register(flag);
  }

  async function change(flag: FlagState, version?: string, guard?: Guard): Promise<"set" | "conflict"> {
    if (version !== undefined && live.get(flag.key)?.version !== version) return "conflict";
    await keep(flag, guard);
    serve(flag);
    changed();
    return "set";
  }

  for (const flag of initial) serve(defineFlag(flag.key, flag.variants, flag.variant));

  return {
    get: (key) => live.get(key),
    list: () => [...live.values()].map(({ flag }) => flag).sort((a, b) => (a.key < b.key ? -1 : 1)),
    revisions: (key) => [...(known.get(key)?.values() ?? [])],
    register,
    async set(flag, version, guard) {
      const sound = defineFlag(flag.key, flag.variants, flag.variant);
      // One write of a flag at a time, or two could pass the same condition while the first is being kept.
      const turn = (turns.get(flag.key) ?? Promise.resolve()).then(() => change(sound, version, guard));
      turns.set(
        flag.key,
        turn.catch(() => {}),
      );
      return await turn;
    },
    follow(flag) {
      if (live.get(flag.key)?.flag.digest === flag.digest) return;
      serve(defineFlag(flag.key, flag.variants, flag.variant));
      changed();
    },
    digest: () => digestOfJson(Object.fromEntries([...live].map(([key, { flag }]) => [key, flag.digest]))),
  };
}
