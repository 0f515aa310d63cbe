import { CANARY, type StarterKind } from "../starter/starter.ts";

/** The ways of going out of which a playbook picks one, with what they make of its steps. */
export const strategies = {
  canary: { says: "a few percent first, then more; stable keeps serving beside it", steps: CANARY },
  "blue-green": {
    says: "two copies, all traffic but a holdback at once; quick, and harm reaches everybody",
    steps: [95],
  },
  "feature-flag": { says: "a release flag that the application reads; a few percent first, then more", steps: CANARY },
} as const satisfies Record<string, { readonly says: string; readonly steps: readonly number[] }>;

export type Strategy = keyof typeof strategies;

/** Those that Rollbook can do for a kind of system; the recommended one first. */
export function strategiesOf(kind: StarterKind): readonly Strategy[] {
  return kind === "prompt" ? ["feature-flag"] : ["canary", "blue-green"];
}
