import { setTimeout } from "node:timers/promises";
import type { Digest } from "../../core/digest.ts";
import type { Clock } from "../../core/ports.ts";
import type { EmulatedFlag } from "./emulated-flag.fixture.ts";
import { ENVIRONMENT, SDK_KEY, TOKEN } from "./emulated-world.fixture.ts";
import { createLaunchDarklyAdapter, type LaunchDarklyOptions } from "./launchdarkly-adapter.ts";
import type { Snapshots } from "./snapshots.ts";

export const AT = "ld://lending/loan-explanations";
export const AI_AT = "ld://lending/ai-configs/loan-assistant";

const clean = { targets: [], contextTargets: [], rules: [], prerequisites: [] };

/** A flag of three prompts: "safe" is off, "old" serves everyone but some. */
export function explanationsFlag(): EmulatedFlag {
  const clause = {
    _id: "c-1",
    attribute: "country",
    op: "in",
    values: ["SE", "NO"],
    negate: false,
    contextKind: "user",
  };
  return {
    kind: "flag",
    project: "lending",
    key: "loan-explanations",
    variations: [
      { _id: "v-safe", name: "safe", description: "", value: "no explanation" },
      { _id: "v-old", name: "old", description: "", value: "explain in one sentence" },
      { _id: "v-new", name: "new", description: "", value: "explain at length" },
    ],
    environments: {
      production: {
        version: 11,
        on: true,
        offVariation: 0,
        fallthrough: { variation: 1 },
        targets: [{ variation: 0, values: ["ada", "bob"], contextKind: "user" }],
        contextTargets: [{ variation: 1, values: ["phone-7"], contextKind: "device" }],
        rules: [{ _id: "r-1", clauses: [clause], trackEvents: false, variation: 0 }],
        prerequisites: [{ key: "loans-open", variation: 0 }],
      },
      staging: { version: 3, on: false, offVariation: 0, fallthrough: { variation: 2 }, ...clean },
    },
    tags: [],
    temporary: false,
    archived: false,
    version: 20,
  };
}

export function openFlag(): EmulatedFlag {
  const on = { version: 2, on: true, offVariation: 1, fallthrough: { variation: 0 }, ...clean };
  return {
    ...{ kind: "flag", project: "lending", key: "loans-open" },
    variations: [
      { _id: "o-true", name: "", description: "", value: true },
      { _id: "o-false", name: "", description: "", value: false },
    ],
    environments: { production: on },
    ...{ tags: [], temporary: true, archived: false, version: 2 },
  };
}

export function assistantConfig(): EmulatedFlag {
  const content = (variationKey: string, version: number, enabled: boolean, prompt: string) => ({
    _ldMeta: { variationKey, version, enabled },
    model: { name: "example-model" },
    messages: [{ role: "system", content: prompt }],
  });
  return {
    ...{ kind: "ai-config", project: "lending", key: "loan-assistant" },
    variations: [
      { _id: "a-0", name: "disabled", description: "", value: { _ldMeta: { enabled: false } } },
      { _id: "a-1", name: "Helpful", description: "", value: content("helpful", 1, true, "Be helpful.") },
      { _id: "a-2", name: "Helpful 2", description: "", value: content("helpful", 2, true, "Be very helpful.") },
    ],
    environments: { production: { version: 4, on: true, offVariation: 0, fallthrough: { variation: 1 }, ...clean } },
    ...{ tags: [], temporary: false, archived: false, version: 4 },
  };
}

export const realClock: Clock = {
  now: () => Date.now(),
  sleep: (span, signal) => setTimeout(span, undefined, signal ? { signal } : {}).catch(() => {}),
};

/** Snapshots that last as long as the test; the maps are open, so that they can be damaged. */
export function memorySnapshots(): Snapshots & { readonly texts: Map<Digest, string> } {
  const texts = new Map<Digest, string>();
  const names = new Map<string, Digest>();
  return {
    texts,
    get: async (digest) => texts.get(digest),
    put: async (digest, json) => void texts.set(digest, json),
    named: async (name) => names.get(name),
    name: async (name, digest) => void names.set(name, digest),
  };
}

export function adapterFor(base: string, more: Partial<LaunchDarklyOptions> = {}) {
  return createLaunchDarklyAdapter({
    scheme: "ld",
    environment: ENVIRONMENT,
    token: TOKEN,
    sdkKey: SDK_KEY,
    snapshots: memorySnapshots(),
    clock: realClock,
    api: base,
    sdk: base,
    ...more,
  });
}
