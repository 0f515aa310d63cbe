import { alertmanager } from "./alertmanager.ts";
import { command } from "./command.ts";
import type { ConnectionKind } from "./connection.ts";
import { fingerprint } from "./fingerprint.ts";
import { flyway } from "./flyway.ts";
import { gitConnection } from "./git.ts";
import { http } from "./http.ts";
import { kubernetes } from "./kubernetes.ts";
import { launchdarkly } from "./launchdarkly.ts";
import { mlflow } from "./mlflow.ts";
import { opa } from "./opa.ts";
import { pagerduty } from "./pagerduty.ts";
import { prometheus } from "./prometheus.ts";
import { slack } from "./slack.ts";
import { sqlSchema } from "./sql-schema.ts";
import { vaultConnection } from "./vault.ts";
import { webhook } from "./webhook.ts";

/** Every kind of outside system that a connections file can name, by kind. */
export const connectionKinds: readonly ConnectionKind<never>[] = [
  alertmanager,
  command,
  fingerprint,
  flyway,
  gitConnection,
  http,
  kubernetes,
  launchdarkly,
  mlflow,
  opa,
  pagerduty,
  prometheus,
  slack,
  sqlSchema,
  vaultConnection,
  webhook,
] as readonly ConnectionKind<unknown>[] as never;
