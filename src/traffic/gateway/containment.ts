/**
 * Where every request goes while the system is contained, whatever its route says. `stable`: nobody gets the candidate.
 * `else`: another way of doing the same work. `safe`: an answer that harms nobody.
 */
export type Containment = "stable" | "else" | "safe";

/** An answer that is ready before it is needed. */
export interface StaticAnswer {
  readonly status: number;
  /** JSON text, or what `headers` say it is. */
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What was signed before the release: where to go when stable cannot serve, and when nothing can. */
export interface Fallback {
  /** Base URL of the other way. */
  readonly else?: string | URL;
  /** Base URL of something simple, or the answer itself. */
  readonly safe?: string | URL | StaticAnswer;
}

export function isStaticAnswer(safe: NonNullable<Fallback["safe"]>): safe is StaticAnswer {
  return typeof safe === "object" && !(safe instanceof URL);
}
