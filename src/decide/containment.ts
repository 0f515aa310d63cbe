/** Where traffic goes when harm is decided. `nowhere`: nothing else serves, so what serves answers until it is restored. */
export type Containment = "stable" | "else" | "safe" | "nowhere";

/** Which pre-signed ways the playbook declares and the edge can take at once. */
export interface Fallbacks {
  readonly else: boolean;
  readonly safe: boolean;
}

/** Stable first; where it cannot serve beside what is live, or is sick itself, the other way, and then the safe state. */
export function containmentOf(stableServes: boolean, fallbacks: Fallbacks): Containment {
  if (stableServes) return "stable";
  if (fallbacks.else) return "else";
  return fallbacks.safe ? "safe" : "nowhere";
}
