import { canonicalJson, type Digest, digestOfJson, type Json } from "../../core/digest.ts";
import type { FlagAddress } from "./address.ts";

/** A variation, by the digest of its value: ids differ between environments and copies, and values may be prompts. */
type VariationRef = Digest;

/** One variation, or shares of 100,000 over several. */
export type Serve =
  | { readonly variation: VariationRef }
  | {
      readonly weights: readonly { readonly variation: VariationRef; readonly weight: number }[];
      readonly contextKind: string;
      readonly bucketBy: string;
      readonly seed?: number;
      /** `experiment` or `measuredRollout` while one of them runs on it. */
      readonly experiment?: string;
    };

export interface Clause {
  readonly contextKind: string;
  readonly attribute: string;
  readonly op: string;
  readonly negate: boolean;
  readonly values: readonly Json[];
}

export interface TargetList {
  readonly contextKind: string;
  readonly variation: VariationRef;
  readonly values: readonly string[];
}

/**
 * Everything that decides what a flag serves in one environment, in one way of writing: without ids, names, tracking
 * and dates. Its digest is the flag's revision.
 */
export interface ServingState {
  readonly kind: FlagAddress["kind"];
  readonly project: string;
  readonly key: string;
  readonly on: boolean;
  readonly off: VariationRef | null;
  readonly fallthrough: Serve | null;
  readonly targets: readonly TargetList[];
  readonly rules: readonly { readonly clauses: readonly Clause[]; readonly serve: Serve | null }[];
  /** Variations of other flags, by their index as the SDKs know them. */
  readonly prerequisites: readonly { readonly key: string; readonly variation: number }[];
}

/** The targeting of one environment as the management API and the SDKs' payload write it. */
export interface RawTargeting {
  readonly on: boolean;
  readonly offVariation?: number | null | undefined;
  readonly fallthrough?: RawServe | null | undefined;
  readonly targets?: readonly RawTarget[] | null | undefined;
  readonly contextTargets?: readonly RawTarget[] | null | undefined;
  readonly rules?: readonly RawRule[] | null | undefined;
  readonly prerequisites?: readonly { readonly key: string; readonly variation: number }[] | null | undefined;
}

export interface RawServe {
  readonly variation?: number | null | undefined;
  readonly rollout?: {
    readonly variations: readonly { readonly variation: number; readonly weight: number }[];
    readonly contextKind?: string | undefined;
    readonly bucketBy?: string | undefined;
    readonly seed?: number | undefined;
    readonly kind?: string | undefined;
    readonly experimentAllocation?: { readonly type?: string | undefined } | undefined;
  } | null;
}

interface RawTarget {
  readonly variation: number;
  readonly values: readonly string[];
  readonly contextKind?: string | undefined;
}

interface RawRule extends RawServe {
  readonly disabled?: boolean | undefined;
  readonly clauses: readonly (Pick<Clause, "attribute" | "op" | "values"> & {
    readonly negate?: boolean | undefined;
    readonly contextKind?: string | undefined;
  })[];
}

export function variationRef(value: Json): VariationRef {
  return digestOfJson(value);
}

export function stateDigest(state: ServingState): Digest {
  return digestOfJson(state as unknown as Json);
}

/** Throws when an index names no variation: such an answer is not understood, and is never guessed at. */
export function servingState(
  { kind, project, key }: FlagAddress,
  raw: RawTargeting,
  values: readonly Json[],
): ServingState {
  const refs = values.map(variationRef);
  const ref = (index: number): VariationRef => {
    const found = refs[index];
    if (found === undefined) throw new Error(`variation ${index} of ${refs.length} does not exist`);
    return found;
  };
  return {
    kind,
    project,
    key,
    on: raw.on,
    off: raw.offVariation == null ? null : ref(raw.offVariation),
    fallthrough: serveOf(raw.fallthrough ?? {}, ref),
    targets: targetsOf([...(raw.targets ?? []), ...(raw.contextTargets ?? [])], ref),
    rules: (raw.rules ?? [])
      .filter(({ disabled }) => disabled !== true)
      .map((rule) => ({ clauses: rule.clauses.map(clauseOf), serve: serveOf(rule, ref) })),
    prerequisites: (raw.prerequisites ?? [])
      .map((one) => ({ key: one.key, variation: one.variation }))
      .sort((a, b) => (a.key < b.key ? -1 : 1)),
  };
}

function serveOf({ variation, rollout }: RawServe, ref: (index: number) => VariationRef): Serve | null {
  if (variation != null) return { variation: ref(variation) };
  if (rollout == null) return null;
  const experiment = rollout.experimentAllocation?.type ?? (rollout.kind === "experiment" ? rollout.kind : undefined);
  return {
    weights: rollout.variations
      .filter(({ weight }) => weight > 0)
      .map((share) => ({ variation: ref(share.variation), weight: share.weight })),
    contextKind: rollout.contextKind || "user",
    bucketBy: rollout.bucketBy || "key",
    ...(rollout.seed == null ? {} : { seed: rollout.seed }),
    ...(experiment === undefined ? {} : { experiment }),
  };
}

/** The order of values, and of lists within a kind, does not matter: a key is in one list of its kind only. */
function targetsOf(raw: readonly RawTarget[], ref: (index: number) => VariationRef): readonly TargetList[] {
  const lists = new Map<string, { contextKind: string; variation: VariationRef; values: Set<string> }>();
  for (const { variation, values, contextKind } of raw) {
    const kind = contextKind || "user";
    const name = `${kind} ${ref(variation)}`;
    const list = lists.get(name) ?? { contextKind: kind, variation: ref(variation), values: new Set() };
    for (const value of values) list.values.add(value);
    lists.set(name, list);
  }
  return [...lists]
    .filter(([, { values }]) => values.size > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, list]) => ({ ...list, values: [...list.values].sort() }));
}

/** A clause holds when any of its values does, so their order does not matter. A segment has no attribute. */
function clauseOf({ attribute, op, negate, contextKind, values }: RawRule["clauses"][number]): Clause {
  const segment = op === "segmentMatch";
  const distinct = new Map(values.map((value) => [canonicalJson(value), value]));
  return {
    contextKind: segment ? "" : contextKind || "user",
    attribute: segment ? "segmentMatch" : attribute,
    op,
    negate: negate ?? false,
    values: [...distinct].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value),
  };
}
