import { canonicalJson, type Json } from "../../core/digest.ts";
import type { FlagDocument, Variation } from "./flag-document.ts";
import type { Serve, ServingState } from "./serving-state.ts";

/** An instruction of a semantic patch, as LaunchDarkly's documentation of "Update feature flag" defines them. */
export type Instruction = { readonly kind: string } & Readonly<Record<string, unknown>>;

export type PatchPlan =
  | { readonly kind: "patch"; readonly instructions: readonly Instruction[] }
  | { readonly kind: "impossible"; readonly reason: string };

/** The variation ids of the flags that are prerequisites, in their order; from their own documents. */
export type PrerequisiteIds = ReadonlyMap<string, readonly string[]>;

class Impossible extends Error {}

/**
 * The instructions that take a flag from its live state to the desired one, and touch nothing else. LaunchDarkly does
 * all of a patch or none of it.
 */
export function planPatch(live: FlagDocument, desired: ServingState, prerequisites: PrerequisiteIds): PatchPlan {
  try {
    return { kind: "patch", instructions: instructionsFor(live, desired, prerequisites) };
  } catch (error) {
    if (error instanceof Impossible) return { kind: "impossible", reason: error.message };
    throw error;
  }
}

function instructionsFor(live: FlagDocument, desired: ServingState, known: PrerequisiteIds): readonly Instruction[] {
  const { state, variations } = live;
  const found: Instruction[] = [];
  if (differs(state.prerequisites, desired.prerequisites)) {
    const prerequisites = desired.prerequisites.map(({ key, variation }) => ({
      key,
      variationId: orImpossible(known.get(key)?.[variation], `the prerequisite flag "${key}" has lost a variation`),
    }));
    found.push({ kind: "replacePrerequisites", prerequisites });
  }
  if (differs(state.targets, desired.targets)) {
    const targets = desired.targets.map(({ contextKind, variation, values }) => ({
      contextKind,
      variationId: idOf(variation, variations),
      values,
    }));
    found.push({ kind: "replaceTargets", targets });
  }
  if (differs(state.rules, desired.rules)) {
    const rules = desired.rules.map(({ clauses, serve }) => ({ clauses, ...served(serve, variations) }));
    found.push({ kind: "replaceRules", rules });
  }
  if (differs(state.fallthrough, desired.fallthrough)) {
    found.push({ kind: "updateFallthroughVariationOrRollout", ...served(desired.fallthrough, variations) });
  }
  if (state.off !== desired.off) {
    const off = orImpossible(desired.off, "LaunchDarkly has no instruction that removes an off variation");
    found.push({ kind: "updateOffVariation", variationId: idOf(off, variations) });
  }
  if (state.on !== desired.on) found.push(turn(live, desired.on));
  return found;
}

function turn({ address }: FlagDocument, on: boolean): Instruction {
  if (address.kind === "flag") return { kind: on ? "turnFlagOn" : "turnFlagOff" };
  throw new Impossible(
    `LaunchDarkly has no instruction that turns an AI config ${on ? "on" : "off"}; do it in its user interface`,
  );
}

function served(serve: Serve | null, variations: readonly Variation[]): Readonly<Record<string, unknown>> {
  if (serve === null) throw new Impossible("LaunchDarkly has no instruction for a rule that serves nothing");
  if ("variation" in serve) return { variationId: idOf(serve.variation, variations) };
  if (serve.experiment !== undefined || serve.seed !== undefined) {
    throw new Impossible("no instruction brings back the split of an experiment or guarded rollout, with its seed");
  }
  const indices = serve.weights.map(({ variation }) => indexOf(variation, variations));
  if (indices.some((index, place) => place > 0 && index <= (indices[place - 1] as number))) {
    throw new Impossible("a rollout's shares are not in the order of the variations, and no instruction sets an order");
  }
  const weights = serve.weights.map(({ weight }, place) => [variations[indices[place] as number]?.id, weight]);
  return {
    rolloutWeights: Object.fromEntries(weights),
    rolloutContextKind: serve.contextKind,
    rolloutBucketBy: serve.bucketBy,
  };
}

const idOf = (ref: string, variations: readonly Variation[]) => (variations[indexOf(ref, variations)] as Variation).id;

function indexOf(ref: string, variations: readonly Variation[]): number {
  const index = variations.findIndex((one) => one.ref === ref);
  if (index < 0) throw new Impossible("a variation that it serves was removed, or has another value now");
  return index;
}

function orImpossible<T>(value: T | null | undefined, reason: string): T {
  if (value === null || value === undefined) throw new Impossible(reason);
  return value;
}

function differs(one: unknown, other: unknown): boolean {
  return canonicalJson(one as Json) !== canonicalJson(other as Json);
}

/** Every variation of the flag itself that a state can serve. */
export function variationsIn(state: ServingState): ReadonlySet<string> {
  const refs = new Set<string>(state.targets.map(({ variation }) => variation));
  if (state.off !== null) refs.add(state.off);
  for (const serve of [state.fallthrough, ...state.rules.map((rule) => rule.serve)]) {
    if (serve === null) continue;
    if ("variation" in serve) refs.add(serve.variation);
    else for (const { variation } of serve.weights) refs.add(variation);
  }
  return refs;
}
