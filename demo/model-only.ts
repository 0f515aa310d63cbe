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

export function modelOnlyText({ asked, agreed, failed }: ModelOnly): string {
  return `Had only the model gone back, and not the schema and the data: ${agreed} of ${asked} known answers right, ${failed} not answered at all`;
}
