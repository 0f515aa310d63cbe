import type { Release } from "../src/core/release.ts";
import type { Child } from "./child.ts";

/**
 * What would have become of the bank of the article: the model goes back, schema and data stay. The system answers fifty
 * applications of which release 1's answers are known, with release 1's model over what is live.
 */
export interface ModelOnly {
  readonly asked: number;
  readonly agreed: number;
  readonly failed: number;
}

/** Asks the system while the candidate's components are in place; undefined when it cannot be asked. */
export async function modelOnly(system: Child, stable: Release): Promise<ModelOnly | undefined> {
  const digest = stable.revisions["model"]?.digest;
  const answer = await fetch(`http://127.0.0.1:${system.port}/probe?model=${digest}`).catch(() => undefined);
  return answer?.ok ? ((await answer.json()) as ModelOnly) : undefined;
}

/** Known answers asked twice: while only the model would have gone back, and when everything was back. */
export interface Probes {
  readonly gone: ModelOnly;
  readonly back: ModelOnly | undefined;
}

export function probesText({ gone, back }: Probes): string {
  const lines = [
    `  Had only the model gone back, not schema and data: ${gone.agreed} of ${gone.asked} known answers right`,
  ];
  if (back)
    lines.push(
      `  With everything back:                              ${back.agreed} of ${back.asked} known answers right`,
    );
  return lines.join("\n");
}
