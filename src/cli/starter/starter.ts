/** What a first playbook is made from. */
export interface Starter {
  readonly kind: StarterKind;
  readonly system: string;
  readonly owner: string;
  readonly risk: "low" | "medium" | "high";
  /** Requests to the system: `50/min`, `3 answers/s`. */
  readonly traffic: string;
  readonly steps: readonly number[];
  readonly triggers: readonly StarterTrigger[];
  /** How near to normal the figures must be again, in percent. */
  readonly within: number;
  /** Where the running version and the next one answer; not for prompts, which go through a flag. */
  readonly stable: string;
  readonly candidate: string;
  readonly told: readonly string[];
}

export const starterKinds = {
  "http-model": "a model behind HTTP, in two copies behind Rollbook's gateway",
  prompt: "a prompt chain, chosen by a release flag over OpenFeature",
  agent: "an agent behind HTTP: its prompt and tools, in two copies behind Rollbook's gateway",
} as const;

export type StarterKind = keyof typeof starterKinds;

/** An outcome of which more (or less) is harm. `by` and limits are percent. */
export interface StarterTrigger {
  readonly part: string;
  readonly whole: string;
  readonly move: "rises" | "falls" | "above" | "below";
  readonly by: number;
  readonly unit: "%" | "pp";
}

export const CANARY = [5, 25, 50, 95] as const;

/** What usually tells first that a system of this kind does harm. */
export const usualTriggers: Readonly<Record<StarterKind, readonly string[]>> = {
  "http-model": ["corrected/decisions rises 50%", "complaints/decisions rises 50%", "appealed/decisions rises 50%"],
  prompt: ["complaints/answers rises 50%", "escalated/answers rises 50%", "unsafe/answers above 1%"],
  agent: ["undone/actions rises 50%", "handed-over/actions rises 50%", "unsafe/actions above 1%"],
};

const TRIGGER =
  /^([a-z][a-z0-9-]*)\s*\/\s*([a-z][a-z0-9-]*)\s+(?:(rises|falls)(?:\s+by)?\s+(\d+(?:\.\d+)?)\s*(%|pp)|(above|below)\s+(\d+(?:\.\d+)?)\s*%)$/;

/** Reads `complaints/answers rises 50%`, `approved/decisions falls 2pp`, `missed/frauds above 1.5%`. */
export function readTrigger(text: string): StarterTrigger | undefined {
  const match = TRIGGER.exec(text.trim().toLowerCase());
  if (!match) return undefined;
  const [, part = "", whole = "", move, by, unit, side, limit] = match;
  const amount = Number(by ?? limit);
  if (part === whole || !(amount > 0) || (unit !== "%" && amount > 99)) return undefined;
  if (move === "falls" && amount > 99) return undefined;
  return { part, whole, move: (move ?? side) as StarterTrigger["move"], by: amount, unit: unit === "pp" ? "pp" : "%" };
}

export function sayTrigger({ part, whole, move, by, unit }: StarterTrigger): string {
  return `${part}/${whole} ${move} ${by}${unit}`;
}

/** A name as the playbook language takes it, made from whatever people call a thing. */
export function slug(text: string): string {
  return text
    .toLowerCase()
    .normalize("NFKD")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^[^a-z]+|-+$/g, "")
    .slice(0, 64)
    .replace(/-+$/, "");
}

export function isName(text: string): boolean {
  return /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(text) && text.length <= 64;
}

export function isTraffic(text: string): boolean {
  return /^\d+(?:\.\d+)?(?:\s+[a-z-]+)?\s*\/\s*(?:s|min|h)$/.test(text.trim());
}
