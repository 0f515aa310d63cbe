import type { ConnectionKind } from "./connection.ts";
import { http } from "./http.ts";
import { opa } from "./opa.ts";

/** Every kind of outside system that a connections file can name. */
export const connectionKinds: readonly ConnectionKind<never>[] = [
  http,
  opa,
] as readonly ConnectionKind<unknown>[] as never;
