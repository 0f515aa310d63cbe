import type { ConnectionKind } from "./connection.ts";
import { gitConnection } from "./git.ts";
import { http } from "./http.ts";
import { kubernetes } from "./kubernetes.ts";
import { launchdarkly } from "./launchdarkly.ts";
import { mlflow } from "./mlflow.ts";
import { vaultConnection } from "./vault.ts";

/** Every kind of outside system that a connections file can name, by kind. */
export const connectionKinds: readonly ConnectionKind<never>[] = [
  gitConnection,
  http,
  kubernetes,
  launchdarkly,
  mlflow,
  vaultConnection,
] as readonly ConnectionKind<unknown>[] as never;
