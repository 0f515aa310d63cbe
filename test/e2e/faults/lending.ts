import { digestOf } from "../../../src/core/digest.ts";
import type { Playbook } from "../../../src/core/playbook.ts";
import { defineRelease, type Release } from "../../../src/core/release.ts";

/** A protected system of four components behind HTTP, small enough that a whole rollout takes a moment. */
export const SYSTEM = "loans";
export const COMPONENTS = ["schema", "model", "config", "prompt"] as const;
export type ComponentName = (typeof COMPONENTS)[number];

export const revision = (name: ComponentName, number: number) => digestOf(`${name} ${number}`);

/** Who reads another goes out after it and comes back before it: the config, the model, the schema; the prompt is free. */
function release(label: string, number: number, config = number): Release {
  const any = (name: ComponentName) => ({ [name]: [revision(name, 1), revision(name, 2)] });
  const of = (name: ComponentName, n: number) => ({ digest: revision(name, n), label: `${name} ${n}` });
  return defineRelease(SYSTEM, label, {
    schema: of("schema", number),
    model: { ...of("model", number), accepts: any("schema") },
    config: { ...of("config", config), accepts: any("model") },
    prompt: of("prompt", number),
  });
}

export const stable = release("release 1", 1);
export const candidate = release("release 2", 2);
/** Its config does not start. */
export const broken = release("release 3", 2, 3);

export const playbook: Playbook = {
  digest: digestOf("playbook"),
  system: SYSTEM,
  owner: "credit-risk",
  risk: "high",
  authority: "act",
  components: [
    { name: "schema", at: "http://lending/schema", undo: "compensatable" },
    { name: "model", at: "http://lending/model", undo: "compensatable" },
    { name: "config", at: "http://lending/config", undo: "compensatable" },
    { name: "prompt", at: "http://lending/prompt", undo: "compensatable" },
    { name: "route", at: "gateway:loans", undo: "compensatable" },
  ],
  signals: [{ name: "losses", kind: "share", part: "defaulted", of: "loans", from: "events", better: "down" }],
  triggers: [
    { kind: "compare", name: "rising", signal: "losses", move: "rises", by: { kind: "relative", value: 0.4 } },
  ],
  hardLimits: [],
  falseAlarms: 0.001,
  how: { steps: [10, 95], each: 600_000, holdback: 5, contain: "stable", within: 60_000 },
  fixed: { criteria: [{ kind: "within", signal: "losses", margin: { kind: "relative", value: 0.6 } }], for: 3000 },
  who: { now: ["page://dashboard"] },
};
