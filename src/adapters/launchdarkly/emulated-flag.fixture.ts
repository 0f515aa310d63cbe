import { randomUUID } from "node:crypto";

/** What the emulator keeps of a flag or AI config, in the management API's own words. */
export interface EmulatedFlag {
  readonly kind: "flag" | "ai-config";
  readonly project: string;
  readonly key: string;
  readonly variations: { readonly _id: string; readonly name: string; readonly description: string; value: unknown }[];
  readonly environments: Record<string, EmulatedTargeting>;
  tags: string[];
  temporary: boolean;
  archived: boolean;
  version: number;
}

export interface EmulatedTargeting {
  version: number;
  on: boolean;
  offVariation: number | null;
  fallthrough: EmulatedServe;
  targets: { variation: number; values: string[]; contextKind: string }[];
  contextTargets: { variation: number; values: string[]; contextKind: string }[];
  rules: (EmulatedServe & { _id: string; clauses: object[]; trackEvents: boolean; description?: string })[];
  prerequisites: { key: string; variation: number }[];
}

export interface EmulatedServe {
  variation?: number;
  rollout?: {
    variations: { variation: number; weight: number }[];
    contextKind: string;
    bucketBy: string;
    seed?: number;
    experimentAllocation?: { type: string; defaultVariation: number; canReshuffle: boolean };
  };
}

export type Patch = { kind: string; [key: string]: unknown };

/** A refusal of a whole patch: nothing of it was done. */
export class PatchRefused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Does all of the instructions or none; answers whether anything changed. The version then rises by one. */
export function applyInstructions(
  flag: EmulatedFlag,
  environment: string,
  instructions: readonly Patch[],
  flagNamed: (key: string) => EmulatedFlag | undefined,
): boolean {
  const live = flag.environments[environment];
  if (!live) throw new PatchRefused(400, `unknown environmentKey ${environment}`);
  const next = structuredClone(live);
  for (const instruction of instructions) {
    const effect = EFFECTS[instruction.kind];
    if (!effect || (flag.kind === "ai-config" && /^turnFlag|Prerequisites$/.test(instruction.kind))) {
      throw new PatchRefused(400, `unknown instruction kind ${instruction.kind}`);
    }
    effect(next, instruction, (id) => indexOf(flag, id), flagNamed);
  }
  if (JSON.stringify(next) === JSON.stringify(live)) return false;
  flag.environments[environment] = { ...next, version: live.version + 1 };
  flag.version += 1;
  return true;
}

type Effect = (
  state: EmulatedTargeting,
  patch: Patch,
  index: (id: unknown) => number,
  flagNamed: (key: string) => EmulatedFlag | undefined,
) => void;

const EFFECTS: Readonly<Record<string, Effect>> = {
  turnFlagOn: (state) => {
    state.on = true;
  },
  turnFlagOff: (state) => {
    state.on = false;
  },
  updateOffVariation: (state, patch, index) => {
    state.offVariation = index(patch["variationId"]);
  },
  updateFallthroughVariationOrRollout: (state, patch, index) => {
    if (state.fallthrough.rollout?.experimentAllocation) {
      throw new PatchRefused(409, "an experiment iteration or a guarded rollout is running on the default rule");
    }
    state.fallthrough = serveOf(patch, index);
  },
  replaceTargets: (state, patch, index) => {
    const all = (patch["targets"] as Patch[]).map((one) => ({
      variation: index(one["variationId"]),
      values: one["values"] as string[],
      contextKind: (one["contextKind"] as string | undefined) ?? "user",
    }));
    state.targets = all.filter(({ contextKind }) => contextKind === "user");
    state.contextTargets = all.filter(({ contextKind }) => contextKind !== "user");
  },
  replaceRules: (state, patch, index) => {
    state.rules = (patch["rules"] as Patch[]).map((rule) => ({
      _id: randomUUID(),
      clauses: (rule["clauses"] as object[]).map((clause) => ({ negate: false, ...clause, _id: randomUUID() })),
      trackEvents: rule["trackEvents"] === true,
      ...(typeof rule["description"] === "string" ? { description: rule["description"] } : {}),
      ...serveOf(rule, index),
    }));
  },
  replacePrerequisites: (state, patch, _index, flagNamed) => {
    state.prerequisites = (patch["prerequisites"] as Patch[]).map((one) => {
      const other = flagNamed(String(one["key"]));
      if (!other) throw new PatchRefused(400, `there is no flag ${one["key"]}`);
      return { key: other.key, variation: indexOf(other, one["variationId"]) };
    });
  },
};

/** The shares of a rollout lie in the order of the flag's variations, those of nothing too. */
function serveOf(patch: Patch, index: (id: unknown) => number): EmulatedServe {
  const weights = patch["rolloutWeights"] as Record<string, number> | undefined;
  if (!weights) return { variation: index(patch["variationId"]) };
  const variations = Object.entries(weights)
    .map(([id, weight]) => ({ variation: index(id), weight }))
    .sort((a, b) => a.variation - b.variation);
  if (variations.reduce((sum, { weight }) => sum + weight, 0) !== 100_000) {
    throw new PatchRefused(400, "rollout weights must sum to 100000");
  }
  const contextKind = (patch["rolloutContextKind"] as string | undefined) ?? "user";
  return { rollout: { variations, contextKind, bucketBy: (patch["rolloutBucketBy"] as string | undefined) ?? "key" } };
}

function indexOf({ variations }: EmulatedFlag, id: unknown): number {
  const index = variations.findIndex((one) => one._id === id);
  if (index < 0) throw new PatchRefused(400, `unknown variationId ${id}`);
  return index;
}

/** The management API's answer. */
export function documentOf(flag: EmulatedFlag, environment?: string): object {
  const places = Object.entries(flag.environments).filter(([key]) => environment === undefined || key === environment);
  const { variations, tags } = flag;
  if (flag.kind === "ai-config") {
    const environments = Object.fromEntries(places.map(([key, state]) => [key, aiTargeting(key, state)]));
    const experiments = { baselineIdx: 0, items: [] };
    return {
      key: flag.key,
      name: flag.key,
      _version: flag.version,
      createdAt: 1,
      tags,
      variations,
      environments,
      experiments,
    };
  }
  const environments = Object.fromEntries(
    places.map(([key, state]) => [key, flagTargeting(key, flag.archived, state)]),
  );
  return {
    key: flag.key,
    name: flag.key,
    kind: variations.every(({ value }) => typeof value === "boolean") ? "boolean" : "multivariate",
    _version: flag.version,
    creationDate: 1,
    variations,
    temporary: flag.temporary,
    archived: flag.archived,
    tags,
    _links: {},
    experiments: { baselineIdx: 0, items: [] },
    customProperties: {},
    environments,
  };
}

const tracking = { trackEvents: false, trackEventsFallthrough: false, lastModified: 1 };

function flagTargeting(name: string, archived: boolean, { offVariation, ...state }: EmulatedTargeting): object {
  const secrets = { salt: "0123456789abcdef", sel: "fedcba9876543210" };
  const site = { _site: { href: "/", type: "text/html" }, _environmentName: name };
  return { ...tracking, ...secrets, ...site, archived, ...state, ...(offVariation === null ? {} : { offVariation }) };
}

function aiTargeting(
  name: string,
  { on, version, offVariation, prerequisites: _, ...state }: EmulatedTargeting,
): object {
  const off = offVariation === null ? {} : { offVariation };
  return { ...tracking, _environmentName: name, enabled: on, _version: version, ...state, ...off };
}

/** What the SDKs of an environment are given for it. */
export function payloadOf(flag: EmulatedFlag, environment: string): object {
  const { targets, contextTargets, rules, ...state } = flag.environments[environment]!;
  return {
    ...state,
    key: flag.key,
    salt: "0123456789abcdef",
    variations: flag.variations.map(({ value }) => value),
    targets: targets.map(({ variation, values }) => ({ variation, values })),
    // Lists of users come once more as empty places, so that the order between kinds is known.
    contextTargets:
      contextTargets.length === 0 ? [] : [...contextTargets, ...targets.map((one) => ({ ...one, values: [] }))],
    rules: rules.map(({ _id, description: _, ...rule }) => ({ ...rule, id: _id })),
    clientSide: false,
    deleted: false,
  };
}
