import type { ConnectionKind } from "./connection.ts";
import { http } from "./http.ts";

/** Every kind of outside system that a connections file can name. */
export const connectionKinds: readonly ConnectionKind<never>[] = [http] as readonly ConnectionKind<unknown>[] as never;
